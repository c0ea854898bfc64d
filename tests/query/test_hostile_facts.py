"""What a stranger writes beside a fact's own fields breaks no page, for anybody."""

import csv
import json
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from deploydb.domain.model.reason_parts import ReasonCase
from deploydb.store.queries.changes import changes, numbers_above
from deploydb.store.record import record
from deploydb.store.tables import event
from tests.hostile import hostile_facts
from tests.query.client import Service
from tests.query.routes import addresses
from tests.scenario import NOON, Scenario

FACTS, BATCH = 10_000, 200
"""A batch is recorded at one time, and each has an hour of its own: as many as one look at an hour shows."""
HOUR = timedelta(hours=1)
HTML, JSON = "text/html", "application/json"


@pytest.fixture(scope="module")
def service(shared_url: str) -> Iterator[Service]:
    with Scenario(shared_url) as world:
        for version in ("1.0", "1.1"):
            world.publish(version)
            world.evaluate()
            world.deploy()
        facts = list(hostile_facts(FACTS, NOON))
        for start in range(0, FACTS, BATCH):
            world.now += HOUR
            recorded = record(world.engine, facts[start : start + BATCH], world.now)
            assert recorded.stored == BATCH, recorded
        world.evaluate(minutes=1)
        with Service(world) as service:
            yield service


def test_every_route_answers(service: Service) -> None:
    failed: list[str] = []
    answered: set[str] = set()
    for path, address in addresses(service.app):
        for accept in (HTML, JSON, "*/*"):
            answer = service.ask(address, accept=accept)
            failed += [f"{address} {accept}: {answer.status_code}"] if answer.status_code >= 500 else []
            if answer.status_code < 400:
                answered.add(path)
    assert not failed
    assert {path for path, _ in addresses(service.app)} == answered


@pytest.mark.parametrize(("path", "accept"), [("/blame", HTML), ("/api/blame", JSON)])
def test_blame_shows_each_of_them(service: Service, path: str, accept: str) -> None:
    hours = [quote((NOON + HOUR * hour).isoformat()) for hour in range(1, FACTS // BATCH + 1)]
    for at in hours:
        answer = service.ask(f"{path}?hours=1&at={at}", accept=accept)
        assert answer.status_code == 200, (at, answer.status_code)


@pytest.mark.parametrize(("path", "accept"), [("/audit", HTML), ("/api/events", JSON)])
def test_the_log_shows_each_of_them(service: Service, path: str, accept: str) -> None:
    before = FACTS * 2
    while before > 1:
        asked = f"perPageSize=1000&before={before}"
        answer = service.ask(f"{path}?{asked}", accept=accept)
        assert answer.status_code == 200, before
        before = service.get(f"/api/events?{asked}")["next"] or 0


def test_the_export_has_each_of_them(service: Service) -> None:
    exported = service.ask("/api/events.jsonl")
    assert exported.status_code == 200
    assert sum(b'"hostile-' in line for line in exported.content.splitlines()) >= FACTS * 0.8
    heading, *rows = csv.reader(service.ask("/api/events.csv").text.splitlines())
    assert len(rows) == len(exported.content.splitlines())
    assert all(len(row) == len(heading) for row in rows)


def test_the_stream_tells_of_each_by_its_own_fields(service: Service) -> None:
    with service.world.engine.connect() as connection:
        found = changes(connection, numbers_above(connection, 0))
        found += changes(connection, numbers_above(connection, found[-1].number))
    assert {one.type for one in found} > {"hold.placed", "artifact.published"}
    assert all(isinstance(one.version, str | None) and isinstance(one.reason, ReasonCase | None) for one in found)


def test_a_row_that_is_no_fact_is_shown_as_such_and_breaks_no_other(world: Scenario) -> None:
    with Service(world) as service:
        world.tell("hold.placed", kind="freeze", by="alice", reason="sale")
        row = {"source": "old", "time": NOON, "recorded_at": NOON, "service": "foo", "environment": "prod"}
        with world.engine.begin() as connection:
            for number, body in enumerate(({}, {"deployment": "x", "by": 7}, [], "text", None, {"since": "soon"})):
                for kind in ("hold.placed", "approval.given", "failure.counted", "incident.detected"):
                    known = {"id": f"{kind}-{number}", "type": kind, "body": body if body is not None else sa.JSON.NULL}
                    connection.execute(sa.insert(event).values(row | known))
        answer = service.get("/api/blame")["changes"]
        assert [one["reason"]["text"] for one in answer if one["who"] == "alice"] == ["sale"]
        unread = [one for one in answer if one["reason"] and "cannot be read" in one["reason"]["text"]]
        assert {one["kind"] for one in unread} == {"held", "approved", "incident"}
        assert all(service.ask(address).status_code < 500 for _, address in addresses(service.app))


def test_a_fact_cannot_pass_for_a_decision(world: Scenario) -> None:
    forged = {"type": "environment.changed", "id": "1", "source": "eve", "service": "foo", "environment": "prod"}
    mine = {"type": "hold.placed", "id": "1", "source": "deploydb", "kind": "freeze", "by": "eve"}
    for fact, answer in ((forged, "unknown type"), (mine, "source of DeployDB's own decisions")):
        with pytest.raises(Exception, match=answer):
            world.arrival(json.dumps(fact).encode())
    world.publish("1.0")
    world.evaluate()
    fields = {"since": "0001-01-01T00:00:00Z", "failure_response": "rollback", "deployment": 1, "version": "6.6"}
    world.tell("incident.detected", service="foo", environment="prod", incident="INC-1", **fields)
    with Service(world) as service:
        (change,) = service.get("/api/blame")["changes"]
    assert (change["time"], change["version"], change["deployment"]) == (NOON.isoformat(), "6.6", None)
