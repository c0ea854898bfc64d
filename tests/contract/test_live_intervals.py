"""What a lane ran at any time, and was known to run: a deployment may be live several times, and its status changes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from deploydb.domain.model.catalog import After, Service, Stage
from deploydb.store.engine import reading
from deploydb.store.queries.dora import runs_since
from deploydb.store.queries.live_intervals import ran_at
from deploydb.store.tables import deployment, live_interval
from tests.contract.folding import differences
from tests.scenario import NOON, Scenario, catalog

REPLACING = catalog(
    Service(
        ident="foo",
        artifacts=("com.example:foo",),
        pipelines=("main",),
        promotions=("smoke",),
        fail_on_incident=True,
    ),
    stages=(
        Stage(environment="dev", while_verifying="replace"),
        Stage(environment="prod", after=After(environments=("dev",))),
    ),
)


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url, REPLACING) as world:
        yield world
        assert differences(world.engine) == {}


def ran(world: Scenario, at: datetime, known_at: datetime | None = None) -> tuple[str, str, datetime] | None:
    """Version, status and since when, in dev."""
    with reading(world.engine) as connection:
        found = ran_at(connection, at, known_at, "foo", "dev")
    return (found[0].version, found[0].status, found[0].since) if found else None


def minute(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def deploy(world: Scenario, version: str, at: float) -> int:
    """Deployed to dev at that minute."""
    world.now = minute(at)
    world.publish(version)
    world.evaluate()
    (command,) = world.deploy()
    return command.deployment


def finished(world: Scenario, id_: int, outcome: str, at: float, *, heard: float | None = None, **more: Any) -> None:
    world.now = minute(at if heard is None else heard)
    world.tell("deployment.finished", deployment=id_, outcome=outcome, time=minute(at).isoformat(), **more)
    world.evaluate()


def verified(world: Scenario, id_: int, at: float) -> None:
    world.now = minute(at)
    world.tell("verification.finished", deployment=id_, promotion="smoke", outcome="passed")
    world.evaluate()
    world.commands()  # of the next stage


def test_what_runs_again_has_two_intervals(world: Scenario) -> None:
    first = deploy(world, "1.0", 0)
    deploy(world, "1.1", 10)
    finished(world, first, "succeeded", 20)
    assert [ran(world, minute(at)) for at in (5, 15, 25)] == [
        ("1.0", "COMPLETED", minute(0)),
        ("1.1", "COMPLETED", minute(10)),
        ("1.0", "COMPLETED", minute(20)),
    ]
    assert ran(world, minute(25), minute(15)) == ("1.1", "COMPLETED", minute(10))


def test_that_it_ran_again_is_heard_of_when_another_runs(world: Scenario) -> None:
    first = deploy(world, "1.0", 0)
    deploy(world, "1.1", 10)
    deploy(world, "1.2", 30)
    finished(world, first, "succeeded", 20, heard=40)
    assert ran(world, minute(25)) == ("1.0", "COMPLETED", minute(20))
    assert ran(world, minute(25), minute(39)) == ("1.1", "COMPLETED", minute(10))
    assert ran(world, minute(45)) == ("1.2", "COMPLETED", minute(30))


def test_a_finish_that_is_reported_twice_is_one_deployment(world: Scenario) -> None:
    first = deploy(world, "1.0", 0)
    finished(world, first, "succeeded", 5)
    deploy(world, "1.1", 10)
    finished(world, first, "succeeded", 6, heard=20)
    assert ran(world, minute(8))[:2] == ("1.0", "COMPLETED")  # type: ignore[index]
    with reading(world.engine) as connection:
        runs = runs_since(connection, NOON, ["dev"], ["foo"])
    assert [(run.version, run.since) for run in runs] == [("1.0", minute(0)), ("1.1", minute(10))]


def test_a_run_again_is_a_deployment_of_its_own_for_dora(world: Scenario) -> None:
    first = deploy(world, "1.0", 0)
    deploy(world, "1.1", 10)
    finished(world, first, "succeeded", 20)
    with reading(world.engine) as connection:
        runs = runs_since(connection, NOON, ["dev"], ["foo"])
    assert [(run.version, run.since) for run in runs] == [
        ("1.0", minute(0)),
        ("1.1", minute(10)),
        ("1.0", minute(20)),
    ]


def test_what_failed_after_it_had_succeeded_was_a_success_until_then(world: Scenario) -> None:
    first = deploy(world, "1.0", 0)
    verified(world, first, 5)
    finished(world, first, "failed", 30, heard=40, reason="the node went away")
    assert [ran(world, minute(at)) for at in (3, 10, 35)] == [
        ("1.0", "COMPLETED", minute(0)),
        ("1.0", "SUCCESS", minute(0)),
        ("1.0", "FAILED", minute(0)),
    ]
    assert ran(world, minute(35), minute(39)) == ("1.0", "SUCCESS", minute(0))
    finished(world, first, "succeeded", 50)
    assert [ran(world, minute(at)) for at in (45, 55)] == [
        ("1.0", "FAILED", minute(0)),
        ("1.0", "SUCCESS", minute(0)),
    ]


def test_a_gate_that_fails_after_its_success_leaves_the_success_of_before(world: Scenario) -> None:
    first = deploy(world, "1.0", 0)
    verified(world, first, 5)
    lane = {"service": "foo", "environment": "dev", "incident": "1"}
    world.now = minute(20)
    world.tell("incident.detected", **lane)
    world.evaluate()
    world.now = minute(40)
    world.tell("incident.resolved", **lane)
    world.evaluate()
    statuses = [ran(world, minute(at))[1] for at in (3, 10, 30, 45)]  # type: ignore[index]
    assert statuses == ["COMPLETED", "SUCCESS", "FAILED", "SUCCESS"]


def test_it_is_known_from_when_it_was_recorded(world: Scenario) -> None:
    """Promotion was away for ten minutes."""
    world.publish("1.0")
    world.evaluate()
    (command,) = world.commands()
    world.now = minute(5)
    world.tell("deployment.finished", command=command.id, outcome="succeeded")
    world.evaluate(minutes=10)
    assert ran(world, minute(7), minute(7)) == ("1.0", "COMPLETED", minute(5))
    assert [row.known_at for row in world.rows(live_interval)] == [minute(5)]


def test_what_came_after_its_deadline_ran_from_then_on(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    (command,) = world.commands()
    world.evaluate(hours=2)
    (row, *_) = world.rows(deployment)
    assert row.status == "FAILED"
    world.now += timedelta(minutes=10)
    world.tell("deployment.finished", command=command.id, outcome="succeeded")
    world.evaluate()
    assert ran(world, world.now) == ("1.0", "COMPLETED", world.now)
    assert ran(world, world.now - timedelta(minutes=1)) is None
