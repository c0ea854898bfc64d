"""What ingest's transaction promises, on every database."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.model.errors import Forbidden, Transient
from deploydb.domain.model.outcome_reasons import Observed
from deploydb.store.arrival import Arrival
from deploydb.store.engine import TimedOut, open_engine
from deploydb.store.promotion import mark_open
from deploydb.store.record import record
from deploydb.store.tables import (
    approval,
    artifact,
    deployment,
    evaluation_request,
    event,
    unmatched_fact,
    verification,
)
from tests.conftest import needs_servers
from tests.scenario import NOON, Scenario


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as world:
        yield world


def test_an_event_sent_twice_counts_once(world: Scenario) -> None:
    first = world.publish("1.0", id="build-1")
    again = world.publish("1.0", id="build-1")
    assert (first.stored, first.duplicates) == (1, 0)
    assert (again.stored, again.duplicates) == (0, 1)
    assert len(world.rows(event)) == len(world.rows(artifact)) == 1


def test_the_same_id_of_another_source_is_another_event(world: Scenario) -> None:
    world.publish("1.0", id="1", source="jenkins/a")
    world.publish("1.1", id="1", source="jenkins/b")
    assert len(world.rows(event)) == 2


def test_a_fact_means_its_own_deployment_whatever_another_one_with_its_id_links_to(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    ids = {one.environment: one.id for one in world.rows(deployment)}
    (command,) = (one.command for one in world.rows(deployment) if one.environment == "dev")
    known = {"type": "verification.finished", "id": "K", "source": "ci", "promotion": "smoke", "outcome": "failed"}
    bodies = {"victim": known | {"deployment": ids["prod"]}, "evil": known | {"links": [command]}}
    arrivals = [world.arrival(json.dumps(one).encode(), publisher) for publisher, one in bodies.items()]
    record(world.engine, arrivals, NOON, lambda *_: None)
    about = {one.publisher: one.deployment_id for one in world.rows(event) if one.type == known["type"]}
    assert about == {"victim": ids["prod"], "evil": ids["dev"]}


def test_a_batch_with_an_event_twice_stores_it_once(world: Scenario) -> None:
    body = b'{"type":"artifact.published","id":"1","source":"s","artifact":{"group":"g","name":"n","version":"1"}}'
    recorded = record(world.engine, [world.arrival(body), world.arrival(body)], NOON)
    assert (recorded.stored, recorded.duplicates) == (1, 1)


def test_the_log_keeps_the_message_with_its_unknown_fields_both_times_and_the_publisher(world: Scenario) -> None:
    body = (
        b'{"type":"artifact.published","id":"1","source":"s","time":"2020-02-29T23:59:59+01:00",'
        b'"artifact":{"group":"g","name":"n","version":"1"},"build":{"number":881,"tags":["a","\xc3\xa9"]}}'
    )
    record(world.engine, [world.arrival(body, publisher="jenkins")], NOON)
    (row,) = world.rows(event)
    assert row.body == json.loads(body)
    assert row.time.isoformat() == "2020-02-29T22:59:59+00:00"
    assert row.recorded_at == NOON
    assert row.publisher == "jenkins"


def test_a_stored_artifact_is_marked_for_promotion(world: Scenario) -> None:
    world.publish("1.0")
    (marked,) = world.rows(evaluation_request)
    assert marked.artifact_id == world.rows(artifact)[0].id


def test_names_longer_than_an_index_entry_are_stored(world: Scenario) -> None:
    long = "".join(chr(0x4E00 + index) for index in range(8000))
    world.publish("1.0", artifact={"group": long, "name": long})
    assert world.rows(artifact)[0].group == long


def test_one_value_that_the_database_will_not_take_stops_nothing_else(postgresql_url: str) -> None:
    # SQLite keeps JSON as text and takes every number; PostgreSQL's numeric ends at 131,072 digits
    def body(number: int, extra: bytes = b"1") -> bytes:
        named = b'{"type":"artifact.published","id":"%d","source":"s","n":%b,' % (number, extra)
        return named + b'"artifact":{"group":"g","name":"n","version":"%d"}}' % number

    with Scenario(postgresql_url) as world:
        arrivals = [world.arrival(body(number)) for number in range(40)]
        arrivals[17] = replace(arrivals[17], body=body(17, b"1e200000"))  # the wire would refuse it
        recorded = record(world.engine, arrivals, NOON)
    assert recorded.stored == 39
    ((index, refused),) = recorded.refusals
    assert index == 17
    assert "does not take it" in refused.reason


def test_a_fact_about_an_unknown_deployment_is_kept_and_shown_as_unmatched(world: Scenario) -> None:
    recorded = world.tell("deployment.finished", deployment=4711, outcome="succeeded")
    assert (recorded.stored, recorded.unmatched) == (1, 1)
    assert [row.why for row in world.rows(unmatched_fact)] == ["no deployment 4711"]


def test_an_unmatched_fact_is_matched_when_its_deployment_appears(world: Scenario) -> None:
    world.tell(
        "verification.finished", service="foo", environment="dev", version="1.0", promotion="smoke", outcome="passed"
    )
    assert len(world.rows(unmatched_fact)) == 1
    world.publish("1.0")
    world.evaluate()
    assert world.rows(unmatched_fact) == []
    world.deploy()
    assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "CREATED"}


@pytest.mark.parametrize("named_by", ["deployment", "command", "lane"])
def test_a_deployment_is_named_by_its_number_its_command_or_its_lane_and_version(
    world: Scenario, named_by: str
) -> None:
    world.publish("1.0")
    world.evaluate()
    (command,) = world.commands()
    names: dict[str, dict[str, Any]] = {
        "deployment": {"deployment": command.deployment},
        "command": {"command": command.id},
        "lane": {"service": "foo", "environment": "dev", "version": "1.0"},
    }
    world.tell("deployment.started", **names[named_by])
    assert world.statuses("1.0")["dev"] == "STARTED"
    world.tell("deployment.finished", outcome="failed", reason="exit code 1", **names[named_by])
    row = world.rows(deployment)[0]
    assert (row.status, row.failure) == ("FAILED", "exit code 1")


def test_a_finish_that_comes_before_its_start_is_no_error(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    (command,) = world.commands()
    world.tell("deployment.finished", command=command.id, outcome="succeeded")
    world.tell("deployment.started", command=command.id, time=(NOON - timedelta(seconds=5)).isoformat())
    assert world.statuses("1.0")["dev"] == "COMPLETED"


def test_the_later_report_of_a_job_wins_whatever_the_order(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    early, late = NOON.isoformat(), (NOON + timedelta(seconds=9)).isoformat()
    lane = {"service": "foo", "environment": "dev", "version": "1.0", "promotion": "smoke"}
    world.tell("verification.finished", outcome="passed", time=late, url="http://ci/2", **lane)
    world.tell("verification.finished", outcome="failed", time=early, url="http://ci/1", **lane)
    (row,) = world.rows(verification)
    assert (row.outcome, row.url) == ("passed", "http://ci/2")


def test_each_person_has_one_word_the_latest(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    lane = {"service": "foo", "environment": "dev", "version": "1.0", "promotion": "manual"}
    world.tell("approval.given", by="alice", **lane)
    world.tell("approval.given", by="alice", **lane)
    world.tell("approval.given", by="bob", **lane)
    world.tell("approval.refused", by="bob", comment="not today", time="2026-11-22T12:00:01Z", **lane)
    assert [(row.by, row.given, row.comment) for row in world.rows(approval)] == [
        ("alice", True, None),
        ("bob", False, "not today"),
    ]


def test_what_was_deployed_by_hand_is_a_deployment_too(world: Scenario) -> None:
    world.tell(
        "deployment.observed",
        service="foo",
        environment="dev",
        artifact={"group": "com.example", "name": "foo", "version": "0.9"},
        by="mallory",
    )
    world.evaluate()
    (row,) = world.rows(deployment)
    assert (row.kind, row.status, row.flow_id) == ("external", "COMPLETED", None)
    assert row.status_reason == Observed(source="tests", by="mallory")
    assert world.rows(artifact)[0].observed
    world.publish("1.0")
    world.evaluate()
    (command,) = world.commands()
    assert command.previous is not None
    assert command.previous.version == "0.9"


def test_a_database_that_is_away_is_transient() -> None:
    with Scenario("postgresql://stranger@127.0.0.1:1/none") as world, pytest.raises(Transient, match="away"):
        world.publish("1.0")


def test_a_statement_that_takes_too_long_is_nobodys_fault_and_dead_letters_nothing(postgresql_url: str) -> None:
    with Scenario(postgresql_url) as world, world.engine.connect() as other:
        world.engine.dispose()
        other.execute(sa.text("LOCK TABLE event IN ACCESS EXCLUSIVE MODE"))

        def hurry(connection: Any, _record: object) -> None:
            connection.execute("SET statement_timeout = '200ms'")
            connection.commit()

        sa.event.listen(world.engine, "connect", hurry)
        with pytest.raises(Transient, match="statement timeout"):
            world.publish("1.0")
        other.invalidate()
        assert world.publish("1.0").stored == 1


def test_a_fact_that_is_too_slow_alone_is_refused_beside_forbidden_ones(world: Scenario) -> None:
    def judge(arrival: Arrival, *_: object) -> Forbidden | None:
        if arrival.fact.id == "2":
            raise TimedOut("canceling statement due to statement timeout")
        return Forbidden("may not", path="$.type", lacks="facts", data="{}")

    bodies = [b'{"type":"event.unused","id":"%d","source":"s","kind":"x"}' % number for number in (1, 2, 3)]
    arrivals = [world.arrival(body) for body in bodies]
    recorded = record(world.engine, arrivals, NOON, judge)
    assert [isinstance(why, Forbidden) for _, why in recorded.refusals] == [True, False, True]
    with pytest.raises(TimedOut):
        record(world.engine, arrivals[1:2], NOON, judge)


@pytest.mark.parametrize("named", [{"deployment": 999_999}, {"command": "no-such-command"}])
@pytest.mark.parametrize("service", ["foo", "other"])
def test_a_fact_that_names_an_unknown_deployment_beside_a_known_lane_is_evaluated_once(
    world: Scenario, named: dict[str, Any], service: str
) -> None:
    world.publish("1.0")
    world.evaluate()
    world.tell("deployment.finished", service=service, environment="dev", version="1.0", outcome="succeeded", **named)
    assert world.evaluate().more is False
    assert world.rows(evaluation_request) == []
    mark_open(world.engine, world.now)
    world.publish("1.1")
    world.evaluate()
    assert world.rows(evaluation_request) == []
    assert len(world.rows(unmatched_fact)) == 1
    assert world.statuses("1.0")["dev"] == "CREATED"


@needs_servers
@pytest.mark.parametrize(
    ("seconds", "refused"),
    [("0.2", []), ("CASE WHEN NEW.id = 'foo-3' THEN 5 ELSE 0 END", ["foo-3"])],
    ids=["too many", "one offender"],
)
def test_a_batch_that_meets_the_statement_timeout_is_halved_until_it_passes(
    postgresql_url: str, seconds: str, refused: list[str]
) -> None:
    engine = open_engine(postgresql_url, name="tests", statement_timeout=1)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$"
        )
        connection.exec_driver_sql("CREATE TRIGGER slow BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION slow()")
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    bodies = [
        json.dumps(
            {
                "type": "artifact.published",
                "id": f"foo-{number}",
                "source": "tests",
                "artifact": {"group": "com.example", "name": "foo", "version": str(number)},
            }
        ).encode()
        for number in range(8)
    ]
    arrivals = [Arrival.of(body, arrived_at=now) for body in bodies]
    recorded = record(engine, arrivals, now)
    engine.dispose()
    assert [arrivals[index].fact.id for index, _ in recorded.refusals] == refused
    assert recorded.stored == len(bodies) - len(refused)
