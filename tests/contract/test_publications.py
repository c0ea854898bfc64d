"""The publications of one version: the file that was recorded first is the version."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from deploydb.store.tables import artifact, event, publication
from tests.scenario import Scenario


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as opened:
        yield opened


PUBLICATIONS: tuple[dict[str, Any], ...] = (
    {"id": "a", "time": "2026-11-20T10:00:00Z", "artifact": {"url": "http://x/1"}},
    {"id": "b", "time": "2026-11-20T11:00:00Z", "artifact": {"url": "http://x/2", "digest": "sha256:b"}},
    {"id": "c", "time": "2026-11-20T12:00:00Z", "artifact": {"url": "http://x/1", "digest": "sha256:c"}},
)


FILES = {"a": ("http://x/1", None), "b": ("http://x/2", "sha256:b"), "c": ("http://x/1", "sha256:c")}
CONTRADICTED = {
    "a": "tests/b published it with url http://x/2, tests with http://x/1",
    "b": "tests/a published it with url http://x/1, tests with http://x/2",
    "c": "tests/b published it with digest sha256:b, tests with sha256:c",
}


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_file_that_was_recorded_first_stands_whatever_the_times_and_a_contradiction_is_flagged(
    world: Scenario, order: tuple[int, ...]
) -> None:
    for index in order:
        world.publish("1.0", **PUBLICATIONS[index])
    first, *others = (PUBLICATIONS[index]["id"] for index in order)
    (row,) = world.rows(artifact)
    assert (row.event_id, (row.url, row.digest)) == (first, FILES[first])
    assert row.conflict == CONTRADICTED[first]
    assert {one.event_id for one in world.rows(publication)} == set(others)
    # of "b" alone no other one is the same file
    assert row.published_at.hour == (11 if first == "b" else 10)
    assert len(world.rows(event)) == 3


@pytest.mark.parametrize("other", [{"digest": "sha256:evil"}, {"url": "http://x/evil"}], ids=str)
def test_what_is_commanded_cannot_change_by_a_publication_that_claims_to_be_earlier(
    world: Scenario, other: dict[str, str]
) -> None:
    file = {"digest": "sha256:good", "url": "http://x/good"}
    world.publish("1.0", artifact=file, time="2026-11-20T12:00:00Z")
    world.evaluate()
    (first,) = world.deploy()
    world.publish("1.0", artifact=other, time="2026-11-20T10:00:00Z", source="mallory")
    world.tell("verification.finished", command=first.id, promotion="smoke", outcome="passed")
    world.evaluate()
    (last,) = world.commands()
    assert last.environment == "prod"
    assert (first.artifact.digest, last.artifact.digest, last.artifact.url) == (*2 * ("sha256:good",), "http://x/good")
    (row,) = world.rows(artifact)
    assert (row.published_by, row.published_at.hour) == ("tests", 12)
    assert row.conflict is not None
    assert "mallory" in row.conflict


def test_the_same_artifact_published_again_is_no_contradiction(world: Scenario) -> None:
    world.publish("1.0", artifact={"digest": "sha256:a", "url": "http://x/1"})
    world.publish("1.0", artifact={"digest": "sha256:a", "url": "http://mirror/1"})
    assert world.rows(artifact)[0].conflict is None
