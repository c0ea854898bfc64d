"""Rollbacks after rollbacks, and requests that come too late, on every database."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.model.catalog import Retry, Service
from deploydb.domain.wording import text
from deploydb.store.known_good import good_in
from deploydb.store.tables import current_version, deployment, rollback_request
from tests.contract.folding import differences
from tests.scenario import Scenario, catalog

FOO = Service(
    ident="foo",
    artifacts=("com.example:foo",),
    pipelines=("main",),
    retry=Retry(retries=1, backoff=timedelta(minutes=5)),
)
ORDER = {"service": "foo", "environment": "prod", "by": "alice", "reason": "slow"}


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    """1.0, 2.0 and 3.0 went to prod."""
    known = catalog(FOO, groups={"sre": frozenset({"sue"})}, freeze_overriders=("sre",))
    with Scenario(database_url, known) as world:
        for version in ("1.0", "2.0", "3.0"):
            world.publish(version)
            world.evaluate(minutes=1)
            world.deploy()
            world.deploy()
        yield world


@pytest.fixture
def strict(database_url: str) -> Iterator[Scenario]:
    """1.0 and 2.0 went to prod. An incident is a failure, and each failure a full rollback."""
    service = replace(FOO, retry=Retry(), failure_strategy="full_rollback", fail_on_incident=True)
    with Scenario(database_url, catalog(service)) as world:
        release(world, "1.0")
        release(world, "2.0")
        yield world


def release(world: Scenario, version: str, *outcomes: str) -> None:
    """A release comes to dev and prod, with these outcomes; what is rolled back is back."""
    world.publish(version)
    world.evaluate(minutes=1)
    for outcome in outcomes or ("succeeded", "succeeded"):
        world.deploy(outcome)
    world.deploy()
    world.evaluate(minutes=1)


def runs(world: Scenario) -> str:
    (found,) = [row.version for row in world.rows(current_version) if row.environment == "prod"]
    return str(found)


def test_a_second_rollback_goes_further_back_and_a_third_has_to_be_named(world: Scenario) -> None:
    for version, then in (("3.0", "2.0"), ("2.0", "1.0")):
        world.now += timedelta(minutes=1)
        world.tell("rollback.requested", **ORDER, **{"from": version})
        world.evaluate()
        world.deploy()
        assert runs(world) == then
    world.now += timedelta(minutes=1)
    world.tell("rollback.requested", **ORDER)
    world.evaluate()
    answer = text(world.rows(rollback_request)[-1].answer)
    assert answer == "nothing to roll back to: 2.0, 3.0 had been rolled back; name one of them to put it back"
    world.tell("rollback.requested", **ORDER, version="3.0")
    world.evaluate()
    world.deploy()
    assert runs(world) == "3.0"
    assert differences(world.engine) == {}


def test_a_request_to_roll_back_what_runs_no_more_is_refused(world: Scenario) -> None:
    world.tell("rollback.requested", **ORDER, **{"from": "2.0"})
    world.evaluate(minutes=1)
    assert world.commands() == []
    assert text(world.rows(rollback_request)[-1].answer).endswith(", not 2.0: nothing is rolled back")
    assert differences(world.engine) == {}


def test_the_word_that_lets_a_rollback_pass_a_freeze_counts_for_its_retry(world: Scenario) -> None:
    world.tell("hold.placed", kind="freeze", environment="prod", by="alice", reason="audit")
    world.now += timedelta(minutes=1)
    world.tell("rollback.requested", **ORDER)
    world.evaluate(minutes=1)
    (rollback,) = [row.id for row in world.rows(deployment) if row.kind == "rollback"]
    world.tell("approval.given", deployment=rollback, promotion="freeze", by="sue", comment="it is slow")
    world.evaluate(minutes=1)
    world.deploy("failed")
    world.evaluate(minutes=6)
    (again,) = world.commands()
    assert (again.type, again.attempt) == ("rollback", 2)
    assert differences(world.engine) == {}


def test_a_rollback_that_waits_ends_where_a_fix_comes_meanwhile(world: Scenario) -> None:
    world.tell("hold.placed", kind="freeze", environment="prod", by="alice", reason="audit")
    world.now += timedelta(minutes=1)
    world.tell("rollback.requested", **ORDER)
    world.evaluate(minutes=1)
    fix = {"group": "com.example", "name": "foo", "version": "3.1"}
    world.tell("deployment.observed", service="foo", environment="prod", artifact=fix)
    world.evaluate(minutes=1)
    (rollback,) = [row for row in world.rows(deployment) if row.kind == "rollback"]
    assert rollback.status == "SKIPPED"
    assert "prod runs 3.1 since" in text(rollback.status_reason)
    assert differences(world.engine) == {}


def test_a_full_rollback_takes_what_a_retry_brought_through_and_nothing_that_failed_there_since(
    strict: Scenario,
) -> None:
    incident = {"service": "foo", "environment": "prod", "reason": "errors"}
    release(strict, "3.0", "failed")
    strict.tell("retry.requested", service="foo", environment="dev", version="3.0", by="alice", reason="no disk")
    strict.evaluate()
    strict.deploy()
    strict.deploy()
    release(strict, "4.0", "succeeded", "failed")
    assert runs(strict) == "3.0"
    strict.tell("incident.detected", incident="1", **incident)
    strict.evaluate(minutes=1)
    release(strict, "5.0", "succeeded", "failed")
    assert runs(strict) == "2.0"
    strict.tell("incident.detected", incident="2", version="1.0", **incident)
    release(strict, "6.0")
    strict.tell("incident.detected", incident="3", version="2.0", **incident)
    release(strict, "7.0", "succeeded", "failed")
    assert runs(strict) == "6.0"
    strict.now += timedelta(minutes=1)
    strict.tell("rollback.requested", **ORDER)
    strict.evaluate()
    answer = "nothing to roll back to: 2.0, 3.0, 1.0 failed here later; name one of them to put it back"
    assert text(strict.rows(rollback_request)[-1].answer) == answer
    assert differences(strict.engine) == {}


def test_what_is_rolled_back_already_is_not_rolled_back_again(world: Scenario) -> None:
    for _ in range(2):
        world.now += timedelta(minutes=1)
        world.tell("rollback.requested", **ORDER, **{"from": "3.0"})
        world.evaluate()
    assert [command.type for command in world.deploy()] == ["rollback"]
    assert world.commands() == []
    (rollback,) = [row.id for row in world.rows(deployment) if row.kind == "rollback"]
    answer = text(world.rows(rollback_request)[-1].answer)
    assert answer == f"a rollback to 2.0 is under way already (deployment {rollback})"
    assert differences(world.engine) == {}


def test_a_failure_that_is_reported_with_the_request_counts(world: Scenario) -> None:
    (known,) = [row.id for row in world.rows(deployment) if (row.environment, row.version) == ("prod", "2.0")]
    world.now += timedelta(minutes=1)
    world.tell("deployment.finished", deployment=known, outcome="failed")
    world.tell("rollback.requested", **ORDER, **{"from": "3.0"})
    world.evaluate(minutes=1)
    world.deploy()
    assert runs(world) == "1.0"
    assert differences(world.engine) == {}


def test_a_rollback_that_is_tried_again_is_not_made_beside_it(world: Scenario) -> None:
    world.now += timedelta(minutes=1)
    for outcome in (None, "failed"):
        if outcome is not None:
            (command,) = world.commands()
            world.tell("deployment.finished", command=command.id, outcome=outcome)
        world.tell("rollback.requested", **ORDER, **{"from": "3.0"})
        world.evaluate()
    (_, again) = [row.id for row in world.rows(deployment) if row.kind == "rollback"]
    answer = text(world.rows(rollback_request)[-1].answer)
    assert answer == f"a rollback to 2.0 is under way already (deployment {again})"
    assert differences(world.engine) == {}


def test_open_incidents_are_looked_for_once_however_many_releases_there_were(sqlite_url: str) -> None:
    asked: list[tuple[str, Any]] = []
    with Scenario(sqlite_url) as world, world.engine.connect() as connection:
        sa.event.listen(world.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
        good_in(connection, world.catalog, "foo", "prod")
        ((statement, parameters),) = [one for one in asked if "FROM incident" in one[0]]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert "CORRELATED" not in "".join(row.detail for row in plan)
