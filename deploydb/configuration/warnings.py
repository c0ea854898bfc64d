"""What is probably wrong in a configuration that can be used: waits without an end, and objects without a use."""

from collections.abc import Iterable, Mapping

from deploydb.configuration.source import Path, Source
from deploydb.domain.circular_waits import circular_waits
from deploydb.domain.formatting import counted, listed
from deploydb.domain.gates import Promotion
from deploydb.domain.gates.manual import ManualPromotion, most_approvals
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.reasons import CircularWait
from deploydb.domain.wording import text

_Sources = Mapping[str, Mapping[str, Source]]
"""By kind and name."""


def warn(sources: _Sources, access: Source | None, catalog: Catalog) -> None:
    """Report to each file what is probably wrong in it."""
    _warn_of_circles(sources, catalog)
    for ident, promotion in catalog.promotions.items():
        _warn_of_lanes(sources["promotions"][ident], promotion, catalog)
        if isinstance(promotion, ManualPromotion) and promotion.groups:
            _warn_of_approvals(sources["promotions"][ident], promotion, catalog)
    for kind, used in _used(catalog).items():
        for ident in sorted(sources[kind].keys() - used):
            sources[kind][ident].warn((), f"no {_USERS[kind]} has {ident}: it is without effect")
    for ident in sorted(sources["orchestrators"].keys() - catalog.orchestrators().keys()):
        sources["orchestrators"][ident].warn((), f"no environment has orchestrator: {ident}, so it is without effect")
    _warn_of_shared_modules(sources, catalog)
    for index, group in enumerate(catalog.freeze_overriders):
        if access is not None and not catalog.groups[group]:
            access.warn(("override_freeze", index), f"the group {group} has no members: none of it can override")


def _warn_of_circles(sources: _Sources, catalog: Catalog) -> None:
    for circle in circular_waits(catalog):
        gates = [wait.promotion for wait in circle if wait.promotion]
        sources["promotions"][gates[0]].warn(("service",), f"never passes: {text(CircularWait(waits=circle))}")


def _warn_of_lanes(source: Source, promotion: Promotion, catalog: Catalog) -> None:
    for one in promotion.dependencies:
        if one.service in catalog.services and one.environment not in catalog.environments_of(one.service):
            message = f"{one.environment} is not a stage of {one.service}: no release comes there by its pipelines"
            source.warn(("environment",), message)


def _warn_of_approvals(source: Source, promotion: ManualPromotion, catalog: Catalog) -> None:
    most = most_approvals(promotion, catalog.groups)
    if most < promotion.approvals:
        distinct = " of distinct groups" if promotion.distinct_groups else ""
        reachable = f"{listed(promotion.groups, 'and')} can give {most}{distinct}"
        at: Path = ("approvals",) if ("approvals",) in source.places else ("groups",)
        source.warn(at, f"never passes: it needs {counted(promotion.approvals, 'approval')}, and {reachable}")


def _warn_of_shared_modules(sources: _Sources, catalog: Catalog) -> None:
    for service in catalog.services.values():
        written = sources["services"][service.ident].value.get("artifacts") or ()
        for index, module in enumerate(written):
            others = [name for name in catalog.services_of(module) if name != service.ident]
            own = [name for name in others if module in (sources["services"][name].value.get("artifacts") or ())]
            if own:
                message = f"{module} is in {listed(own, 'and')} too: each of its releases goes through all of them"
                sources["services"][service.ident].warn(("artifacts", index), message)


_USERS = {"pipelines": "service", "promotions": "service, stage or environment", "environments": "pipeline"}


def _used(catalog: Catalog) -> dict[str, set[str]]:
    """The names that something refers to, by kind."""
    services = catalog.every_service().values()
    pipelines = _names(service.pipelines for service in services)
    stages = [stage for pipeline in catalog.pipelines.values() for stage in pipeline.stages]
    promotions = _names(service.promotions for service in services)
    promotions |= _names(stage.promotions for stage in stages)
    promotions |= _names(environment.entry for environment in catalog.environments.values())
    environments = {stage.environment for stage in stages}
    return {"pipelines": pipelines, "promotions": promotions, "environments": environments}


def _names(lists: Iterable[Iterable[str]]) -> set[str]:
    return {name for names in lists for name in names}
