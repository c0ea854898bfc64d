"""The stages that a flow has behind it on its way to one of them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from deploydb.domain.model.catalog import After, Catalog
from deploydb.domain.model.outcome_reasons import AttemptObsolete
from deploydb.domain.model.pipelines import upstream_of
from deploydb.store.queries.deployments import DeploymentView


def stages_before(
    catalog: Catalog, flow: Sequence[DeploymentView], meant: DeploymentView | None = None
) -> dict[str, After]:
    """The stages that come before each: as configured, or as they came where the meant one, or all of the flow, are not
    configured any more."""
    service = catalog.services.get(flow[0].service)
    configured = {stage.environment: stage.after for stage in catalog.stages(service)} if service is not None else {}
    if any(view.environment in configured for view in ((meant,) if meant is not None else flow)):
        return configured
    names = list(dict.fromkeys(view.environment for view in flow))
    return {name: After() for name in names[:1]} | {
        name: After(environments=(before,)) for before, name in pairwise(names)
    }


def way_of(catalog: Catalog, meant: DeploymentView, flow: Sequence[DeploymentView]) -> list[DeploymentView]:
    """The last attempt in each stage that leads to the one that is meant, upstream first, and the meant one last."""
    return walked(meant, flow, stages_before(catalog, flow, meant))


def walked(meant: DeploymentView, flow: Sequence[DeploymentView], after: Mapping[str, After]) -> list[DeploymentView]:
    """As `way_of`, by the stages that come `after` others."""
    upstream = upstream_of(meant.environment, after)
    needed = [view for view in flow if not isinstance(view.status_reason, AttemptObsolete)]
    last = {view.environment: view for view in needed if view.environment != meant.environment}
    order = [name for name in after if name in upstream] + [name for name in upstream if name not in after]
    return [last[name] for name in order if name in last] + [meant]
