"""The order in which people expect environments: as releases reach them."""

from deploydb.domain.model.catalog import Catalog


def environments_in_order(catalog: Catalog) -> list[str]:
    """Every environment that is a stage, each after those that come before it in any pipeline.

    Where that leaves a choice, or pipelines contradict each other, the one that the catalog names first is first.
    """
    before: dict[str, set[str]] = {}
    for pipeline in catalog.pipelines.values():
        for stage in pipeline.stages:
            before.setdefault(stage.environment, set()).update(stage.after.environments)
    ordered: dict[str, None] = {}
    waiting = list(before)
    while waiting:
        ready = next((ident for ident in waiting if before[ident] <= ordered.keys()), waiting[0])
        ordered[ready] = None
        waiting.remove(ready)
    return list(ordered)
