"""Modules of one commit on a database: they soak at the same time."""

from collections.abc import Iterator

import pytest

from deploydb.domain.model.catalog import After, Service, Stage
from tests.contract.folding import differences
from tests.scenario import Scenario, catalog

MODULES = tuple(f"com.example:{name}" for name in ("api", "ui", "web"))
STAGES = (
    Stage(environment="staging", promotions=("soak",)),
    Stage(environment="prod", after=After(environments=("staging",))),
)


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    shop = Service(ident="shop", artifacts=MODULES, pipelines=("main",))
    with Scenario(database_url, catalog(shop, stages=STAGES)) as world:
        yield world


def deployed(world: Scenario) -> list[tuple[str, str]]:
    """Finish what is commanded until nothing is: the environments and modules."""
    found: list[tuple[str, str]] = []
    while commands := world.deploy():
        found += [(one.environment, one.artifact.module) for one in commands]
    return found


def test_modules_of_one_commit_take_one_soak(world: Scenario) -> None:
    for module in MODULES:
        world.publish("1.0", name=module.partition(":")[2], artifact={"commit": "9fceb02"})
    world.evaluate()
    assert deployed(world) == [("staging", module) for module in MODULES]
    world.evaluate(hours=2)
    assert deployed(world) == [("prod", module) for module in MODULES]
    assert differences(world.engine) == {}


def test_a_failed_module_keeps_its_commit_out_of_the_next_stage(world: Scenario) -> None:
    for module in MODULES:
        world.publish("1.0", name=module.partition(":")[2], artifact={"commit": "9fceb02"})
    world.evaluate()
    world.deploy()
    world.deploy("failed")
    deployed(world)
    world.evaluate(hours=3)
    assert deployed(world) == []
    assert differences(world.engine) == {}
