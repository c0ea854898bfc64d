"""Facts with the source and id of another one: repetitions, differing ones, and those of another publisher."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from deploydb.domain.model.errors import MessageRejected
from deploydb.store.arrival import Arrival
from deploydb.store.duplicates import DIFFERED
from deploydb.store.record import Recorded, record
from deploydb.store.tables import event, incident
from tests.contract.folding import differences
from tests.scenario import Scenario
from tests.wire.eiffel import created
from tests.wire.eiffel import published as eiffel_published


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as made:
        yield made


def arrival(world: Scenario, publisher: str | None, version: str = "1.0", **fields: Any) -> Arrival:
    """A publication under the id `1` of ci."""
    artifact = {"group": "com.example", "name": "foo", "version": version}
    fact = {"type": "artifact.published", "id": "1", "source": "ci", "artifact": artifact, **fields}
    return world.arrival(json.dumps(fact).encode(), publisher)


def store(world: Scenario, *arrivals: Arrival) -> Recorded:
    return record(world.engine, arrivals, world.now)


def facts(world: Scenario) -> list[tuple[str, str | None, str]]:
    """Id, publisher and version of those stored."""
    rows = sorted((row for row in world.rows(event) if row.source == "ci"), key=lambda row: row.number)
    assert all(row.body["id"] == row.id for row in rows)
    return [(row.id, row.publisher, row.body["artifact"]["version"]) for row in rows]


def noted(world: Scenario) -> list[dict[str, Any]]:
    names = ("origin", "ident", "sender", "other")
    rows = [row for row in world.rows(event) if row.type == DIFFERED]
    return [{name: row.body[name] for name in names} for row in rows]


def test_a_repetition_is_a_duplicate_whatever_its_time(world: Scenario) -> None:
    store(world, arrival(world, "ci"))
    again = store(
        world, arrival(world, "ci"), arrival(world, "ci", time="2026-11-22T11:00:00Z"), arrival(world, "other")
    )
    assert (again.stored, again.duplicates, again.differing) == (0, 3, ())
    assert facts(world) == [("1", "ci", "1.0")]
    assert noted(world) == []


@pytest.mark.parametrize("together", [True, False])
def test_a_differing_one_of_the_same_publisher_is_dropped_counted_and_noted(world: Scenario, together: bool) -> None:
    first, second = arrival(world, "ci"), arrival(world, "ci", "2.0")
    found = store(world, first, second) if together else (store(world, first), store(world, second))[1]
    assert (found.duplicates, [one.other for one in found.differing]) == (1, [False])
    assert facts(world) == [("1", "ci", "1.0")]
    assert noted(world) == [{"origin": "ci", "ident": "1", "sender": "ci", "other": False}]


@pytest.mark.parametrize("together", [True, False])
def test_no_publisher_takes_the_id_of_another_one(world: Scenario, together: bool) -> None:
    taken, own = arrival(world, "mallory", "0.1"), arrival(world, "ci", "2.0")
    found = store(world, taken, own) if together else (store(world, taken), store(world, own))[1]
    assert (found.duplicates, [one.other for one in found.differing]) == (0, [True])
    assert facts(world) == [("1", "mallory", "0.1"), ("1␟ci", "ci", "2.0")]
    assert noted(world) == [{"origin": "ci", "ident": "1", "sender": "ci", "other": True}]
    again = store(world, own, taken, own)
    assert (again.stored, again.duplicates, again.differing) == (0, 3, ())
    assert len(facts(world)) == 2
    assert differences(world.engine) == {}


def test_a_publisher_without_a_name_is_one_of_its_own(world: Scenario) -> None:
    store(world, arrival(world, None), arrival(world, "ci", "2.0"))
    assert facts(world) == [("1", None, "1.0"), ("1␟ci", "ci", "2.0")]


def test_a_time_by_another_publisher_makes_another_fact(world: Scenario) -> None:
    store(world, arrival(world, "mallory", time="2020-01-01T00:00:00Z"), arrival(world, "ci"))
    assert [ident for ident, _, _ in facts(world)] == ["1", "1␟ci"]


def test_a_long_id_keeps_its_bounds(world: Scenario) -> None:
    ident = "x" * 255
    store(world, arrival(world, "a", id=ident), arrival(world, "b", "2.0", id=ident))
    assert sorted(len(one) for one, _, _ in facts(world)) == [65, 255]


def test_an_id_of_another_publisher_cannot_be_written(world: Scenario) -> None:
    with pytest.raises(MessageRejected, match=r"\$\.id: ␟ is reserved: leave it out of the id"):
        arrival(world, "mallory", id="1␟ci")


def test_an_incident_counts_under_an_id_of_its_own(world: Scenario) -> None:
    lane = {"service": "foo", "environment": "prod"}
    for publisher, name in (("mallory", "INC-1"), ("pager", "INC-2")):
        fact = {"type": "incident.detected", "id": "1", "source": "pager", **lane, "incident": name}
        store(world, world.arrival(json.dumps(fact).encode(), publisher))
    assert sorted(row.name for row in world.rows(incident)) == ["INC-1", "INC-2"]


def test_a_differing_source_is_noted_once_an_hour(world: Scenario) -> None:
    store(world, arrival(world, "ci"))
    for version in ("2.0", "3.0"):
        store(world, arrival(world, "ci", version))
    assert len(noted(world)) == 1


def test_no_publisher_takes_the_id_of_a_fact_of_several_events(world: Scenario) -> None:
    """Of Eiffel: the id is known from the events that it will be made of."""
    taken = {"type": "incident.detected", "id": "p-1/a-1", "source": "eiffel", "service": "foo", "environment": "dev"}
    store(world, world.arrival(json.dumps(taken).encode(), "mallory"))
    store(world, world.arrival(created("a-1", "0.1"), "mallory"))
    store(world, world.arrival(created("a-1", "1.0"), "ci"), world.arrival(eiffel_published("p-1", "a-1"), "ci"))
    rows = [row for row in world.rows(event) if row.type == "artifact.published"]
    assert [(row.id, row.publisher, row.body["artifact"]["version"]) for row in rows] == [("p-1/a-1␟ci", "ci", "1.0")]
