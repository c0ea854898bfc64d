"""The text of reasons, in English: the only sentences of the domain. They are for people; no code inspects them."""

from collections.abc import Iterable
from typing import assert_never

from deploydb.domain.gate_wording import comments_text, gate_text
from deploydb.domain.gates.formatting import instant
from deploydb.domain.model.admission_reasons import (
    BehindHotfix,
    BeingDeployed,
    BeingVerified,
    FreezeOver,
    FreezeOverridden,
    Frozen,
    GroupFull,
    Held,
    InLineBehind,
    ModuleRemoved,
    NewerIsLive,
    NotBefore,
    Paused,
    Pinned,
    RollbackFirst,
    SkippedByHotfix,
    StageAddedLater,
    StageRemoved,
    Superseded,
    Vetoed,
)
from deploydb.domain.model.gate_reasons import (
    AwaitingApproval,
    AwaitingAttestation,
    AwaitingJobs,
    CheckRunning,
    DependencyMissing,
    DependencyUnverified,
    DependencyVersion,
    ExpressionFalse,
    GateReason,
    SoakIncident,
    Soaking,
    SoakNotLive,
    SoakUnverified,
)
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import (
    Admitted,
    AttemptFailed,
    AwaitingStages,
    Expired,
    ExpiryDeferred,
    FailedBeside,
    FailedUpstream,
    FailureIgnored,
    FinishedInTime,
    FinishedLate,
    FinishedWithoutCommand,
    Followed,
    GatesPassed,
    LiveLate,
    NewestPublished,
    NoGates,
    NoRollbackTarget,
    NotAsked,
    NothingLive,
    NotRecorded,
    Observed,
    PutByHand,
    Reason,
    Replaced,
    ReplacedUpstream,
    Reported,
    Retried,
    RetryOf,
    RetryScheduled,
    RollbackFinal,
    RollbackOf,
    RollbackWaits,
    RolledBack,
    RollingBack,
    Several,
    SkippedUpstream,
    SucceededUpstream,
    UpstreamRestored,
)


def text(reason: Reason) -> str:  # noqa: PLR0915  # one case a reason
    """The reason as one line."""
    match reason:
        case Several(reasons=reasons):
            return joined(reasons)
        case GatesPassed(reasons=reasons):
            return ", ".join(map(text, reasons))
        case NoGates():
            return "deployed; no promotion asks for more"
        case Admitted():
            return _admitted(reason)
        case AwaitingStages(environments=environments, all=all_, failed=failed):
            names = (" and " if all_ else " or ").join(environments)
            return f"waits for {names}" + "".join(
                f"; failed in {one.environment}: {text(one.reason)}" for one in failed
            )
        case AttemptFailed(text=own):
            return own or "its orchestrator gave no reason"
        case Reported(text=own):
            return own
        case Superseded(version=version, higher=higher):
            return f"superseded by {version}, {_newer(higher)}"
        case NewerIsLive(environment=environment, version=version, higher=higher):
            return f"{environment} runs {version}, {_newer(higher)}"
        case Replaced(version=version):
            return f"replaced by {version}"
        case InLineBehind(version=version):
            return f"waits in line behind {version}"
        case BehindHotfix(version=version, hotfix=hotfix):
            return f"waits for {version}, {hotfix_text(hotfix)}"
        case RollbackFirst():
            return "a rollback goes first"
        case BeingDeployed(version=version, deployment=deployment):
            return f"{version} is being deployed (deployment {deployment})"
        case BeingVerified(version=version, deployment=deployment):
            return f"{version} is being verified (deployment {deployment})"
        case NotBefore(attempt=attempt, at=at):
            return f"attempt {attempt} is made from {instant(at)} on"
        case FailedBeside(version=version, environment=environment, reason=failure):
            return f"{version} failed in {environment}: {text(failure)}"
        case GroupFull(busy=busy, most=most, environments=environments):
            return f"waits for {' or '.join(busy)}: {most} of {', '.join(environments)} at a time"
        case Pinned() | Vetoed() | Frozen() | Paused():
            return _held(reason)
        case FreezeOver():
            return "the freeze is over"
        case FreezeOverridden(freezes=freezes, by=by):
            return f"{joined(freezes)}; overridden by {comments_text(by)}"
        case SkippedByHotfix(hotfix=hotfix):
            return f"skipped: {hotfix_text(hotfix)}"
        case StageAddedLater(environment=environment):
            return f"{environment} became a stage after this flow had begun"
        case StageRemoved(environment=environment, service=service):
            return f"{environment} is no longer a stage of {service}"
        case ModuleRemoved(module=module, service=service):
            return f"{module} is no longer an artifact of {service}"
        case SkippedUpstream(environment=environment, reason=inner):
            return f"skipped in {environment}: {text(inner)}"
        case FailedUpstream(environment=environment, reason=inner):
            return f"failed in {environment}: {text(inner)}"
        case ReplacedUpstream(environment=environment, reason=inner):
            return f"{text(inner)} in {environment}"
        case UpstreamRestored(environment=environment, reason=inner):
            return f"{environment} did not fail: {text(inner)}"
        case Observed(source=source, by=by, text=own):
            return (f"observed, by {by}" if by else f"observed by {source}") + (f": {own}" if own else "")
        case FinishedWithoutCommand():
            return "finished without a command of ours"
        case Expired(deadline=deadline, started=started):
            never = "started and did not finish" if started else "did not start"
            return f"{never} by its deadline {instant(deadline)}"
        case FinishedLate(expired=inner):
            return f"{text(inner)}; it finished later and does run there"
        case FinishedInTime(at=at):
            return f"finished by its deadline, at {instant(at)}; the report came after it"
        case ExpiryDeferred(deadline=deadline):
            return f"expiry waits: ingest has not read past {instant(deadline)}, its deadline"
        case LiveLate():
            return "another version runs by now"
        case RolledBack():
            return "put back"
        case RollbackOf():
            return _rollback(reason)
        case RollbackWaits(rollback=rollback, awaits=awaits):
            return f"{text(rollback)}; it waits: {joined(awaits)}"
        case RollbackFinal():
            return "a rollback is never rolled back"
        case RollingBack(version=version):
            return f"rolled back to {version}"
        case NoRollbackTarget(holds=holds, version=version):
            why = joined(holds) or "no other version has succeeded here"
            return f"nothing to roll back to: {why}" + (f" ({version} was asked for)" if version is not None else "")
        case NothingLive(environment=environment):
            return f"nothing runs in {environment} that could be rolled back"
        case Followed(failure=failure, response=response):
            return f"{text(failure)}; {text(response)}"
        case RetryScheduled(at=at, attempt=attempt, attempts=attempts):
            return f"tried again from {instant(at)} on, attempt {attempt} of {attempts}"
        case Retried(attempt=attempt, deployment=deployment):
            return f"tried again, attempt {attempt} (deployment {deployment})"
        case RetryOf(attempt=attempt, attempts=attempts, failure=failure):
            return f"attempt {attempt} of {attempts}, after: {text(failure)}"
        case FailureIgnored():
            return "ignored, as configured"
        case NewestPublished():
            return "it is the newest that has been published"
        case SucceededUpstream(environment=environment):
            return f"{environment} runs it with success"
        case PutByHand(version=version, expected=expected):
            return f"{text(expected)}; {version} was put there by hand"
        case NotAsked():
            return "not asked yet"
        case NotRecorded():
            return "its reason at that time was not recorded"
        case _:
            gate: GateReason = reason
            return gate_text(gate)


