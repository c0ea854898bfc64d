"""What came of commands, and of what was done without one: the first step of every evaluation.

It needs no catalog: what happened happened, whatever is configured now.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.model.deployment import (
    Deployment,
    Release,
    Status,
)
from deploydb.domain.model.reasons import (
    AttemptFailed,
    Expired,
    ExpiryDeferred,
    FinishedInTime,
    FinishedLate,
    FinishedWithoutCommand,
    NotRecorded,
    UpstreamRestored,
)

_READ_AGAIN_AFTER = timedelta(seconds=1)


def reconcile(lanes: Evaluation) -> None:
    """Expire what was not answered in time, adopt what was not commanded, settle what runs, close what is over."""
    for known in lanes.all():
        _take_back(lanes, known)
    for known in lanes.all():
        _expire(lanes, known)
    for known in lanes.all():
        _adopt(lanes, known)
    for known in lanes.all():
        _explain(lanes, known)
    finished = [known for known in lanes.all() if known.needs_evaluation and known.reported_live_at is not None]
    for known in sorted(finished, key=lambda known: (_came(lanes, known), *_newness(known.release), known.id)):
        _settle_running(lanes, known)
    for known in lanes.all():
        _close(lanes, known)


def _take_back(lanes: Evaluation, known: Deployment) -> None:
    """It had finished by its deadline, which was heard of later: it has not expired, unless something has followed."""
    expired, finished, deadline = known.expired_at, known.finished, known.deadline
    if expired is None or finished is None or deadline is None or finished.time >= deadline:
        return
    followed = known.failure_response in ("retry", "rollback", "full_rollback") or known.replaced_at is not None
    later = (one.requested_at for one in lanes.lane(known.environment) if one.id != known.id)
    if known.skipped_at is not None or followed or any(at is not None and at >= expired for at in later):
        return
    reason = FinishedInTime(at=finished.time)
    resumed = replace(
        known,
        expired_at=None,
        failure_response=None,
        failure_response_detail=None,
        status_reason=reason,
        needs_evaluation=True,
    )
    lanes.settle("resumed", resumed, reason)
    for one in lanes.all():
        if one.flow == known.flow is not None and one.skipped_at is not None and one.skipped_at >= expired:
            ahead = UpstreamRestored(
                environment=known.environment, reason=reason
            )  # what else ruled it out does so again
            lanes.settle("resumed", replace(one, skipped_at=None, status_reason=ahead, needs_evaluation=True), ahead)


def _expire(lanes: Evaluation, known: Deployment) -> None:
    """No answer by the deadline: failed, with that reason."""
    if not known.active or known.deadline is None:
        return
    if lanes.now < known.deadline:
        lanes.look_again(known.deadline)
        return
    if lanes.read_until is not None and lanes.read_until < known.deadline:
        # its answer may have been sent in time, and wait to be read
        lanes.explain(known, ExpiryDeferred(deadline=known.deadline))
        lanes.look_again(lanes.now + _READ_AGAIN_AFTER)
        return
    reason = Expired(deadline=known.deadline, started=known.started is not None)
    lanes.settle("expired", replace(known, expired_at=lanes.now, status_reason=reason), reason)


def _adopt(lanes: Evaluation, known: Deployment) -> None:
    """What finished without a command of ours counts as commanded now: a soak starts now, whenever it says it was."""
    ours = known.needs_evaluation and known.kind != "external" and known.skipped_at is None
    if ours and known.finished is not None and known.requested_at is None:
        reason = FinishedWithoutCommand()
        lanes.settle("adopted", replace(known, requested_at=lanes.now, status_reason=reason), reason)


def _explain(lanes: Evaluation, known: Deployment) -> None:
    """A failure's reason is the orchestrator's; a success after the deadline is told beside it."""
    if not known.needs_evaluation or known.skipped_at is not None or known.replaced_at is not None:
        return
    if known.expired_at is not None:
        if known.outcome == "succeeded" and not isinstance(known.status_reason, FinishedLate):
            lanes.explain(known, FinishedLate(expired=known.status_reason or NotRecorded()))
    elif known.outcome == "failed":
        lanes.explain(known, AttemptFailed(text=known.failure))


def _settle_running(lanes: Evaluation, known: Deployment) -> None:
    """The last deployment of a module to finish well is what runs."""
    since, ident = _came(lanes, known), known.id
    if known.live_at is None:
        lanes.came(known, since)
    before = lanes.runs(known)
    if before is not None:
        if before.deployment == ident:
            return
        if (since, *_newness(known.release), ident) <= (before.live_at, *_newness(before.release), before.deployment):
            return
    lanes.run(known, since)


def _came(lanes: Evaluation, known: Deployment) -> datetime:
    """When a deployment that finished well came to run.

    Never later than now: else a source whose clock is ahead would run for ever, whatever is commanded after it.
    """
    return min(known.reported_live_at or lanes.now, lanes.now)


def _newness(release: Release) -> tuple[object, ...]:
    """Of two that came to run at the same instant the newer release runs."""
    return release.order_key("published")


def _close(lanes: Evaluation, known: Deployment) -> None:
    """Let go of what is over, and of what another version that runs now has taken the place of."""
    if not known.needs_evaluation:
        return
    troubled = any(incident.open for incident in lanes.evidence(known).incidents)
    verified = known.status is Status.SUCCESS and not troubled
    over = known.kind == "external" or known.replaced_at is not None or known.status is Status.SKIPPED or verified
    if over:
        lanes.close(known)
    elif known.status in (Status.COMPLETED, Status.FAILED, Status.SUCCESS):
        ran = lanes.runs(known)
        ended = known.expired_at if known.finished is None else known.finished.time
        if ran is None or ran.deployment == known.id or ran.release.id == known.release.id or ended is None:
            return
        if known.outcome == "succeeded" or ran.live_at > ended:
            lanes.replace(known, ran.release.artifact.version)
