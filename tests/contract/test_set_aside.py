"""A service whose evaluation fails is set aside alone: others go on, it is tried again, and a pause parks it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from deploydb.domain.model.catalog import Catalog, Retry, Service, Stage
from deploydb.store.engine import reading
from deploydb.store.promotion import mark_open, next_due
from deploydb.store.set_aside import set_aside_services
from deploydb.store.tables import deployment, evaluation_request, flow, hotfix, service_schedule
from tests.scenario import NOON, Scenario, catalog

FOO, BAR, BAZ = (
    Service(ident=name, artifacts=(f"com.example:{name}", "com.example:shared"), pipelines=("main",))
    for name in ("foo", "bar", "baz")
)


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url, catalog(FOO, BAR, BAZ)) as world:
        yield world


def refuse(world: Scenario, table: sa.Table, event: str, *, service: str = "foo", state: str = "P0001") -> None:
    """From now on the database refuses one service's rows of a table, at INSERT or UPDATE."""
    if world.engine.dialect.name == "postgresql":
        statements = [
            f"CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END $$",
            f"CREATE TRIGGER refused BEFORE {event} ON {table.name} FOR EACH ROW WHEN (NEW.service = '{service}') "
            "EXECUTE FUNCTION refuse()",
        ]
    else:
        statements = [
            f"CREATE TRIGGER refused BEFORE {event} ON {table.name} WHEN NEW.service = '{service}' "
            "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ]
    with world.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def allow(world: Scenario, table: sa.Table) -> None:
    with world.engine.begin() as connection:
        on = f" ON {table.name}" if world.engine.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TRIGGER refused{on}")


def aside(world: Scenario) -> dict[str, str]:
    with reading(world.engine) as connection:
        return {one.service: one.error for one in set_aside_services(connection)}


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_a_deployment_that_ends_by_its_deadline_frees_the_lane_for_one_with_a_lower_id(
    database_url: str, order: tuple[str, str]
) -> None:
    both = Service(ident="foo", artifacts=("com.example:one", "com.example:two"), pipelines=("main",))
    with Scenario(database_url, catalog(both, stages=(Stage(environment="dev"),))) as world:
        for name in order:
            world.publish("1.0", name=name, time=(NOON - timedelta(minutes=order.index(name))).isoformat())
        world.evaluate()
        (first,) = world.commands()
        evaluated = world.evaluate(hours=1)
        assert (evaluated.broken, evaluated.commands) == ((), 1)
        (second,) = world.commands()
        assert {first.artifact.name, second.artifact.name} == {"one", "two"}
        assert sorted(row.status for row in world.rows(deployment)) == ["CREATED", "FAILED"]


def test_a_retry_that_expires_makes_way_for_the_release_before_it(database_url: str) -> None:
    known = catalog(
        Service(
            ident="foo", artifacts=("com.example:one", "com.example:two"), pipelines=("main",), retry=Retry(retries=1)
        ),
        stages=(Stage(environment="dev"),),
    )
    with Scenario(database_url, known) as world:
        world.publish("1.0", name="one")
        world.publish("1.0", name="two")
        world.evaluate()
        for _ in range(6):
            assert world.evaluate(hours=1).broken == ()
        assert {row.status for row in world.rows(deployment)} == {"FAILED"}
        assert aside(world) == {}


def test_an_attempt_that_fails_a_second_time_is_not_tried_again_twice(database_url: str) -> None:
    """A late success takes its first failure back, a later report takes that back: it has its next attempt already."""
    foo = Service(
        ident="foo",
        artifacts=("com.example:foo",),
        pipelines=("main",),
        promotions=("smoke",),
        retry=Retry(retries=2, backoff=timedelta(hours=1)),
    )
    with Scenario(database_url, catalog(foo, stages=(Stage(environment="dev"),))) as world:
        world.publish("1.0")
        world.evaluate()
        (command,) = world.commands()
        for what, statement in (
            ("deployment.finished", {"outcome": "failed"}),
            ("deployment.finished", {"outcome": "succeeded"}),
            ("verification.finished", {"promotion": "smoke", "outcome": "failed"}),
            ("verification.finished", {"promotion": "smoke", "outcome": "errored"}),
            ("deployment.finished", {"outcome": "failed"}),
        ):
            world.now += timedelta(minutes=1)
            world.tell(what, command=command.id, **statement)
            assert world.evaluate().broken == ()
        assert [(row.attempt, row.status, row.failure_response) for row in world.rows(deployment)] == [
            (1, "FAILED", "retry"),
            (2, "NOT_STARTED", None),
        ]
        world.evaluate(hours=1)
        assert [command.attempt for command in world.commands()] == [2]


@pytest.mark.parametrize(
    ("table", "event"), [(deployment, "UPDATE"), (deployment, "INSERT"), (flow, "INSERT")], ids=str
)
def test_a_service_that_cannot_be_saved_is_set_aside_alone_and_loses_nothing(
    world: Scenario, table: sa.Table, event: str
) -> None:
    refuse(world, table, event)
    world.publish("1.0", name="shared")
    evaluated = world.evaluate()
    assert [service for service, _ in evaluated.broken] == ["foo"]
    assert sorted(command.service for command in world.commands()) == ["bar", "baz"]
    assert list(aside(world)) == ["foo"]
    assert "refused" in aside(world)["foo"]
    allow(world, table)
    world.evaluate(seconds=2)
    assert [command.service for command in world.commands()] == ["foo"]
    assert aside(world) == {}
    assert world.rows(evaluation_request) == []


def test_a_service_that_cannot_be_loaded_is_set_aside_alone(world: Scenario) -> None:
    world.tell("hotfix.declared", service="foo", version="1.0", skip=[], by="alice", reason="urgent")
    with world.engine.begin() as connection:
        connection.execute(sa.update(hotfix).values(skip=5))
    for name in ("foo", "bar"):
        world.publish("1.0", name=name)
    world.evaluate()
    assert [command.service for command in world.commands()] == ["bar"]
    assert "TypeError" in aside(world)["foo"]
    with world.engine.begin() as connection:
        connection.execute(sa.update(hotfix).values(skip=[]))
    world.evaluate(minutes=1)
    assert [command.service for command in world.commands()] == ["foo"]


def test_a_release_that_cannot_be_read_sets_its_services_aside_alone(sqlite_url: str) -> None:
    """SQLite keeps in a column of times whatever was written there."""
    with Scenario(sqlite_url, catalog(FOO, BAR, BAZ)) as world:
        for name in ("foo", "bar"):
            world.publish("1.0", name=name)
        with world.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE artifact SET published_at = 'some day' WHERE name = 'foo'")
        world.evaluate()
        assert [command.service for command in world.commands()] == ["bar"]
        assert "some day" in aside(world)["foo"]
        with world.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE artifact SET published_at = '{NOON:%F %T.%f}' WHERE name = 'foo'")
        world.evaluate(seconds=2)
        assert [command.service for command in world.commands()] == ["foo"]
        assert aside(world) == {}


def test_attempts_come_with_growing_pauses_and_facts_and_restarts_add_none(world: Scenario) -> None:
    refuse(world, deployment, "UPDATE")
    world.publish("1.0", name="shared")
    world.evaluate()
    pauses = []
    for _ in range(8):
        due = next_due(world.engine)
        assert due is not None
        pauses.append((due - world.now).total_seconds())
        world.publish(f"2.{len(pauses)}", name="foo")
        mark_open(world.engine, world.now)
        assert world.evaluate().broken == ()
        world.evaluate(seconds=pauses[-1])
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    kept = world.rows(evaluation_request)
    assert {row.service for row in kept} == {"foo"}
    assert len(kept) == 9  # one for each release, none for restarts
    (row,) = [row for row in world.rows(service_schedule) if row.error is not None]
    assert (row.service, row.error_first_at, row.error_attempts) == ("foo", NOON, 9)
    allow(world, deployment)
    world.evaluate(minutes=1)
    assert world.rows(evaluation_request) == []
    assert len(world.rows(flow)) == 8 + 3


def test_a_pause_parks_it_and_the_end_of_the_pause_tries_it_at_once(world: Scenario) -> None:
    refuse(world, deployment, "UPDATE")
    world.publish("1.0", name="foo")
    world.evaluate()
    world.tell("hold.placed", kind="pause", service="foo", by="alice", reason="the trigger")
    world.evaluate()
    for _ in range(3):
        assert world.evaluate(hours=1).broken == ()
    assert next_due(world.engine) is None
    with reading(world.engine) as connection:
        (one,) = set_aside_services(connection)
    assert (one.parked, one.attempts, one.next_at) == ("parked by alice: the trigger", 1, None)
    allow(world, deployment)
    world.tell("hold.lifted", kind="pause", service="foo", by="alice")
    world.evaluate()
    assert aside(world) == {}
    assert [command.service for command in world.commands()] == ["foo"]


def test_another_catalog_tries_it_again(world: Scenario) -> None:
    known = world.catalog
    broken = catalog(FOO, BAR, BAZ)
    broken.exit_promotions = lambda service, stage: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    world.catalog = broken
    world.publish("1.0", name="foo")
    world.evaluate()
    assert "ZeroDivisionError" in aside(world)["foo"]
    world.catalog = Catalog(
        **{name: getattr(known, name) for name in ("services", "environments", "pipelines")}, digest="b"
    )
    mark_open(world.engine, world.now)
    world.tell("hotfix.declared", service="foo", version="1.0", skip=[], by="alice", reason="urgent")
    world.evaluate()
    assert aside(world) == {}
    assert [command.service for command in world.commands()] == ["foo"]
