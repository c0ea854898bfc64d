"""The lanes that count as production."""

from deploydb.domain.model.catalog import Catalog, Lane


def production_lanes(catalog: Catalog, service: str | None = None, environment: str | None = None) -> set[Lane]:
    """The production lanes of one service or all: of each service the stages that no stage comes after, or those of
    the environment that is given."""
    lanes = set()
    for one in catalog.services.values():
        if service not in (None, one.ident):
            continue
        stages = catalog.stages(one)
        before = {name for stage in stages for name in stage.after.environments}
        last = {stage.environment for stage in stages} - before
        there = {environment} & {stage.environment for stage in stages} if environment is not None else last
        lanes |= {(one.ident, name) for name in there}
    return lanes
