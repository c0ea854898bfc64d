"""Sources whose clocks are ahead of ours: their facts count from the arrival, in their order, and the log notes it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from deploydb.domain.model.catalog import Service
from deploydb.domain.wording import text
from deploydb.store.record import record
from deploydb.store.tables import deployment, event, rollback_request
from tests.contract.folding import differences
from tests.scenario import NOON, Scenario, catalog

FOO = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
PROD = {"service": "foo", "environment": "prod", "by": "ann", "reason": "fire"}


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as world:
        yield world


def noted(world: Scenario) -> list[Any]:
    return [row for row in world.rows(event) if row.type == "clock.skewed"]


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(hours=14), timedelta(days=400)])
def test_a_finish_from_a_clock_ahead_is_taken_at_its_arrival(world: Scenario, ahead: timedelta) -> None:
    world.publish("1.0")
    world.evaluate()
    (command,) = world.commands()
    world.now += timedelta(minutes=5)
    ahead_of_us = (world.now + ahead).isoformat()
    recorded = world.tell("deployment.finished", command=command.id, outcome="succeeded", time=ahead_of_us)
    assert (recorded.stored, recorded.clamped) == (1, 1)
    world.evaluate()
    dev = world.rows(deployment)[0]
    assert (dev.status, dev.live_at, dev.finished_at) == ("COMPLETED", world.now, world.now)
    (row,) = noted(world)
    assert row.body["clock"] == "tests"
    assert row.body["ahead_seconds"] == ahead.total_seconds()
    world.evaluate(hours=3)
    assert world.rows(deployment)[0].status == "COMPLETED"


def test_facts_of_one_batch_keep_the_order_of_their_own_times(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    (command,) = world.commands()
    later, earlier = NOON + timedelta(minutes=20), NOON + timedelta(minutes=10)
    bodies = [
        f'{{"type": "deployment.finished", "id": "{ident}", "source": "cd", "command": "{command.id}", '
        f'"outcome": "{outcome}", "time": "{time.isoformat()}"}}'.encode()
        for ident, outcome, time in (("a", "succeeded", later), ("b", "failed", earlier))
    ]
    record(world.engine, [world.arrival(body) for body in bodies], world.now)
    world.evaluate()
    assert world.rows(deployment)[0].status == "COMPLETED"


def test_a_skew_is_noted_once_an_hour_for_each_source(world: Scenario) -> None:
    for minutes in (0, 10, 50, 70):
        world.now = NOON + timedelta(minutes=minutes)
        for source in ("ci", "cd"):
            at = (world.now + timedelta(minutes=6)).isoformat()
            world.publish(f"1.{minutes}", source=source, id=f"{source}-{minutes}", time=at)
    assert [row.body["clock"] for row in noted(world)] == ["ci", "cd", "ci", "cd"]


def test_each_of_many_skewed_sources_is_noted_once_an_hour(world: Scenario) -> None:
    for minutes in (0, 10, 70):
        world.now = NOON + timedelta(minutes=minutes)
        bodies = [
            f'{{"type": "artifact.published", "id": "{minutes}", "source": "ci-{number}", "time": '
            f'"2026-11-23T12:00:00Z", "artifact": {{"group": "g", "name": "n", "version": "1"}}}}'.encode()
            for number in range(250)
        ]
        record(world.engine, [world.arrival(body) for body in bodies], world.now)
    assert len(noted(world)) == 500


def test_a_clock_in_step_is_not_noted(world: Scenario) -> None:
    world.publish("1.0", time=(world.now + timedelta(minutes=4)).isoformat())
    world.publish("1.1", time=(world.now - timedelta(hours=1)).isoformat())
    assert noted(world) == []
    assert world.publish("1.2").clamped == 0


def test_a_promotion_from_a_clock_behind_brings_what_was_skipped_before_it(world: Scenario) -> None:
    world.catalog = catalog(FOO, entry={"prod": ("manual",)})
    for version in ("1.0", "1.1", "1.2"):
        world.publish(version)
        world.evaluate(minutes=1)
        world.deploy()
    assert world.statuses("1.1") == {"dev": "SUCCESS", "prod": "SKIPPED"}
    world.now += timedelta(minutes=1)
    behind = (world.now - timedelta(minutes=2)).isoformat()
    world.tell("promotion.requested", **PROD, version="1.1", skip=[], time=behind)
    world.evaluate()
    assert world.statuses("1.1") == {"dev": "SUCCESS", "prod": "NOT_STARTED"}
    assert differences(world.engine) == {}


def test_a_rollback_from_a_clock_ahead_does_not_put_back_what_came_after_it(world: Scenario) -> None:
    world.catalog = catalog(FOO)
    for version in ("1.0", "1.1", "1.2"):
        world.publish(version)
        world.evaluate(minutes=1)
        world.deploy()
        if version == "1.2":
            ahead = (world.now + timedelta(minutes=4)).isoformat()
            world.tell("rollback.requested", **PROD, time=ahead)
            world.now += timedelta(minutes=1)
        world.deploy()
    (asked,) = world.rows(rollback_request)
    assert text(asked.answer).startswith("prod runs 1.2 since ")
    assert world.commands() == []
    assert differences(world.engine) == {}
