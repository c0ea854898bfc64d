"""Since when the clocks of what runs count."""

from datetime import datetime

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.model.deployment import Deployment


def clocks_count_from(evaluation: Evaluation, deployment: Deployment) -> datetime | None:
    """When the soaks and timeouts of a deployment that runs began: when it came to run, or when it was known that its
    release runs again after another one."""
    began, ran = deployment.gates_count_from, evaluation.runs(deployment)
    if began is None or ran is None or ran.deployment == deployment.id or ran.release.id != deployment.release.id:
        return began
    known = evaluation.returns.get(deployment.id)
    after = known.left_at if known is not None else deployment.live_at or began
    for other in evaluation.lane(deployment.environment) if evaluation.came_now else ():
        between = other.id in evaluation.came_now and other.live_at is not None and after < other.live_at < ran.live_at
        same = other.release.artifact.module == deployment.release.artifact.module
        if between and same and other.release.id != deployment.release.id:
            return max(began, evaluation.now)
    return max(began, known.since) if known is not None else began
