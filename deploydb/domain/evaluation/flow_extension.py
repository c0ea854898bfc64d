"""Flows follow the pipeline as it is now: stages that were added get their deployments."""

from deploydb.domain.evaluation.decisions import FlowExtended
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.model.catalog import Catalog, Service
from deploydb.domain.model.deployment import Release


def extend_flows(evaluation: Evaluation, catalog: Catalog, service: Service) -> bool:
    """Give each flow a deployment for every stage that it has none in. Whether any was missing.

    Deployments in stages that are gone stay, and wait: a flow that is extended twice by the same stages has them once.
    """
    stages = catalog.stages(service)
    names = tuple(stage.environment for stage in stages)
    flows: dict[int, tuple[Release, set[str]]] = {}
    for deployment in evaluation.all():
        if deployment.flow is not None and deployment.release.artifact.module in service.artifacts:
            unknown = evaluation.unknown.get(deployment.flow, ())
            flows.setdefault(deployment.flow, (deployment.release, {*unknown}))[1].add(deployment.environment)
    incomplete = [(flow, *found) for flow, found in sorted(flows.items()) if not found[1].issuperset(names)]
    for flow, release, present in incomplete:
        added = tuple(
            (stage.environment, tuple(promotion.ident for promotion in catalog.exit_promotions(service, stage)))
            for stage in stages
            if stage.environment not in present
        )
        evaluation.extend(FlowExtended(flow=flow, release=release, added=added, stages=names))
    return bool(incomplete)
