"""Failures: what is put back, tried again, kept out elsewhere, and published."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from deploydb.domain.model.catalog import After, Parallel, Retry, Service, Stage
from deploydb.domain.model.rollback_reasons import RollingBack
from deploydb.store.promotion import next_due
from deploydb.store.tables import current_version, deployment, outbox
from tests.contract.promotion_steps import FOO, reason
from tests.contract.promotion_steps import world as world
from tests.scenario import Scenario, catalog


def failing(world: Scenario, **service: Any) -> None:
    """2.0 fails in dev, of a service that is configured so."""
    world.catalog = catalog(Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), **service))
    world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate(minutes=1)
    (command,) = world.commands()
    world.tell("deployment.finished", command=command.id, outcome="failed", reason="no disk")
    world.evaluate(minutes=1)


def test_a_failure_is_rolled_back_and_published(world: Scenario) -> None:
    failing(world, failure_strategy="rollback")
    (notification, command) = sorted(world.rows(outbox)[-2:], key=lambda row: row.exchange, reverse=True)
    assert (notification.exchange, notification.routing_key) == ("deploydb.notifications", "deployment.failed.dev.foo")
    assert (command.exchange, command.routing_key) == ("deploydb.commands", "dev.foo.rollback")
    (sent,) = world.commands()
    assert (sent.type, sent.artifact.version, sent.flow) == ("rollback", "1.0", None)
    assert sent.reason.startswith("rollback from 2.0: no disk; 1.0 succeeded there, deployed 2026-11-22 ")
    world.tell("deployment.finished", command=sent.id, outcome="succeeded")
    world.evaluate()
    rows = {row.id: row for row in world.rows(deployment)}
    assert rows[sent.deployment].status == "SUCCESS"
    failed = rows[rows[sent.deployment].cause_id]
    assert (failed.version, failed.failure_response, failed.failure_response_detail) == (
        "2.0",
        "rollback",
        RollingBack(version="1.0"),
    )
    assert not [row for row in rows.values() if row.needs_evaluation]


def test_a_failure_is_tried_again_as_a_deployment_of_its_own(world: Scenario) -> None:
    failing(world, retry=Retry(retries=1, backoff=timedelta(minutes=5)))
    assert world.notifications() == []
    assert next_due(world.engine) == world.now + timedelta(minutes=5)
    world.evaluate(minutes=5)
    (again,) = world.commands()
    assert (again.type, again.artifact.version, again.attempt) == ("deploy", "2.0", 2)
    world.tell("deployment.finished", command=again.id, outcome="failed")
    world.evaluate()
    (notification,) = world.notifications()
    assert (notification["type"], notification["attempt"], notification["failure_response"]) == (
        "deployment.failed",
        2,
        "stop",
    )


def test_a_release_that_was_rolled_back_in_a_region_stays_out_of_the_next(database_url: str) -> None:
    regions = tuple(Stage(environment=name, after=After()) for name in ("eu", "us"))
    group = (Parallel(environments=("eu", "us"), most=1),)
    known = catalog(replace(FOO, failure_strategy="rollback"), stages=regions, parallel=group)
    with Scenario(database_url, known) as world:
        world.publish("1.0")
        world.evaluate(minutes=1)
        world.deploy()
        world.deploy()
        world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
        world.evaluate(minutes=1)
        world.deploy("failed")
        world.deploy()
        for minutes in (0, 1, 600):
            world.evaluate(minutes=minutes)
            assert world.commands() == []
        assert {row.environment: row.version for row in world.rows(current_version)} == {"eu": "1.0", "us": "1.0"}
        assert reason(world, "us", "2.0").startswith("2.0 failed in eu: ")


def test_one_service_that_cannot_be_decided_on_stops_no_other(database_url: str) -> None:
    known = catalog(FOO, Service(ident="bar", artifacts=("com.example:bar",), pipelines=("main",)))
    known.failure_strategy = lambda service, _: 1 / 0 if service.ident == "bar" else "stop"  # type: ignore[method-assign,assignment,return-value]
    with Scenario(database_url, known) as world:
        world.publish("1.0", name="bar")
        world.publish("1.0")
        world.evaluate()
        for command in world.commands():
            world.tell("deployment.finished", command=command.id, outcome="failed")
        evaluated = world.evaluate()
        assert [(service, type(error)) for service, error in evaluated.broken] == [("bar", ZeroDivisionError)]
        assert [notification["service"] for notification in world.notifications()] == ["foo"]
        assert next_due(world.engine) == world.now + timedelta(seconds=1)
