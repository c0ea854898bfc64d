"""Flows follow the pipeline as it is now: stages that were added get their deployments."""

from deploydb.domain.evaluation.decisions import FlowExtended
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.model.catalog import Catalog, Service
from deploydb.domain.model.deployment import Release


def extend_flows(evaluation: Evaluation, catalog: Catalog, service: Service) -> bool:
    """Give each flow a deployment for every stage of its way that it has none in. Whether any was missing.

    Its way is through the stages of the pipelines that take its version, and to the lanes that a person promotes it
    to. Deployments in stages that are gone stay, and wait: a flow that is extended twice by the same stages has them
    once.
    """
    stages, branches = catalog.stages(service), catalog.branches(service.ident)
    names = tuple(stage.environment for stage in stages)
    everywhere, promoted = frozenset(names), evaluation.promoted()
    flows: dict[int, tuple[Release, set[str]]] = {
        one.flow: (one.release, {*one.environments}) for one in evaluation.unplaced
    }
    for deployment in evaluation.all():
        if deployment.flow is not None:
            unknown = evaluation.unknown.get(deployment.flow, ())
            flows.setdefault(deployment.flow, (deployment.release, {*unknown}))[1].add(deployment.environment)
    extended = False
    for flow, (release, present) in sorted(flows.items(), key=lambda item: item[0]):
        file = release.artifact
        if file.module not in service.artifacts:
            continue
        taken = everywhere if branches is None else branches.environments(file.version)
        wanted = taken | (promoted.get(file.version, frozenset()) & everywhere)
        if wanted <= present:
            continue
        added = tuple(
            (stage.environment, tuple(promotion.ident for promotion in catalog.exit_promotions(service, stage)))
            for stage in stages
            if stage.environment in wanted - present
        )
        extended = True
        evaluation.extend(FlowExtended(flow=flow, release=release, added=added, stages=names))
    return extended
