"""A deployment that finishes well after its deadline, and what the answers show of it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec import structs

from deploydb.domain.model.catalog import Retry
from deploydb.domain.model.catalog import Service as Configured
from deploydb.domain.model.commands import DeployCommand
from deploydb.store.tables import deployment
from tests.query.client import Service
from tests.scenario import Scenario, catalog

FOO = Configured(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), failure_strategy="rollback")


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    """1.0 is in prod, and 2.0 is commanded there."""
    with Scenario(database_url, catalog(FOO)) as world:
        world.publish("1.0")
        world.evaluate(minutes=1)
        world.deploy()
        world.deploy()
        world.publish("2.0")
        world.evaluate(minutes=1)
        world.deploy()
        yield world


def test_where_a_rollback_has_overtaken_it_the_lane_drifts(world: Scenario, service: Service) -> None:
    (late,) = world.commands()
    world.evaluate(minutes=61)
    (rollback,) = world.deploy()
    assert rollback.artifact.version == "1.0"
    finish(world, late)
    (lane,) = service.get("/api/status?service=foo&environment=prod")["lanes"]
    assert [(one["version"], one["status"]) for one in lane["running"]] == [("2.0", "FAILED")]
    (drift,) = lane["drift"]
    assert drift["expected"] == "1.0"
    assert drift["reason"]["text"] == "2.0 finished after its deadline, in place of 1.0: roll it back, or retry it"
    answer = service.get("/api/why/foo/prod?version=2.0")["answer"]
    assert answer.startswith("2.0 runs in prod since 2026-11-22 13:04:00 UTC and failed there: did not start by its")
    assert answer.endswith("it finished later; rolled back to 1.0; roll it back, or retry it")
    assert service.get("/api/rollback/foo/prod")["to"]["version"] == "1.0"
    assert service.get("/api/retry/foo/prod?version=2.0")["possible"] is True
    world.tell("rollback.requested", service="foo", environment="prod", by="sue", reason="half of it is there")
    world.evaluate(minutes=1)
    world.deploy()
    (lane,) = service.get("/api/status?service=foo&environment=prod")["lanes"]
    assert ([one["version"] for one in lane["running"]], lane["drift"]) == (["1.0"], [])


def test_before_the_late_success_was_known_it_had_failed(world: Scenario, service: Service) -> None:
    world.catalog = catalog(structs.replace(FOO, failure_strategy="stop"))
    (late,) = world.commands()
    world.evaluate(minutes=61)
    between = world.now.isoformat().replace("+", "%2B")
    world.now += timedelta(minutes=2)
    finish(world, late)
    world.evaluate()
    assert service.get("/api/why/foo/prod?version=2.0")["stages"][-1]["status"] == "SUCCESS"
    assert service.get(f"/api/why/foo/prod?version=2.0&at={between}")["stages"][-1]["status"] == "FAILED"


def test_an_attempt_that_is_not_needed_hides_nothing(world: Scenario, service: Service) -> None:
    retried = Configured(ident="foo", artifacts=FOO.artifacts, pipelines=("main",), retry=Retry(retries=1))
    world.catalog = catalog(retried)
    (late,) = world.commands()
    world.evaluate(minutes=61)
    finish(world, late)
    lane = [(row.version, row.attempt, row.status) for row in world.rows(deployment) if row.environment == "prod"]
    assert lane == [("1.0", 1, "SUCCESS"), ("2.0", 1, "SUCCESS"), ("2.0", 2, "SKIPPED")]
    assert service.get("/api/why/foo/prod?version=2.0")["answer"].startswith("2.0 is in prod since")
    (found,) = service.get("/api/where/2.0?service=foo")["artifacts"]
    assert {place["environment"]: place["status"] for place in found["places"]} == {"dev": "SUCCESS", "prod": "SUCCESS"}


def test_what_succeeded_late_is_whole_for_a_full_rollback(world: Scenario) -> None:
    strict = Configured(
        ident="foo",
        artifacts=FOO.artifacts,
        pipelines=("main",),
        retry=Retry(retries=1),
        failure_strategy="full_rollback",
    )
    world.catalog = catalog(strict)
    (late,) = world.commands()
    world.evaluate(minutes=61)
    finish(world, late)
    world.publish("3.0")
    world.evaluate(minutes=1)
    world.deploy()
    for _ in range(2):
        world.deploy("failed")
        world.evaluate(minutes=5)
    (rollback,) = world.commands()
    assert (rollback.environment, rollback.artifact.version) == ("prod", "2.0")


def finish(world: Scenario, late: DeployCommand) -> None:
    world.now += timedelta(minutes=1)
    world.tell("deployment.finished", command=late.id, outcome="succeeded")
    world.evaluate()
