"""Until when ingest has read, of any number of workers, on every database."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from deploydb.store.engine import reading
from deploydb.store.ingest_watermark import GONE_AFTER, end, note, read_until
from tests.scenario import NOON, Scenario


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as world:
        yield world


def until(world: Scenario) -> datetime | None:
    with reading(world.engine) as connection:
        found = read_until(connection)
        return found.until if found is not None else None


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_nothing_is_known_before_any_ingest_has_run(world: Scenario) -> None:
    assert until(world) is None


def test_several_have_read_until_the_earliest_of_their_times(world: Scenario) -> None:
    note(world.engine, "a", at(10), at(11))
    note(world.engine, "b", at(4), at(11))
    assert until(world) == at(4)
    note(world.engine, "b", at(12), at(12))
    assert until(world) == at(10)


def test_what_an_ended_worker_held_counts_until_the_others_have_read_past_its_end(world: Scenario) -> None:
    note(world.engine, "a", at(10), at(10))
    note(world.engine, "b", at(4), at(4))
    end(world.engine, "b", at(11))
    assert until(world) == at(4)
    note(world.engine, "a", at(12), at(12))
    assert until(world) == at(12)


def test_a_worker_that_died_holds_the_others_back_for_a_while(world: Scenario) -> None:
    note(world.engine, "a", at(4), at(4))
    note(world.engine, "b", at(10), at(10))
    assert until(world) == at(4)
    later = at(4) + GONE_AFTER
    note(world.engine, "b", later, later)
    assert until(world) == later


def test_while_none_works_it_stays_as_it_was(world: Scenario) -> None:
    note(world.engine, "a", at(4), at(5))
    end(world.engine, "a", at(6))
    assert until(world) == at(4)
    note(world.engine, "b", at(8), at(8))
    assert until(world) == at(8)


def test_nothing_expires_beyond_it_and_the_reason_is_shown(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    note(world.engine, "a", at(60), at(60))
    world.evaluate(hours=2)
    assert world.statuses("1.0")["dev"] == "CREATED"
    note(world.engine, "a", world.now, world.now)
    world.evaluate(seconds=2)
    assert world.statuses("1.0")["dev"] == "FAILED"
