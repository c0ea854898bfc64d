"""Queues of commands without a consumer, as `why` and operations show them."""

from datetime import timedelta

from msgspec.structs import replace

from deploydb.store.command_queues import name_queues, note_waiting
from tests.query.client import Service
from tests.scenario import Scenario

TEXT = "the queue deploydb.commands.default is without a consumer since 2026-11-22 12:01:00 UTC, and 1 command waits"


def look(world: Scenario, **waiting: int) -> None:
    with world.engine.begin() as connection:
        name_queues(connection, waiting)
    note_waiting(world.engine, waiting, world.now)


def test_why_and_operations_name_the_queue_of_a_command_that_is_not_taken(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.evaluate(minutes=1)
    look(world, default=1, other=2)
    body = service.get("/api/why/foo/prod")
    assert body["answer"].endswith(f"; {TEXT}")
    (queue,) = body["unconsumed"]
    assert (queue["orchestrator"], queue["since"], queue["ready"]) == ("default", "2026-11-22T12:01:00+00:00", 1)
    assert [one["orchestrator"] for one in service.get("/api/operations")["unconsumed"]] == ["default", "other"]
    assert "deploydb.commands.other is without a consumer" in service.ask("/operations").text


def test_the_time_is_that_of_the_first_look_that_saw_it(world: Scenario, service: Service) -> None:
    look(world, default=1)
    world.now += timedelta(minutes=3)
    look(world, default=2)
    (queue,) = service.get("/api/operations")["unconsumed"]
    assert (queue["since"], queue["ready"]) == ("2026-11-22T12:00:00+00:00", 2)
    look(world, default=0)
    assert "unconsumed" not in service.get("/api/operations")
    look(world, default=1)
    (queue,) = service.get("/api/operations")["unconsumed"]
    assert queue["since"] == "2026-11-22T12:03:00+00:00"


def test_a_deployment_that_has_begun_and_a_queue_of_others_are_not_concerned(world: Scenario, service: Service) -> None:
    prod = world.catalog.environments["prod"]
    world.catalog.environments["prod"] = replace(prod, orchestrator="other")
    world.publish("1.0")
    world.evaluate()
    look(world, default=0, other=1)
    assert "unconsumed" not in service.get("/api/why/foo/prod")  # it waits in dev, whose orchestrator is default
    look(world, default=1, other=1)
    world.tell("deployment.started", service="foo", environment="dev", version="1.0")
    assert "unconsumed" not in service.get("/api/why/foo/prod")


def test_what_no_relay_has_looked_at_lately_and_a_queue_of_before_are_unknown(
    world: Scenario, service: Service
) -> None:
    look(world, default=1, other=1)
    look(world, default=1)
    assert [one["orchestrator"] for one in service.get("/api/operations")["unconsumed"]] == ["default"]
    world.now += timedelta(minutes=6)
    assert "unconsumed" not in service.get("/api/operations")