def joined(reasons: Iterable[Reason]) -> str:
    """Reasons that hold at the same time, as one line."""
    return "; ".join(map(text, reasons))


def clause(reason: Reason) -> str:
    """The reason as a clause: with a subject, where its text begins with the verb."""
    first = reason.reasons[0] if isinstance(reason, Several) else reason
    bare = isinstance(first, _PREDICATES) and not (isinstance(first, AwaitingJobs) and first.errored)
    return f"it {text(reason)}" if bare else text(reason)


_PREDICATES = (
    AwaitingApproval,
    AwaitingAttestation,
    AwaitingJobs,
    AwaitingStages,
    BehindHotfix,
    CheckRunning,
    DependencyMissing,
    DependencyUnverified,
    DependencyVersion,
    ExpressionFalse,
    GroupFull,
    InLineBehind,
    SoakIncident,
    Soaking,
    SoakNotLive,
    SoakUnverified,
)


def _newer(higher: bool) -> str:
    return "a higher version" if higher else "published later"


def hotfix_text(hotfix: Comment) -> str:
    """`a hotfix, by alice: prod is down`."""
    return f"a hotfix, by {hotfix.by}: {hotfix.comment}"


def _held(hold: Held) -> str:
    match hold:
        case Pinned():
            scope = f"pinned to {hold.version}"
        case Vetoed():
            scope = f"{hold.version} is vetoed" + (f" from {hold.environment} on" if hold.environment else "")
        case Frozen():
            scope = f"{hold.environment or 'everything'} is frozen" + (f" for {hold.service}" if hold.service else "")
        case Paused():
            scope = f"{hold.service} is paused" + (f" in {hold.environment}" if hold.environment else "")
        case _:
            assert_never(hold)
    why = f": {hold.comment}" if hold.comment else ""
    until = f" (until {instant(hold.until)})" if hold.until is not None else ""
    return f"{scope} by {hold.by}{why}{until}"


def _admitted(reason: Admitted) -> str:
    if reason.promoted_from:
        stages = "; ".join(f"{one.environment}: {text(one.reason)}" for one in reason.promoted_from)
        why = f"promoted from {stages}"
    else:
        why = f"published by {reason.published_by}"
    if reason.attempt is not None:
        why = f"attempt {reason.attempt}; {why}"
    why += f"; {hotfix_text(reason.hotfix)}" if reason.hotfix is not None else ""
    why += "".join(f", {text(passed)}" for passed in reason.entry)
    return f"{why}; the earliest publication stands: {reason.conflict}" if reason.conflict else why


def _rollback(reason: RollbackOf) -> str:
    why = f"rollback from {reason.version}"
    if reason.requested is not None:
        why += f", by {comments_text((reason.requested,))}"
    elif reason.failure is not None:
        why += f": {text(reason.failure)}"
    return f"{why}; {reason.target} succeeded there, deployed {instant(reason.deployed_at)}"
