"""Answers that come late, or once more, are in the log as they are in the tables."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec import structs

from deploydb.domain.model.catalog import After, Stage
from deploydb.store.tables import current_version, deployment, live_interval
from tests.contract.folding import differences
from tests.scenario import Scenario, catalog

REPLACING = catalog(
    stages=(
        Stage(environment="dev", while_verifying="replace"),
        Stage(environment="prod", after=After(environments=("dev",))),
    )
)
"""A newer version takes the place of one that is being verified."""


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as world:
        yield world


def test_what_runs_again_was_preceded_by_what_ran_since(world: Scenario) -> None:
    """A deployment that finishes again, later, is what runs: before it ran what came between."""
    world.catalog = REPLACING
    for version in ("1.0", "1.1"):
        world.publish(version)
        world.evaluate(minutes=1)
        world.deploy()
    (first, *_) = world.rows(deployment)
    world.now += timedelta(minutes=5)
    world.tell("deployment.finished", deployment=first.id, outcome="succeeded")
    world.evaluate()
    ran = next(row for row in world.rows(current_version) if row.environment == first.environment)
    assert (ran.version, ran.previous_version) == ("1.0", "1.1")


def test_a_late_answer_is_not_what_runs_and_is_judged(world: Scenario) -> None:
    """What was commanded came to run before what somebody has put there since: both are in the log, with results."""
    world.publish("1.0")
    world.evaluate()
    world.now += timedelta(minutes=10)
    file = {"group": "com.example", "name": "foo", "version": "1.0"}
    world.tell("deployment.observed", service="foo", environment="dev", artifact=file)
    world.evaluate()
    (command,) = world.commands()
    earlier = (world.now - timedelta(minutes=5)).isoformat()
    world.tell("deployment.finished", command=command.id, outcome="succeeded", time=earlier)
    world.evaluate()
    assert differences(world.engine) == {}


def test_a_deadline_that_a_start_has_extended_is_in_the_log(world: Scenario) -> None:
    dev = world.catalog.environments["dev"]
    world.catalog.environments["dev"] = structs.replace(dev, deadline_at_most=timedelta(minutes=90))
    world.publish("1.0")
    world.evaluate()
    (command,) = world.commands()
    for _ in range(2):
        world.now += timedelta(minutes=20)
        world.tell("deployment.started", command=command.id)
        world.evaluate()
    assert world.rows(deployment)[0].deadline == command.deadline + timedelta(minutes=30)
    assert differences(world.engine) == {}


def test_a_deployment_without_a_deadline_is_answered_whenever_it_is(world: Scenario) -> None:
    world.catalog.environments["dev"] = structs.replace(world.catalog.environments["dev"], deadline=None)
    world.publish("1.0")
    world.evaluate()
    (command,) = world.commands()
    assert command.deadline is None
    world.now += timedelta(days=400)
    world.evaluate()
    (first, *_) = world.rows(deployment)
    assert (first.status, first.deadline, first.command) == ("CREATED", None, command.id)
    world.tell("deployment.finished", command=command.id, outcome="succeeded")
    world.evaluate()
    assert world.statuses("1.0")["dev"] == "COMPLETED"
    assert differences(world.engine) == {}


def test_an_expiry_that_is_taken_back_is_no_result(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    (command,) = world.commands()
    in_time = (world.now + timedelta(minutes=59)).isoformat()
    world.evaluate(minutes=61)
    world.tell("deployment.finished", command=command.id, outcome="succeeded", time=in_time)
    world.evaluate(minutes=1)
    (ran,) = world.rows(live_interval)
    assert (ran.result, ran.result_at) == (None, None)
    assert differences(world.engine) == {}


def test_what_came_to_run_late_is_in_the_log_where_another_runs_again(world: Scenario) -> None:
    """1.1 is heard of late, and 1.0 once more, after 1.2 was put there: in one evaluation."""
    world.catalog = REPLACING
    world.publish("1.0")
    world.evaluate()
    (first,) = world.deploy()
    world.publish("1.1")
    world.evaluate(minutes=1)
    (second,) = world.commands()
    world.now += timedelta(minutes=9)
    file = {"group": "com.example", "name": "foo", "version": "1.2"}
    times = [(world.now - timedelta(minutes=minutes)).isoformat() for minutes in (5, 3, 1)]
    world.tell("deployment.observed", service="foo", environment="dev", artifact=file, time=times[1])
    world.evaluate()
    world.tell("deployment.finished", command=second.id, outcome="succeeded", time=times[0])
    world.tell("deployment.finished", command=first.id, outcome="succeeded", time=times[2])
    world.evaluate()
    assert [row.version for row in world.rows(current_version)] == ["1.0"]
    assert differences(world.engine) == {}
