"""The configurations in force: in the log, and as files of any time."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace as changed

from deploydb.configuration.differences import differences
from deploydb.store.configurations import InForce, configuration_at, record_configuration
from deploydb.store.engine import reading
from deploydb.store.tables import event
from tests.contract.folding import differences as differences_of_fold
from tests.scenario import NOON, Scenario, catalog

FIRST = {"pipelines/main.yml": "environments: {dev: }\n", "environments/dev.yml": ""}
SECOND = {"pipelines/main.yml": "environments: {test: }\n", "environments/test.yml": "description: Test\n"}


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as world:
        yield world


def record(world: Scenario, digest: str, files: dict[str, str], host: str = "one") -> bool:
    known = catalog()
    known.digest = digest
    return record_configuration(world.engine, known, files, world.now, host=host, differences=differences)


def then(world: Scenario, minutes: float | None = None) -> InForce | None:
    with reading(world.engine) as connection:
        return configuration_at(connection, NOON + timedelta(minutes=minutes) if minutes is not None else None)


def bodies(world: Scenario) -> list[Any]:
    return [row.body for row in world.rows(event) if row.type == "configuration.changed"]


def test_a_change_is_an_event_once_with_what_differs_and_the_host(world: Scenario) -> None:
    assert record(world, "a", FIRST)
    assert not record(world, "a", FIRST, host="another")
    world.now += timedelta(minutes=10)
    assert record(world, "b", SECOND, host="two")
    first, second = bodies(world)
    assert "differences" not in first["reason"]
    assert (second["previous"], second["digest"], second["host"]) == ("a", "b", "two")
    assert second["reason"]["differences"] == [
        "environments/dev.yml: removed",
        "environments/test.yml: added",
        "pipelines/main.yml: environments.test added",
        "pipelines/main.yml: environments.dev removed",
    ]
    assert differences_of_fold(world.engine) == {}


def test_the_files_of_any_time_can_be_read(world: Scenario) -> None:
    assert then(world) is None
    record(world, "a", FIRST)
    world.now += timedelta(minutes=10)
    record(world, "b", SECOND)
    world.now += timedelta(minutes=10)
    record(world, "a", FIRST)
    assert then(world, -1) is None
    found = then(world, 5)
    assert found is not None
    assert (found.digest, found.since, found.files) == ("a", NOON, dict(sorted(FIRST.items())))
    found = then(world, 10)
    assert found is not None
    assert (found.digest, found.files) == ("b", dict(sorted(SECOND.items())))
    now = then(world)
    assert now is not None
    assert changed(now, files=dict(sorted(FIRST.items()))) == now
