"""What came of commands, and of what was done without one: the first step of every evaluation.

Of the catalog it needs the deadlines alone: what happened happened, whatever is configured now.
"""

from datetime import datetime, timedelta

from deploydb.domain.evaluation.evaluation import NO_RESPONSE, Evaluation
from deploydb.domain.model import outcome_reasons, reasons
from deploydb.domain.model.catalog import Catalog, Environment
from deploydb.domain.model.deployment import Deployment, Release, Status

_READ_AGAIN_AFTER = timedelta(seconds=1)


def reconcile(evaluation: Evaluation, catalog: Catalog) -> None:
    """Expire what was not answered in time, adopt what was not commanded, settle what runs, close what is over."""
    for deployment in evaluation.all():
        _extend(evaluation, deployment, catalog.environments.get(deployment.environment))
    for step in (_take_back, _expire, _adopt, _correct, _explain):
        for deployment in evaluation.all():
            step(evaluation, deployment)
    for step in (_settle_running, _settle_again):
        finished = [one for one in evaluation.all() if one.needs_evaluation and one.reported_live_at is not None]
        for deployment in sorted(finished, key=lambda one: _order(_came(evaluation, one), one.release, one.id)):
            step(evaluation, deployment)
    for deployment in evaluation.all():
        _close(evaluation, deployment)


def _extend(evaluation: Evaluation, deployment: Deployment, environment: Environment | None) -> None:
    """From each start that is reported it has as long as from its command, up to `deadline_at_most`; for ever where its
    environment has no deadline now."""
    requested, deadline, started = deployment.requested_at, deployment.deadline, deployment.started
    if environment is None or deadline is None or not deployment.active:
        return
    if environment.deadline is None:
        reason: reasons.Reason = outcome_reasons.DeadlineDropped(environment=deployment.environment)
        evaluation.settle("extended", deployment, reason, deadline=None)
        return
    if environment.deadline_at_most is None or requested is None or started is None:
        return
    if started.time > evaluation.now:  # of a clock that is ahead
        evaluation.look_again(started.time)
        return
    until = min(started.time + environment.deadline, requested + environment.deadline_at_most)
    if until > deadline:
        reason = outcome_reasons.DeadlineExtended(started=started.time, deadline=until)
        evaluation.settle("extended", deployment, reason, deadline=until)


def _take_back(evaluation: Evaluation, deployment: Deployment) -> None:
    """It finished well after it had expired: it runs there, and its gates judge it, unless it was overtaken, for good:
    what overtook it is not known here once it is over. Attempts that the expiry led to, and that are not commanded yet,
    are not needed."""
    expired, finished = deployment.expired_at, deployment.finished
    if expired is None or finished is None or deployment.outcome != "succeeded" or _overtaken(evaluation, deployment):
        return
    late = reasons.FinishedLate(expired=_expiry(deployment))
    reason = outcome_reasons.FinishedInTime(at=finished.time) if _in_time(deployment) else late
    resumed = {"expired_at": None, "status_reason": reason, "needs_evaluation": True}
    evaluation.settle("resumed", deployment, reason, **resumed, **NO_RESPONSE)
    ahead = reasons.UpstreamRestored(environment=deployment.environment, reason=reason)
    for one in evaluation.all():
        if one.flow == deployment.flow is not None and one.skipped_at is not None and one.skipped_at >= expired:
            # what else ruled it out does so again
            evaluation.settle("resumed", one, ahead, skipped_at=None, status_reason=ahead, needs_evaluation=True)
            evaluation.evaluate_again()  # with the evidence about it, which is loaded of open deployments alone
    for one in _attempts_after(evaluation, deployment):
        evaluation.skip(one, outcome_reasons.AttemptObsolete(deployment=deployment.id))


def _overtaken(evaluation: Evaluation, deployment: Deployment) -> bool:
    """Whether something else has been commanded or deployed there since it expired. An attempt that its failure led to,
    and that is not known here, is over."""
    if deployment.skipped_at is not None or deployment.replaced_at is not None:
        return True
    if isinstance(deployment.status_reason, reasons.FinishedLate):
        return True  # seen before
    after = _attempts_after(evaluation, deployment)
    if not after and deployment.failure_response in ("retry", "rollback", "full_rollback"):
        return True
    if any(one.status is not Status.NOT_STARTED for one in after) or _takes_bundle_back(evaluation, deployment):
        return True
    expired, ran = deployment.expired_at or evaluation.now, evaluation.runs(deployment)
    return (ran is not None and ran.deployment != deployment.id and ran.live_at >= expired) or any(
        one.requested_at is not None and one.requested_at >= expired
        for one in evaluation.lane(deployment.environment)
        if one.release.artifact.module == deployment.release.artifact.module
    )


def _attempts_after(evaluation: Evaluation, deployment: Deployment) -> list[Deployment]:
    """The retries of it, and the rollbacks from it."""
    return [one for one in evaluation.lane(deployment.environment) if one.cause == deployment.id]


def _takes_bundle_back(evaluation: Evaluation, deployment: Deployment) -> bool:
    """Whether other releases of its bundle are rolled back for its failure."""
    return any(
        isinstance(one.trigger_reason, reasons.RollbackOf)
        and one.trigger_reason.failure == _expiry(deployment)
        and one.cause != deployment.id
        for one in evaluation.lane(deployment.environment)
    )


def _expiry(deployment: Deployment) -> reasons.Reason:
    """Why it expired."""
    reason = deployment.status_reason or reasons.NotRecorded()
    return reason.expired if isinstance(reason, reasons.FinishedLate) else reason


