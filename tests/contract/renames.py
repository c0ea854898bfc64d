"""Catalogs whose environments have other names, and their coming into force, as in a worker."""

from collections.abc import Mapping
from dataclasses import replace

from msgspec import structs

from deploydb.configuration.differences import differences
from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.model.catalog import After, Catalog, Service, Stage
from deploydb.domain.model.environment_names import with_names
from deploydb.store.catalog_listings import enter
from deploydb.store.configurations import record_configuration
from deploydb.store.engine import open_engine
from deploydb.store.promotion import mark_open
from tests.scenario import Scenario, catalog

FOO = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))


def through(
    *environments: str,
    renamed: Mapping[str, tuple[str, ...]] = {},
    services: tuple[Service, ...] = (FOO,),
    promotions: tuple[Promotion, ...] = (),
    entry: dict[str, tuple[str, ...]] | None = None,
) -> Catalog:
    """Services on a pipeline of these environments, one after the other. `renamed`: earlier names by environment."""
    before = ((), *((name,) for name in environments))
    stages = [
        Stage(environment=name, after=After(environments=after))
        for name, after in zip(environments, before, strict=False)
    ]
    known = catalog(*services, stages=tuple(stages), promotions=promotions, entry=entry)
    for name, earlier in renamed.items():
        known.environments[name] = structs.replace(known.environments[name], renamed_from=earlier)
    known.digest = f"{' '.join(environments)} {dict(renamed)}"
    return known


def renamed(known: Catalog, old: str, new: str) -> Catalog:
    """The catalog with another name of an environment, and the digest of its own."""
    found = with_names(known, {old: new})
    found.environments[new] = structs.replace(found.environments[new], renamed_from=(old,))
    return replace(found, digest=f"{old} is {new}")


def files(known: Catalog) -> dict[str, str]:
    """The files that a catalog is read from, as far as they say what its environments are called."""
    return {
        f"environments/{name}.yml": f"renamed_from: [{', '.join(one.renamed_from)}]\n" if one.renamed_from else ""
        for name, one in known.environments.items()
    }


def apart(database_url: str, known: Catalog | None = None) -> Scenario:
    """A scenario in a process of its own, as it were: it remembers names by itself."""
    made = Scenario(database_url, known)
    made.engine = open_engine(database_url, name="apart")
    return made


def configure(world: Scenario, known: Catalog) -> None:
    """A catalog comes into force."""
    world.catalog = known
    enter(world.engine, known, world.now)
    record_configuration(world.engine, known, files(known), world.now, host="one", differences=differences)
    mark_open(world.engine, world.now, known)
    world.evaluate()
