"""Deployments that cannot be released any more, and what to do instead."""

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.model.catalog import Service
from deploydb.domain.model.deployment import Deployment, Status
from deploydb.domain.model.reasons import NotRecorded
from deploydb.domain.wording import text


class DeadEndError(Exception):
    """Nothing leads there. Its text says what to do instead."""


def require_way_out(deployment: Deployment) -> None:
    """Raises: DeadEndError where the deployment's flow cannot leave its stage any more."""
    environment, newer = deployment.environment, f"publish a newer version than {deployment.release.artifact.version}"
    reason = text(deployment.status_reason or NotRecorded())
    if deployment.status is Status.SKIPPED:
        raise DeadEndError(f"{newer}: in {environment} it was skipped: {reason}")
    if deployment.replaced_at is not None or deployment.expired_at is not None:
        ended = "was" if deployment.status is Status.COMPLETED else "failed:"
        raise DeadEndError(f"{newer}: in {environment} it {ended} {reason}")
    if deployment.outcome == "failed":
        raise DeadEndError(f"{newer}: its deployment to {environment} failed: {deployment.failure or reason}")
    if deployment.failure_response in ("rollback", "full_rollback"):
        response = deployment.failure_response_detail
        raise DeadEndError(f"{newer}: in {environment} it was {text(response) if response else 'rolled back'}")


def require_newest(evaluation: Evaluation, service: Service, deployment: Deployment) -> None:
    """Raises: DeadEndError where a newer release runs in the lane, or is on its way in."""
    if deployment.kind != "deploy":
        return
    newness = deployment.release.order_key(service.order)
    current = evaluation.runs(deployment)
    releases = [current.release] if current is not None else []
    releases += [
        other.release
        for other in evaluation.lane(deployment.environment)
        if other.needs_evaluation
        and other.commanded
        and other.kind == "deploy"
        and other.release.artifact.module == deployment.release.artifact.module
    ]
    for release in releases:
        if release.order_key(service.order) > newness:
            there = f"{deployment.environment} has {release.artifact.version}, which is newer"
            raise DeadEndError(f"{there}: publish a newer one, or roll back")
