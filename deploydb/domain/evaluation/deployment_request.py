"""The command of a deployment: its manifest, deadline and reason."""

from collections.abc import Sequence

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import DeploymentRequested
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import stage_reason
from deploydb.domain.model.catalog import Catalog, Service
from deploydb.domain.model.commands import Previous
from deploydb.domain.model.deployment import UNSENT, Deployment, Status
from deploydb.domain.model.reasons import Admitted, Reason


def request(evaluation: Evaluation, catalog: Catalog, service: Service, deployment: Deployment, reason: Reason) -> None:
    """Command the deployment, with all that its environment then runs of the service, and replace what ended there."""
    environment, module = deployment.environment, deployment.release.artifact.module
    ran = evaluation.runs(deployment)
    allowed = catalog.environments[environment].deadline
    deadline = evaluation.now + allowed if allowed is not None else None
    requested = replace(
        deployment,
        command=UNSENT,
        requested_at=evaluation.now,
        deadline=deadline,
        trigger_reason=reason,
        status_reason=reason,
    )
    evaluation.request(
        DeploymentRequested(
            deployment=requested,
            kind="rollback" if deployment.kind == "rollback" else "deploy",
            manifest=tuple(
                deployment.release.artifact
                if listed == module
                else evaluation.running[environment, listed].release.artifact
                for listed in service.artifacts
                if listed == module or (environment, listed) in evaluation.running
            ),
            previous=Previous(version=ran.release.artifact.version, deployment=ran.deployment) if ran else None,
            deadline=deadline,
            reason=reason,
        )
    )
    for other in evaluation.lane(environment):
        ended = other.needs_evaluation and other.status in (Status.COMPLETED, Status.FAILED, Status.SUCCESS)
        if ended and other.release.artifact.module == module and other.id != deployment.id:
            evaluation.replace(other, deployment.release.artifact.version)


def admitted(
    evaluation: Evaluation,
    deployment: Deployment,
    passed: Sequence[Deployment],
    entry: Sequence[Reason],
    beside: Reason | None,
) -> Reason:
    """The reason of the command. `passed`: the deployments upstream; `entry`: of the entry gates, and overrides;
    `beside`: what would keep it out, had no person ordered it."""
    hotfix, request = evaluation.hotfix(deployment), evaluation.promotion_request(deployment)
    return Admitted(
        promoted_from=tuple(map(stage_reason, passed)),
        published_by=deployment.release.published_by if not passed else None,
        attempt=deployment.attempt if deployment.attempt > 1 else None,
        ordered=deployment.ordered,
        hotfix=hotfix.comment if hotfix is not None else None,
        promotion=request.comment if request is not None else None,
        skip=request.skip if request is not None else (),
        entry=tuple(entry),
        conflict=deployment.release.conflict,
        beside=beside,
    )
