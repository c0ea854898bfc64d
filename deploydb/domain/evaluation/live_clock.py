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
    now, others = evaluation.came_now, evaluation.lane(deployment.environment) if evaluation.came_now else ()
    left = [
        (now[other.id].live_at, now[other.id].known_at)
        for other in others
        if other.id in now and after < now[other.id].live_at < ran.live_at
        if other.release.artifact.module == deployment.release.artifact.module
        if other.release.id != deployment.release.id
    ]
    if left:
        back = now[ran.deployment].known_at if ran.deployment in now else ran.live_at
        return max(began, max(left)[1], ran.live_at, back)
    return max(began, known.since) if known is not None else began
