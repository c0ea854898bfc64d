"""A catalog with other names of environments."""

from collections.abc import Mapping
from dataclasses import replace as with_fields

from msgspec.structs import replace

from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.model.access import Access, matches
from deploydb.domain.model.catalog import Catalog, Pipeline, Stage


def renamed_catalog(catalog: Catalog, names: Mapping[str, str]) -> Catalog:
    """The catalog, in which the environments that `names` has are called otherwise. It counts as the same one."""
    environments = {names.get(ident, ident): one for ident, one in catalog.environments.items()}
    return with_fields(
        catalog,
        environments={ident: replace(one, ident=ident) for ident, one in environments.items()},
        pipelines={ident: _pipeline(one, names) for ident, one in catalog.pipelines.items()},
        promotions={ident: _promotion(one, names) for ident, one in catalog.promotions.items()},
        access=_access(catalog.access, names),
    )


def _access(access: Access, names: Mapping[str, str]) -> Access:
    if access.publishers is None:
        return access
    publishers = {
        publisher: tuple(replace(one, environments=_granted(one.environments, names)) for one in grants)
        for publisher, grants in access.publishers.items()
    }
    return replace(access, publishers=publishers)


def _granted(patterns: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    """A pattern goes on to mean the environments whose names it matched."""
    matched = (new for old, new in names.items() if matches(patterns, old))
    return tuple(dict.fromkeys((*_listed(patterns, names), *matched)))


def _pipeline(pipeline: Pipeline, names: Mapping[str, str]) -> Pipeline:
    parallel = (replace(one, environments=_listed(one.environments, names)) for one in pipeline.parallel)
    return replace(pipeline, stages=tuple(_stage(one, names) for one in pipeline.stages), parallel=tuple(parallel))


def _stage(stage: Stage, names: Mapping[str, str]) -> Stage:
    after = replace(stage.after, environments=_listed(stage.after.environments, names))
    return replace(stage, environment=names.get(stage.environment, stage.environment), after=after)


def _promotion(promotion: Promotion, names: Mapping[str, str]) -> Promotion:
    """One that names an environment does so by its field `environment`."""
    name = names.get(getattr(promotion, "environment", ""))
    return replace(promotion, environment=name) if name is not None else promotion


def _listed(environments: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(one, one) for one in environments)
