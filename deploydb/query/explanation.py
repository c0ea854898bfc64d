"""Why a version is, or is not, in an environment: one sentence, and the stages and gates behind it."""

from collections.abc import Sequence
from typing import Any

from deploydb.domain.catalog import Catalog
from deploydb.query.conventions import iso
from deploydb.store.queries.deployments import DeploymentView
from deploydb.store.queries.lanes import RunningView

_HELD = {
    "NOT_STARTED": "has not been deployed",
    "CREATED": "is being deployed",
    "STARTED": "is being deployed",
    "COMPLETED": "runs and is not yet verified",
    "FAILED": "failed",
    "SKIPPED": "was skipped",
}


def explain(
    catalog: Catalog, meant: DeploymentView, flow: Sequence[DeploymentView], running: Sequence[RunningView]
) -> dict[str, Any]:
    """The answer about one deployment. `flow`: all of its flow's, in order; `running`: what its lane runs."""
    way = _way(catalog, meant, flow)
    return {
        "service": meant.service,
        "environment": meant.environment,
        "version": meant.artifact.version,
        "answer": _sentence(meant, way, running),
        "stages": [_stage_body(catalog, each) for each in way],
    }


def _way(catalog: Catalog, meant: DeploymentView, flow: Sequence[DeploymentView]) -> list[DeploymentView]:
    """The flow's deployments that lead to the one that is meant, which comes last."""
    service = catalog.services.get(meant.service)
    if service is None:
        return [each for each in flow if each.id < meant.id] + [meant]
    upstream = {stage.environment: stage.after.environments for stage in catalog.stages(service)}
    wanted: set[str] = set()
    look = list(upstream.get(meant.environment, ()))
    while look:
        environment = look.pop()
        if environment not in wanted:
            wanted.add(environment)
            look += upstream.get(environment, ())
    return [each for each in flow if each.environment in wanted and each.id != meant.id] + [meant]


def _sentence(meant: DeploymentView, way: Sequence[DeploymentView], running: Sequence[RunningView]) -> str:
    version, environment = meant.artifact.version, meant.environment
    reason = f": {meant.reason}" if meant.reason else ""
    module = f"{meant.artifact.group}:{meant.artifact.name}"
    now = next((ran for ran in running if ran.module == module), None)
    if now is not None and now.deployment != meant.id and meant.status in ("SUCCESS", "COMPLETED"):
        return f"{version} was in {environment}; {now.version} runs there now"
    match meant.status:
        case "SUCCESS":
            return f"{version} is in {environment}{reason}"
        case "COMPLETED" if meant.kind == "external":
            return f"{version} is in {environment}{reason}"
        case "COMPLETED":
            return f"{version} runs in {environment} and is not yet verified{reason}"
        case "CREATED" | "STARTED":
            return f"{version} is being deployed to {environment}{reason}"
        case "FAILED":
            return f"{version} failed in {environment}{reason}"
        case "SKIPPED":
            return f"{version} will not come to {environment}{reason}"
    holding = next((each for each in way if each.status != "SUCCESS"), meant)
    if holding is meant:
        return f"{version} is not in {environment}{reason}"
    told = f": {holding.reason}" if holding.reason else ""
    return f"{version} is not in {environment}: in {holding.environment} it {_HELD[holding.status]}{told}"


def _stage_body(catalog: Catalog, view: DeploymentView) -> dict[str, Any]:
    return {
        "environment": view.environment,
        "deployment": view.id,
        "status": view.status,
        "reason": view.reason,
        "gates": [
            {
                "promotion": result.promotion,
                "type": getattr(catalog.promotions.get(result.promotion), "type", None),
                "verdict": result.outcome or "PENDING",
                "reason": result.reason or "not asked yet",
                "recheckAt": iso(result.recheck_at),
                "decidedAt": iso(result.decided_at),
            }
            for result in view.results
        ],
    }
