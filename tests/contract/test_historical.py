"""Facts of before DeployDB's time: recorded, and nothing is decided by them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from deploydb.domain.model.catalog import Service
from deploydb.domain.model.errors import MessageRejected
from deploydb.simulation.recorded_history import Clock, RecordedHistory
from deploydb.simulation.replay import Replay
from deploydb.store.catalog_listings import answer, enter
from deploydb.store.engine import reading
from deploydb.store.queries import replay
from deploydb.store.queries.live_intervals import ran_at
from deploydb.store.queries.replay import read_only
from deploydb.store.tables import (
    artifact,
    current_version,
    deployment,
    evaluation_request,
    event,
    flow,
    incident,
    unmatched_fact,
    verification,
)
from tests.contract.folding import differences
from tests.scenario import NOON, Scenario, catalog

LONG_AGO = NOON - timedelta(days=700)
DAY = timedelta(days=1)


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    """Promotion has the catalog, in which foo lists its module."""
    with Scenario(database_url) as world:
        enter(world.engine, world.catalog, world.now)
        yield world


def tell(world: Scenario, what: str, at: datetime, **fields: Any) -> None:
    world.tell(what, time=at.isoformat(), historical=True, **fields)
    world.evaluate()


def published(world: Scenario, version: str, at: datetime) -> None:
    tell(world, "artifact.published", at, artifact={"group": "com.example", "name": "foo", "version": version})


def ended(world: Scenario, environment: str, version: str, at: datetime, outcome: str = "succeeded") -> None:
    lane = {"service": "foo", "environment": environment, "version": version}
    tell(world, "deployment.finished", at, **lane, outcome=outcome)


def imported(world: Scenario) -> None:
    """1.0 and 1.1 through dev and prod, a day each, two years ago, while promotion works."""
    for number, version in enumerate(("1.0", "1.1")):
        at = LONG_AGO + 10 * number * DAY
        published(world, version, at)
        ended(world, "dev", version, at + DAY)
        lane = {"service": "foo", "environment": "dev", "version": version}
        tell(world, "verification.finished", at + DAY, **lane, promotion="smoke", outcome="passed")
        ended(world, "prod", version, at + 2 * DAY)


def test_a_history_that_comes_in_order_causes_no_command(world: Scenario) -> None:
    imported(world)
    assert world.commands() == []
    assert world.rows(flow) == []
    assert {(row.environment, row.version) for row in world.rows(current_version)} == {("dev", "1.1"), ("prod", "1.1")}
    assert len(world.rows(verification)) == 2
    assert world.rows(unmatched_fact) == []
    assert not [row for row in world.rows(deployment) if row.needs_evaluation]
    with reading(world.engine) as connection:
        found = ran_at(connection, LONG_AGO + 5 * DAY, None, "foo", "prod")
    assert [row.version for row in found] == ["1.0"]
    assert differences(world.engine) == {}


def test_automation_goes_on_from_what_was_imported(world: Scenario) -> None:
    imported(world)
    assert answer(world.engine, world.catalog, world.now) == 0
    world.evaluate()
    assert world.commands() == []
    world.publish("1.2")
    world.evaluate()
    (command,) = world.commands()
    assert (command.environment, command.artifact.version) == ("dev", "1.2")
    assert command.previous is not None
    assert command.previous.version == "1.1"


@pytest.mark.parametrize("clock", ["time", "recorded"])
def test_a_replay_has_what_was_imported(world: Scenario, clock: Clock) -> None:
    imported(world)
    ended(world, "prod", "1.1", LONG_AGO + 20 * DAY, "failed")
    with read_only(world.engine) as connection:
        entries = list(replay.entries(connection, []))
        reality = RecordedHistory(entries, replay.attempts(connection), clock=clock)
    replayed = Replay(world.catalog, reality, until=world.now).run()
    ledger = replayed.ledgers["foo"]
    assert {place: one.release.artifact.version for place, one in ledger.running.items()} == {
        ("dev", "com.example:foo"): "1.1",
        ("prod", "com.example:foo"): "1.1",
    }
    stored = [(row.environment, row.version, row.status) for row in world.rows(deployment)]
    found = [
        (one.environment, one.release.artifact.version, one.status)
        for one in sorted(ledger.deployments.values(), key=lambda one: one.id)
    ]
    assert found == stored
    assert sum(map(len, ledger.statements.reports.values())) == len(world.rows(verification)) == 2
    assert replayed.commands == []


def test_a_release_that_is_published_now_is_historical_no_more(world: Scenario) -> None:
    published(world, "1.0", LONG_AGO)
    assert [row.historical for row in world.rows(artifact)] == [True]
    world.publish("1.0")
    published(world, "1.0", LONG_AGO - DAY)
    world.evaluate()
    assert [(row.historical, row.published_at) for row in world.rows(artifact)] == [(False, LONG_AGO - DAY)]
    assert len(world.commands()) == 1
    assert differences(world.engine) == {}


def test_a_failure_of_then_is_no_failure_of_now(world: Scenario) -> None:
    published(world, "1.0", LONG_AGO)
    ended(world, "prod", "1.0", LONG_AGO + DAY, "failed")
    (row,) = world.rows(deployment)
    assert (row.status, row.kind, row.needs_evaluation) == ("FAILED", "external", False)
    assert world.rows(current_version) == []
    assert world.notifications() == []
    assert differences(world.engine) == {}


def test_a_historical_fact_is_never_about_a_deployment_that_was_commanded(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    lane = {"service": "foo", "environment": "dev", "version": "1.0"}
    tell(world, "verification.finished", LONG_AGO, **lane, promotion="smoke", outcome="passed")
    tell(world, "deployment.started", LONG_AGO, deployment=1)
    assert world.statuses("1.0")["dev"] == "COMPLETED"
    assert [row.why for row in world.rows(unmatched_fact)] == [
        "historical: no imported deployment of foo 1.0 in dev",
        "historical, and names a deployment by its number or command: name service, environment and version",
    ]
    assert world.rows(evaluation_request) == []


def test_an_end_waits_for_its_artifact_and_other_facts_for_the_end(world: Scenario) -> None:
    lane = {"service": "foo", "environment": "dev", "version": "0.9"}
    tell(world, "verification.finished", LONG_AGO, **lane, promotion="smoke", outcome="passed")
    ended(world, "dev", "0.9", LONG_AGO)
    assert world.rows(deployment) == []
    assert [row.why for row in world.rows(unmatched_fact)] == [
        "historical: no imported deployment of foo 0.9 in dev",
        "historical: no artifact 0.9 of foo is known: import it",
    ]
    published(world, "0.9", LONG_AGO)
    assert world.rows(unmatched_fact) == []
    assert [row.version for row in world.rows(current_version)] == ["0.9"]
    assert len(world.rows(verification)) == 1
    world.evaluate()
    assert world.rows(evaluation_request) == []
    assert world.commands() == []
    assert differences(world.engine) == {}


def test_a_fact_that_waits_for_an_end_is_matched_with_it(world: Scenario) -> None:
    published(world, "0.9", LONG_AGO)
    lane = {"service": "foo", "environment": "dev", "version": "0.9"}
    tell(world, "verification.finished", LONG_AGO, **lane, promotion="smoke", outcome="passed")
    ended(world, "dev", "0.9", LONG_AGO)
    assert world.rows(unmatched_fact) == []
    assert len(world.rows(verification)) == 1
    assert differences(world.engine) == {}


def test_facts_that_still_wait_are_not_read_again(world: Scenario) -> None:
    lane = {"service": "foo", "environment": "dev", "version": "0.9"}
    tell(world, "verification.finished", LONG_AGO, **lane, promotion="smoke", outcome="passed")
    ended(world, "dev", "0.9", LONG_AGO)
    world.tell("verification.finished", **lane, promotion="smoke", outcome="passed")
    assert [row.awaits for row in world.rows(unmatched_fact)] == ["imported", "artifact", "commanded"]
    asked: list[str] = []
    sa.event.listen(world.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    world.evaluate()
    world.publish("1.0")
    world.evaluate()
    reads = [statement for statement in asked if "FROM unmatched_fact" in statement]
    assert reads
    assert not [statement for statement in reads if "event.body" in statement]
    assert len(world.rows(unmatched_fact)) == 3


def test_an_end_waits_for_a_service_that_lists_its_artifact(database_url: str) -> None:
    with Scenario(database_url) as world:
        ended(world, "dev", "0.9", LONG_AGO)
        published(world, "0.9", LONG_AGO)
        assert world.rows(deployment) == []
        enter(world.engine, world.catalog, world.now)
        answer(world.engine, world.catalog, world.now)
        world.evaluate()
        assert [row.version for row in world.rows(deployment)] == ["0.9"]
        assert differences(world.engine) == {}


BOTH = catalog(Service(ident="foo", artifacts=("com.example:foo", "com.example:foo-db"), pipelines=("main",)))
"""A service with two modules."""


def published_both(world: Scenario) -> None:
    for name in ("foo", "foo-db"):
        file = {"group": "com.example", "name": name, "version": "1.0"}
        tell(world, "artifact.published", LONG_AGO, artifact=file)


@pytest.mark.parametrize("first", ["end", "artifacts"])
def test_an_end_of_one_of_two_modules_names_its_artifact(database_url: str, first: str) -> None:
    with Scenario(database_url, BOTH) as world:
        enter(world.engine, world.catalog, world.now)
        if first == "artifacts":
            published_both(world)
        for name in ("foo", "foo-db"):
            lane = {"service": "foo", "environment": "dev", "version": "1.0", "artifact": f"com.example:{name}"}
            tell(world, "deployment.finished", LONG_AGO + DAY, **lane, outcome="succeeded")
            tell(world, "verification.finished", LONG_AGO + DAY, **lane, promotion="smoke", outcome="passed")
        if first == "end":
            published_both(world)
        assert world.rows(unmatched_fact) == []
        assert [row.module for row in world.rows(current_version)] == ["com.example:foo", "com.example:foo-db"]
        assert len(world.rows(verification)) == 2
        assert differences(world.engine) == {}


def test_historical_facts_of_one_of_two_modules_without_its_name_are_not_matched(database_url: str) -> None:
    with Scenario(database_url, BOTH) as world:
        enter(world.engine, world.catalog, world.now)
        published_both(world)
        lane = {"service": "foo", "environment": "dev", "version": "1.0"}
        tell(world, "deployment.finished", LONG_AGO + DAY, **lane, outcome="succeeded")
        for name in ("foo", "foo-db"):
            named = lane | {"artifact": f"com.example:{name}"}
            tell(world, "deployment.finished", LONG_AGO + DAY, **named, outcome="succeeded")
        tell(world, "verification.finished", LONG_AGO + DAY, **lane, promotion="smoke", outcome="passed")
        why = "com.example:foo and com.example:foo-db have 1.0 in dev: name one of them as `artifact`"
        assert [row.why for row in world.rows(unmatched_fact)] == [why, why]
        assert differences(world.engine) == {}


def test_what_was_seen_running_then_does_not_take_the_place_of_what_runs(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    file = {"group": "com.example", "name": "foo", "version": "2.0"}
    tell(world, "deployment.observed", LONG_AGO, service="foo", environment="dev", artifact=file)
    assert [row.version for row in world.rows(current_version)] == ["1.0"]
    assert differences(world.engine) == {}


def test_an_incident_of_then_has_nothing_evaluated(world: Scenario) -> None:
    imported(world)
    world.tell("incident.detected", service="foo", environment="prod", incident="1", historical=True)
    assert world.rows(evaluation_request) == []
    assert len(world.rows(incident)) == 1
    assert len([row for row in world.rows(event) if row.type == "incident.detected"]) == 1


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("hold.placed", {"kind": "freeze", "by": "alice"}),
        ("hotfix.declared", {"service": "foo", "version": "1", "by": "alice", "reason": "x"}),
        ("rollback.requested", {"service": "foo", "environment": "prod", "by": "alice", "reason": "x"}),
    ],
)
def test_an_order_of_then_is_refused(world: Scenario, what: str, fields: dict[str, Any]) -> None:
    with pytest.raises(MessageRejected, match="historical"):
        world.tell(what, **fields, historical=True)
