"""The text of reasons, in English: the only sentences of the domain. They are for people; no code inspects them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from msgspec.structs import asdict

from deploydb.domain.access_wording import not_permitted_text
from deploydb.domain.formatting import in_words, instant, without_breaks
from deploydb.domain.gate_wording import comments_text, gate_text
from deploydb.domain.model import admission_reasons as entry
from deploydb.domain.model import gate_reasons as gate
from deploydb.domain.model import outcome_reasons as outcome
from deploydb.domain.model import reasons as why
from deploydb.domain.model import retry_reasons as retry
from deploydb.domain.model import rollback_reasons as undo
from deploydb.domain.model.access_reasons import NotPermitted
from deploydb.domain.model.branches import excludes
from deploydb.domain.model.reason_parts import Comment, LaneWait, ReasonCase
from deploydb.domain.model.reasons import Reason

_TEXTS: dict[type[ReasonCase], str] = {
    entry.BehindOrder: "waits for {version}, attempted again by {order.by}: {order.comment}",
    entry.InLine: "waits in line",
    entry.BehindHotfix: "waits for {version}, a hotfix, by {hotfix.by}: {hotfix.comment}",
    entry.BehindPromotion: "waits for {version}, promoted by {promotion.by}: {promotion.comment}",
    entry.RollbackFirst: "a rollback goes first",
    entry.BeingDeployed: "{version} is being deployed (deployment {deployment})",
    entry.BeingVerified: "{version} is being verified (deployment {deployment})",
    entry.NotBefore: "attempt {attempt} is made from {at} on",
    entry.FreezeOver: "the freeze is over",
    entry.SkippedByHotfix: "skipped: a hotfix, by {hotfix.by}: {hotfix.comment}",
    entry.StageAddedLater: "{environment} became a stage after this flow had begun",
    entry.StageRemoved: "{environment} is not a stage of {service}",
    entry.ModuleRemoved: "{module} is not an artifact of {service}",
    gate.Approved: "approved by {by}",
    gate.CheckRunning: "waits for {promotion}: {url} is being asked",
    gate.DependencyMet: "{service} in {environment} is at {running}",
    gate.DependencyVersion: "waits for {service} in {environment} to be {version}; it runs {running}",
    gate.DigestMissing: "{promotion}: the artifact was published without a digest, so it cannot be attested",
    gate.ExpressionFalse: "waits for {promotion} to hold: {expression}",
    gate.ExpressionTrue: "{promotion} holds: {expression}",
    gate.ExpressionUnknown: "{promotion} is unknown: {error}",
    gate.GateBroken: "{promotion} could not be evaluated: {error}",
    gate.IncidentOver: "no incident is open",
    gate.Soaked: "{promotion} {duration} met",
    gate.SoakNotLive: "soaks once it runs",
    retry.GateSkipped: "{promotion} is skipped, by {order.by}: {order.comment}",
    retry.RetryForPin: "attempt {attempt}: {pin}",
    retry.RetryForPromotion: "attempt {attempt}: promoted by {promotion.by}: {promotion.comment}",
    why.AlreadyWaiting: "deployment {deployment} waits there already: {reason}",
    why.BundleWaits: "waits for {module} {version}, of the same commit: {reason}",
    why.BundleFailed: "{module} {version}, of the same commit, has failed: {reason}",
    why.BundleFirst: "{module} {version} goes first, of a commit that is partly there",
    why.ErrorLasts: "{error}; no answer since {since}: it blocks until it answers, or a person answers for it",
    outcome.ExpiryDeferred: "expiry waits: ingest has not read past {deadline}, its deadline",
    why.FailedBeside: "{version} failed in {environment}: {reason}",
    why.FailedUpstream: "failed in {environment}: {reason}",
    undo.FailureIgnored: "ignored, as configured",
    outcome.FinishedInTime: "finished by its deadline, at {at}; the report came after it",
    outcome.SucceededAfterAll: "deployed after all, by a report of {at}; an earlier one was of a failure",
    outcome.AttemptObsolete: "not needed: deployment {deployment} has finished after all",
    outcome.DeadlineExtended: "started at {started}: its deadline is {deadline} now",
    outcome.DeadlineDropped: "{environment} has no deadline now: it may take as long as it takes",
    why.ReturnedLate: "{version} finished after its deadline, in place of {previous}: roll it back, or retry it",
    why.FinishedLate: "{expired}; it finished later",
    outcome.FinishedWithoutCommand: "finished without a command of ours",
    why.Followed: "{failure}; {response}",
    why.GatesPassed: "{reasons}",
    outcome.LiveLate: "another version runs by now",
    why.NewestPublished: "it is the newest that has been published",
    outcome.NoGates: "deployed; nothing else to pass",
    why.NotAsked: "not asked yet",
    why.NotRecorded: "its reason at that time was not recorded",
    undo.NothingLive: "nothing runs in {environment} that could be rolled back",
    why.PutByHand: "{expected}; {version} was put there by hand",
    outcome.Replaced: "replaced by {version}",
    why.ReplacedUpstream: "{reason} in {environment}",
    why.Reported: "{text}",
    why.Retried: "tried again, attempt {attempt} (deployment {deployment})",
    why.RetryOf: "attempt {attempt} of {attempts}, after: {failure}",
    why.RetryScheduled: "tried again from {at} on, attempt {attempt} of {attempts}",
    why.RetryRefused: "{version} is not attempted again in {environment}: {obstacle}",
    outcome.RolledBack: "put back",
    undo.RollbackFinal: "a rollback is never rolled back",
    undo.RollingBack: "rolled back to {version}",
    undo.RollbackUnderWay: "a rollback to {version} is under way already (deployment {deployment})",
    why.SkippedUpstream: "skipped in {environment}: {reason}",
    why.SucceededUpstream: "{environment} runs it with success",
    why.TakenBackBeside: "{version} was rolled back in {environment}",
    why.UpstreamRetried: "{environment} is attempted again: {reason}",
    why.UpstreamRestored: "{environment} did not fail: {reason}",
}
"""The texts that differ by their parameters only; those of the other reasons depend on what they have."""


def text(reason: ReasonCase) -> str:
    """The reason as one line. Raises: TypeError for a struct that is none of `Reason`."""
    return without_breaks(_text(reason))


def _text(reason: ReasonCase) -> str:
    template = _TEXTS.get(type(reason))
    if template is not None:
        return template.format_map({name: _parameter(value) for name, value in asdict(reason).items()})
    match reason:
        case why.Several(reasons=reasons):
            return joined(reasons)
        case why.Admitted():
            return _admitted(reason)
        case why.AwaitingStages(environments=environments, all=all_, failed=failed):
            names = (" and " if all_ else " or ").join(environments)
            return f"waits for {names}" + "".join(
                f"; failed in {one.environment}: {text(one.reason)}" for one in failed
            )
        case outcome.AttemptFailed(text=own):
            return own if own and own.strip() else "its orchestrator gave no reason"
        case why.ReportedElsewhere(what=what, field=field, reported=reported, expected=expected):
            named = f"{what} reported for {reported}" if field != "promotion" else f"{reported} reported"
            return f"{named}; this {field} is {expected}"
        case why.ErrorResolved(passed=passed, error=error, by=by):
            counted = "passed" if passed else "failed"
            return f"{text(error)}; counted as {counted} by {comments_text(by) if by else 'its on_error'}"
        case entry.Superseded(version=version, higher=higher):
            return f"superseded by {version}, {_newer(higher)}"
        case entry.InLineBehind(version=version, ahead=ahead):
            return f"waits in line behind {version}" + (f", as number {ahead + 1}" if ahead > 1 else "")
        case entry.NewerIsLive(environment=environment, version=version, higher=higher):
            return f"{environment} runs {version}, {_newer(higher)}"
        case entry.BranchElsewhere(pipeline=pipeline, branches=branches, version=version):
            return f"{pipeline} takes {_versions(branches)}, not {version}"
        case entry.NoPipeline(service=service, version=version, pipelines=pipelines):
            known = "; ".join(f"{one.pipeline} takes {_versions(one.branches)}" for one in pipelines)
            return f"no pipeline of {service} takes {version}: {known}"
        case entry.GroupFull(busy=busy, most=most, environments=environments):
            return f"waits for {' or '.join(busy)}: {most} of {', '.join(environments)} at a time"
        case entry.Pinned() | entry.Vetoed() | entry.Frozen() | entry.Paused():
            return _held(reason)
        case entry.FreezeOverridden(freezes=freezes, by=by):
            return f"{joined(freezes)}; overridden by {comments_text(by)}"
        case retry.RetryOrdered(attempt=attempt, order=order, skip=skip):
            without = f", without {', '.join(skip)}" if skip else ""
            return f"attempt {attempt}{without}, by {comments_text((order,))}"
        case retry.NoAttempt(modules=modules):
            several = f"{' and '.join(modules)} have this version: name one of them"
            return several if modules else "no deployment of it is known there"
        case retry.UnknownGates(names=names, known=known):
            return f"no promotion {' or '.join(names)} is asked there; there is {', '.join(known) or 'none'}"
        case outcome.Observed(source=source, by=by, text=own):
            return (f"observed, by {by}" if by else f"observed by {source}") + (f": {own}" if own else "")
        case outcome.Expired(deadline=deadline, started=started):
            never = "started and did not finish" if started else "did not start"
            return f"{never} by its deadline {instant(deadline)}"
        case undo.OtherRuns(environment=environment, version=version, running=running, live_at=live_at):
            instead = f", not {version}" if version is not None else ", which came after the request"
            return f"{environment} runs {running} since {instant(live_at)}{instead}: nothing is rolled back"
        case why.RollbackOf():
            return _rollback(reason)
        case why.CircularWait(waits=waits):
            return f"a circle: {'; '.join(map(_lane_wait, waits))}"
        case why.ConfigurationChanged(host=host, digest=digest, differences=differences, renamed=renamed):
            found = "the first configuration" if differences is None else "; ".join(differences) or "no key differs"
            carried = "".join(f"{old} is now {new}; " for new, old in sorted((renamed or {}).items()))
            return f"{carried}{found} (digest {digest[:12]}, on {host})"
        case why.RollbackWaits(rollback=rollback, awaits=awaits):
            return f"{text(rollback)}; it waits: {joined(awaits)}"
        case undo.NoRollbackTarget(holds=holds, rolled_back=left, failed=failed, version=version):
            since = {"had been rolled back": left, "failed here later": failed}
            passed_over = " and ".join(f"{', '.join(names)} {what}" for what, names in since.items() if names)
            named = f"{passed_over}; name one of them to put it back" if passed_over else ""
            obstacles = "; ".join(filter(None, (joined(holds), named))) or "no other version has succeeded here"
            asked = f" ({version} was asked for)" if version is not None else ""
            return f"nothing to roll back to: {obstacles}{asked}"
        case NotPermitted():
            return not_permitted_text(reason)
        case _:
            return gate_text(reason)


def _versions(branches: Sequence[str]) -> str:
    """`1.9.*, 1.8.* but not 1.8.3`."""
    excluded = [pattern[1:].strip() for pattern in branches if excludes(pattern)]
    wanted = [pattern for pattern in branches if not excludes(pattern)]
    if not excluded:
        return ", ".join(wanted)
    return f"{', '.join(wanted)} but not {', '.join(excluded)}" if wanted else f"all but {', '.join(excluded)}"


def _lane_wait(wait: LaneWait) -> str:
    if not wait.promotion:
        return f"{wait.service} comes to {wait.environment} after {wait.awaited_in}"
    what = f"{wait.service} in {wait.environment} waits for {wait.awaited} in {wait.awaited_in}"
    return f"{what} ({wait.promotion})"


def _parameter(value: object) -> object:
    match value:
        case ReasonCase():
            return text(value)
        case datetime():
            return instant(value)
        case timedelta():
            return in_words(value)
        case tuple():
            return ", ".join(str(_parameter(part)) for part in value)
        case _:
            return value


def joined(reasons: Iterable[Reason]) -> str:
    """Reasons that hold at the same time, as one line."""
    return "; ".join(map(text, reasons))


def clause(reason: Reason) -> str:
    """The reason as a clause: with a subject, where its text begins with the verb."""
    first = reason.reasons[0] if isinstance(reason, why.Several) else reason
    bare = isinstance(first, _PREDICATES) and not (isinstance(first, gate.AwaitingJobs) and first.errored)
    return f"it {text(reason)}" if bare else text(reason)


_PREDICATES = (
    gate.AwaitingApproval,
    gate.AwaitingAttestation,
    gate.AwaitingJobs,
    why.AwaitingStages,
    entry.BehindHotfix,
    entry.BehindPromotion,
    entry.BehindOrder,
    gate.CheckRunning,
    gate.DependencyMissing,
    gate.DependencyUnverified,
    gate.DependencyVersion,
    gate.ExpressionFalse,
    entry.GroupFull,
    entry.InLine,
    entry.InLineBehind,
    gate.SoakIncident,
    gate.Soaking,
    gate.SoakNotLive,
    gate.SoakUnverified,
)


def _newer(higher: bool) -> str:
    return "a higher version" if higher else "published later"


def hotfix_text(hotfix: Comment) -> str:
    """`a hotfix, by alice: prod is down`."""
    return f"a hotfix, by {hotfix.by}: {hotfix.comment}"


def _held(hold: entry.Held) -> str:
    match hold:
        case entry.Pinned():
            scope = f"pinned to {hold.version}"
        case entry.Vetoed():
            scope = f"{hold.version} is vetoed" + (f" from {hold.environment} on" if hold.environment else "")
        case entry.Frozen():
            scope = f"{hold.environment or 'everything'} is frozen" + (f" for {hold.service}" if hold.service else "")
        case entry.Paused():
            scope = f"{hold.service} is paused" + (f" in {hold.environment}" if hold.environment else "")
        case _:
            assert_never(hold)
    comment = f": {hold.comment}" if hold.comment else ""
    ends = (("from", hold.begins), ("until", hold.until))
    span = " ".join(f"{word} {instant(at)}" for word, at in ends if at is not None)
    return f"{scope} by {hold.by}{comment}{f' ({span})' if span else ''}"


def _admitted(reason: why.Admitted) -> str:
    if reason.promoted_from:
        stages = "; ".join(f"{one.environment}: {text(one.reason)}" for one in reason.promoted_from)
        line = f"promoted from {stages}"
    else:
        line = f"published by {reason.published_by or 'a publisher without a name'}"
    if reason.ordered is not None:
        line = f"{text(reason.ordered)}; {line}"
    elif reason.attempt is not None:
        line = f"attempt {reason.attempt}; {line}"
    line += f"; {hotfix_text(reason.hotfix)}" if reason.hotfix is not None else ""
    if reason.promotion is not None:
        past = f" (past {', '.join(reason.skip)})" if reason.skip else ""
        line += f"; promoted by {reason.promotion.by}{past}: {reason.promotion.comment}"
    line += "".join(f", {text(passed)}" for passed in reason.entry)
    line += f"; although {text(reason.beside)}" if reason.beside is not None else ""
    return f"{line}; the file that was recorded first stands: {reason.conflict}" if reason.conflict else line


def _rollback(reason: why.RollbackOf) -> str:
    line = f"rollback from {reason.version}"
    if reason.requested is not None:
        line += f", by {comments_text((reason.requested,))}"
    elif reason.failure is not None:
        line += f": {text(reason.failure)}"
    return f"{line}; {reason.target} succeeded there, deployed {instant(reason.deployed_at)}"
