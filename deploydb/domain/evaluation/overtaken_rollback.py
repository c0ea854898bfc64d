"""Whether a rollback that waits comes too late."""

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.reasons import Reason, RollbackOf, Several
from deploydb.domain.model.rollback_reasons import OtherRuns


def overtaken_rollback(evaluation: Evaluation, rollback: Deployment) -> Reason | None:
    """What came to run after the deployment that is to be rolled back, while the rollback waited, or since it was
    first tried: it would undo a fix."""
    first, ran = evaluation.first_attempt(rollback), evaluation.runs(rollback)
    cause, away = evaluation.deployment(first.cause), first.trigger_reason
    away = away.reasons[0] if isinstance(away, Several) else away  # with the words that let it pass a freeze
    version = away.version if isinstance(away, RollbackOf) else None
    if ran is None or ran.release.id == rollback.release.id or ran.release.artifact.version == version:
        return None
    since = [first.requested_at]
    if first is rollback and cause is not None:
        since = [cause.requested_at, cause.finished.time if cause.finished is not None else cause.expired_at]
    if ran.live_at <= max((at for at in since if at is not None), default=ran.live_at):
        return None
    return OtherRuns(
        environment=rollback.environment,
        version=version,
        running=ran.release.artifact.version,
        live_at=ran.live_at,
    )
