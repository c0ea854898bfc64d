"""Soaks count by what was known, on every database."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from deploydb.domain.model.catalog import Service, Stage
from deploydb.domain.wording import text
from deploydb.store.tables import deployment
from tests.scenario import NOON, Scenario, catalog

LANE = {"service": "foo", "environment": "dev"}


def commanded(world: Scenario) -> Any:
    """The deployment that was commanded."""
    return next(row for row in world.rows(deployment) if row.kind == "deploy")


def reason(world: Scenario) -> str:
    return text(commanded(world).status_reason)


@pytest.fixture
def world(database_url: str, gates: tuple[str, ...]) -> Iterator[Scenario]:
    """1.0 runs in dev since noon, and has to soak for two hours there."""
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=gates)
    with Scenario(database_url, catalog(foo, stages=(Stage(environment="dev"),))) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        yield world


@pytest.mark.parametrize("gates", [("smoke", "soak")])
def test_a_backdated_report_ends_no_soak(world: Scenario) -> None:
    world.evaluate(hours=3)
    report = {**LANE, "version": "1.0", "promotion": "smoke", "outcome": "passed"}
    world.tell("verification.finished", **report, time=NOON.isoformat())
    world.evaluate()
    assert reason(world) == "soaks for 2h, until 2026-11-22 17:00:00 UTC"
    world.evaluate(hours=2)
    assert commanded(world).status == "SUCCESS"


@pytest.mark.parametrize("gates", [("soak",)])
def test_an_incident_restarts_a_soak_when_its_end_is_known(world: Scenario) -> None:
    world.tell("incident.detected", **LANE, incident="INC-7", version="1.0")
    world.evaluate(hours=1)
    over = {"incident": "INC-7", "version": "0.9", "time": (NOON + timedelta(minutes=1)).isoformat()}
    world.tell("incident.resolved", **LANE, **over)
    world.evaluate()
    again = "again since incident INC-7 was over"
    assert reason(world) == f"soaks for 2h, until 2026-11-22 15:00:00 UTC, {again}"


@pytest.mark.parametrize("gates", [("soak",)])
def test_another_version_in_between_restarts_a_soak(world: Scenario) -> None:
    def seen(version: str, minutes: float) -> None:
        artifact = {"group": "com.example", "name": "foo", "version": version}
        time = (NOON + timedelta(minutes=minutes)).isoformat()
        world.tell("deployment.observed", **LANE, artifact=artifact, time=time)

    world.now += timedelta(hours=1)
    seen("0.9", 10)
    seen("1.0", 20)
    for hours in (0, 0.5):
        world.evaluate(hours=hours)
        assert reason(world) == "soaks for 2h, until 2026-11-22 15:00:00 UTC"
    seen("0.8", 30)
    seen("1.0", 30)
    seen("1.0", 40)
    world.evaluate()
    assert reason(world) == "soaks for 2h, until 2026-11-22 15:30:00 UTC"
    seen("1.0", 50)
    seen("0.7", 5)
    world.evaluate(hours=0.5)
    assert reason(world) == "soaks for 2h, until 2026-11-22 15:30:00 UTC"
    world.evaluate(hours=1.5)
    assert commanded(world).status == "SUCCESS"
