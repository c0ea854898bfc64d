"""What came of commands, and of what was done without one: the first step of every evaluation.

It needs no catalog: what happened happened, whatever is configured now.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.model.deployment import Deployment, Release, Status
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


def reconcile(evaluation: Evaluation) -> None:
    """Expire what was not answered in time, adopt what was not commanded, settle what runs, close what is over."""
    for deployment in evaluation.all():
        _take_back(evaluation, deployment)
    for deployment in evaluation.all():
        _expire(evaluation, deployment)
    for deployment in evaluation.all():
        _adopt(evaluation, deployment)
    for deployment in evaluation.all():
        _explain(evaluation, deployment)
    finished = [
        deployment
        for deployment in evaluation.all()
        if deployment.needs_evaluation and deployment.reported_live_at is not None
    ]
    for deployment in sorted(
        finished, key=lambda deployment: (_came(evaluation, deployment), *_newness(deployment.release), deployment.id)
    ):
        _settle_running(evaluation, deployment)
    for deployment in evaluation.all():
        _close(evaluation, deployment)


def _take_back(evaluation: Evaluation, deployment: Deployment) -> None:
    """It had finished by its deadline, which was heard of later: it has not expired, unless something has followed."""
    expired, finished, deadline = deployment.expired_at, deployment.finished, deployment.deadline
    if expired is None or finished is None or deadline is None or finished.time >= deadline:
        return
    followed = (
        deployment.failure_response in ("retry", "rollback", "full_rollback") or deployment.replaced_at is not None
    )
    later = (one.requested_at for one in evaluation.lane(deployment.environment) if one.id != deployment.id)
    if deployment.skipped_at is not None or followed or any(at is not None and at >= expired for at in later):
        return
    reason = FinishedInTime(at=finished.time)
    resumed = replace(
        deployment,
        expired_at=None,
        failure_response=None,
        failure_response_detail=None,
        status_reason=reason,
        needs_evaluation=True,
    )
    evaluation.settle("resumed", resumed, reason)
    for one in evaluation.all():
        if one.flow == deployment.flow is not None and one.skipped_at is not None and one.skipped_at >= expired:
            ahead = UpstreamRestored(
                environment=deployment.environment, reason=reason
            )  # what else ruled it out does so again
            evaluation.settle(
                "resumed", replace(one, skipped_at=None, status_reason=ahead, needs_evaluation=True), ahead
            )


def _expire(evaluation: Evaluation, deployment: Deployment) -> None:
    """No answer by the deadline: failed, with that reason."""
    if not deployment.active or deployment.deadline is None:
        return
    if evaluation.now < deployment.deadline:
        evaluation.look_again(deployment.deadline)
        return
    if evaluation.read_until is not None and evaluation.read_until < deployment.deadline:
        # its answer may have been sent in time, and wait to be read
        evaluation.explain(deployment, ExpiryDeferred(deadline=deployment.deadline))
        evaluation.look_again(evaluation.now + _READ_AGAIN_AFTER)
        return
    reason = Expired(deadline=deployment.deadline, started=deployment.started is not None)
    evaluation.settle("expired", replace(deployment, expired_at=evaluation.now, status_reason=reason), reason)


def _adopt(evaluation: Evaluation, deployment: Deployment) -> None:
    """What finished without a command of ours counts as commanded now: a soak starts now, whenever it says it was."""
    ours = deployment.needs_evaluation and deployment.kind != "external" and deployment.skipped_at is None
    if ours and deployment.finished is not None and deployment.requested_at is None:
        reason = FinishedWithoutCommand()
        evaluation.settle("adopted", replace(deployment, requested_at=evaluation.now, status_reason=reason), reason)


def _explain(evaluation: Evaluation, deployment: Deployment) -> None:
    """A failure's reason is the orchestrator's; a success after the deadline is reported beside it."""
    if not deployment.needs_evaluation or deployment.skipped_at is not None or deployment.replaced_at is not None:
        return
    if deployment.expired_at is not None:
        if deployment.outcome == "succeeded" and not isinstance(deployment.status_reason, FinishedLate):
            evaluation.explain(deployment, FinishedLate(expired=deployment.status_reason or NotRecorded()))
    elif deployment.outcome == "failed":
        evaluation.explain(deployment, AttemptFailed(text=deployment.failure))


def _settle_running(evaluation: Evaluation, deployment: Deployment) -> None:
    """The last deployment of a module to finish well is what runs."""
    since, ident = _came(evaluation, deployment), deployment.id
    if deployment.live_at is None:
        evaluation.came(deployment, since)
    before = evaluation.runs(deployment)
    if before is not None:
        if before.deployment == ident:
            return
        if (since, *_newness(deployment.release), ident) <= (
            before.live_at,
            *_newness(before.release),
            before.deployment,
        ):
            return
    evaluation.run(deployment, since)


def _came(evaluation: Evaluation, deployment: Deployment) -> datetime:
    """When a deployment that finished well came to run.

    Never later than now: else a source whose clock is ahead would run for ever, whatever is commanded after it.
    """
    return min(deployment.reported_live_at or evaluation.now, evaluation.now)


def _newness(release: Release) -> tuple[object, ...]:
    """Of two that came to run at the same instant the newer release runs."""
    return release.order_key("published")


def _close(evaluation: Evaluation, deployment: Deployment) -> None:
    """Let go of what is over, and of what another version that runs now has taken the place of."""
    if not deployment.needs_evaluation:
        return
    troubled = any(incident.open for incident in evaluation.evidence(deployment).incidents)
    verified = deployment.status is Status.SUCCESS and not troubled
    over = (
        deployment.kind == "external"
        or deployment.replaced_at is not None
        or deployment.status is Status.SKIPPED
        or verified
    )
    if over:
        evaluation.close(deployment)
    elif deployment.status in (Status.COMPLETED, Status.FAILED, Status.SUCCESS):
        ran = evaluation.runs(deployment)
        ended = deployment.expired_at if deployment.finished is None else deployment.finished.time
        if ran is None or ran.deployment == deployment.id or ran.release.id == deployment.release.id or ended is None:
            return
        if deployment.outcome == "succeeded" or ran.live_at > ended:
            evaluation.replace(deployment, ran.release.artifact.version)