def _expire(evaluation: Evaluation, deployment: Deployment) -> None:
    """No answer by the deadline: failed, with that reason."""
    if not deployment.active or deployment.deadline is None:
        return
    if evaluation.now < deployment.deadline:
        evaluation.look_again(deployment.deadline)
        return
    if evaluation.read_until is not None and evaluation.read_until < deployment.deadline:
        # its answer may have been sent in time, and wait to be read
        evaluation.explain(deployment, outcome_reasons.ExpiryDeferred(deadline=deployment.deadline))
        evaluation.look_again(evaluation.now + _READ_AGAIN_AFTER)
        return
    reason = outcome_reasons.Expired(deadline=deployment.deadline, started=deployment.started is not None)
    evaluation.settle("expired", deployment, reason, expired_at=evaluation.now, status_reason=reason)


def _adopt(evaluation: Evaluation, deployment: Deployment) -> None:
    """What finished without a command of ours counts as commanded now: a soak starts now, whenever it says it was."""
    ours = deployment.needs_evaluation and deployment.kind != "external" and deployment.skipped_at is None
    if ours and deployment.finished is not None and deployment.requested_at is None:
        reason = outcome_reasons.FinishedWithoutCommand()
        evaluation.settle("adopted", deployment, reason, requested_at=evaluation.now, status_reason=reason)


def _correct(evaluation: Evaluation, deployment: Deployment) -> None:
    """A report that came after it was live has it that it failed, until a later one has it that it runs."""
    finished, failed = deployment.finished, deployment.outcome == "failed"
    if deployment.live_at is None or finished is None or failed == (deployment.withdrawn_at is not None):
        return
    at = min(finished.time, evaluation.now)
    if failed:
        reason: reasons.Reason = outcome_reasons.AttemptFailed(text=deployment.failure)
    else:
        reason = outcome_reasons.SucceededAfterAll(at=at)
    evaluation.settle("corrected", deployment, reason, withdrawn_at=at if failed else None)


def _explain(evaluation: Evaluation, deployment: Deployment) -> None:
    """A failure's reason is the orchestrator's; a success that came too late to count is reported beside it."""
    if not deployment.needs_evaluation or deployment.skipped_at is not None:
        return
    expired, replaced = deployment.expired_at is not None, deployment.replaced_at is not None
    if deployment.outcome == "failed" and not replaced and (not expired or _in_time(deployment)):
        evaluation.explain(deployment, outcome_reasons.AttemptFailed(text=deployment.failure))
    elif expired and deployment.outcome == "succeeded":
        evaluation.explain(deployment, reasons.FinishedLate(expired=_expiry(deployment)))


def _in_time(deployment: Deployment) -> bool:
    """Whether it finished by its deadline, as far as is known by now."""
    finished, deadline = deployment.finished, deployment.deadline
    return finished is not None and deadline is not None and finished.time < deadline


def _settle_running(evaluation: Evaluation, deployment: Deployment) -> None:
    """The last deployment of a module to finish well is what runs."""
    _settle_again(evaluation, deployment)
    since = _came(evaluation, deployment)
    ran = evaluation.runs(deployment)
    if ran is not None and ran.deployment == deployment.id:
        return
    if ran is not None and ran.release.id == deployment.release.id and deployment.expired_at is not None:
        return  # the attempt that overtook it has brought the same release
    order = _order(since, deployment.release, deployment.id)
    if ran is None or order > _order(ran.live_at, ran.release, ran.deployment):
        evaluation.run(deployment, since)


def _settle_again(evaluation: Evaluation, deployment: Deployment) -> None:
    """It came to run, or did so again: not while it runs, but once another one has taken its place."""
    since, ran = _came(evaluation, deployment), evaluation.runs(deployment)
    last = deployment.live_again_at or deployment.live_at
    if last is None or (since > last and (ran is None or ran.deployment != deployment.id)):
        evaluation.came(deployment, since)


def _came(evaluation: Evaluation, deployment: Deployment) -> datetime:
    """When a deployment that finished well came to run.

    Never later than now: else a source whose clock is ahead would run for ever, whatever is commanded after it.
    """
    return min(deployment.reported_live_at or evaluation.now, evaluation.now)


def _order(live_at: datetime, release: Release, deployment: int) -> tuple[object, ...]:
    """The order in which deployments came to run. Of two at the same instant the newer release runs."""
    return (live_at, *release.order_key("published"), deployment)


def _close(evaluation: Evaluation, deployment: Deployment) -> None:
    """Let go of what is over, and of what another version that runs now has taken the place of."""
    if not deployment.needs_evaluation:
        return
    troubled = any(incident.open for incident in evaluation.evidence(deployment).incidents)
    verified = deployment.status is Status.SUCCESS and not troubled
    ended = deployment.replaced_at is not None or deployment.status is Status.SKIPPED
    if deployment.kind == "external" or ended or verified:
        evaluation.close(deployment)
    elif deployment.status in (Status.COMPLETED, Status.FAILED, Status.SUCCESS):
        ran = evaluation.runs(deployment)
        until = deployment.expired_at if deployment.finished is None else deployment.finished.time
        if ran is None or ran.deployment == deployment.id or ran.release.id == deployment.release.id or until is None:
            return
        if deployment.outcome == "succeeded" or ran.live_at > until:
            evaluation.replace(deployment, ran.release.artifact.version)
