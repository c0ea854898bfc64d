"""A person's acceptance of one of the files that a version was published with."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploydb.store.record import record
from deploydb.store.tables import artifact, publication
from tests.contract.folding import differences
from tests.scenario import Scenario

GOOD, OTHER, THIRD = "sha256:good", "sha256:other", "sha256:third"


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as opened:
        yield opened
        assert differences(opened.engine) == {}


def publish(world: Scenario, digest: str, source: str = "tests") -> None:
    world.publish("1.0", artifact={"digest": digest}, source=source)


def accept(world: Scenario, digest: str) -> None:
    named = {"group": "com.example", "name": "foo", "version": "1.0", "digest": digest}
    world.tell("artifact.accepted", artifact=named, by="ann", reason="the tag was moved")


def stands(world: Scenario) -> tuple[str, bool]:
    """The digest of the version, and whether another publication contradicts it."""
    (row,) = world.rows(artifact)
    return row.digest, row.conflict is not None


def test_the_accepted_file_is_the_version_in_the_next_command_and_its_publisher_the_author(world: Scenario) -> None:
    publish(world, GOOD)
    world.evaluate()
    (first,) = world.deploy()
    publish(world, OTHER, source="other")
    assert stands(world) == (GOOD, True)
    accept(world, OTHER)
    assert stands(world) == (OTHER, False)
    world.tell("verification.finished", command=first.id, promotion="smoke", outcome="passed")
    world.evaluate()
    (second,) = world.commands()
    assert (first.artifact.digest, second.environment, second.artifact.digest) == (GOOD, "prod", OTHER)
    assert world.rows(artifact)[0].published_by == "other"


def test_the_file_that_stands_can_be_accepted_and_the_others_contradict_it_no_more(world: Scenario) -> None:
    publish(world, GOOD)
    publish(world, OTHER)
    accept(world, GOOD)
    assert stands(world) == (GOOD, False)


def test_a_later_publication_of_any_other_file_contradicts_again(world: Scenario) -> None:
    publish(world, GOOD)
    publish(world, OTHER)
    accept(world, OTHER)
    publish(world, OTHER)
    assert stands(world) == (OTHER, False)
    publish(world, GOOD)
    assert stands(world) == (OTHER, True)
    accept(world, GOOD)
    publish(world, THIRD)
    assert stands(world) == (GOOD, True)
    assert {one.digest for one in world.rows(publication) if not one.settled} == {THIRD}


def test_a_digest_that_was_not_published_until_then_is_not_accepted(world: Scenario) -> None:
    accept(world, OTHER)
    publish(world, GOOD)
    accept(world, THIRD)
    publish(world, THIRD)
    assert stands(world) == (GOOD, True)


@pytest.mark.parametrize("before", [True, False])
def test_in_a_batch_the_order_of_the_log_counts(world: Scenario, before: bool) -> None:
    publish(world, GOOD)
    named = f'"group":"com.example","name":"foo","version":"1.0","digest":"{OTHER}"'
    word = f'"type":"artifact.accepted","by":"ann","reason":"moved","artifact":{{{named}}}'
    other = f'"type":"artifact.published","artifact":{{{named}}}'
    ids = (word, other) if before else (other, word)
    batch = [world.arrival(f'{{{body},"source":"tests","id":"{number}"}}'.encode()) for number, body in enumerate(ids)]
    record(world.engine, batch, world.now)
    assert stands(world) == ((GOOD, True) if before else (OTHER, False))


def test_in_the_batch_of_its_first_publication_an_acceptance_before_it_is_none(world: Scenario) -> None:
    bodies = [
        '"type":"artifact.accepted","by":"ann","reason":"moved"',
        '"type":"artifact.published"',
        '"type":"artifact.published"',
    ]
    digests = (OTHER, GOOD, OTHER)
    batch = [
        world.arrival(
            f'{{{body},"source":"tests","id":"{number}","artifact":{{"group":"com.example","name":"foo",'
            f'"version":"1.0","digest":"{digest}"}}}}'.encode()
        )
        for number, (body, digest) in enumerate(zip(bodies, digests, strict=True))
    ]
    record(world.engine, batch, world.now)
    assert stands(world) == (GOOD, True)


def test_a_version_that_was_only_seen_running_has_no_file_to_accept(world: Scenario) -> None:
    seen = {"group": "com.example", "name": "foo", "version": "1.0", "digest": GOOD}
    world.tell("deployment.observed", service="foo", environment="dev", artifact=seen)
    accept(world, GOOD)
    publish(world, OTHER)
    assert stands(world) == (OTHER, False)


def test_the_earliest_time_of_a_file_stays_when_another_one_is_accepted(world: Scenario) -> None:
    publish(world, GOOD)
    first = world.now
    world.publish("1.0", artifact={"digest": GOOD}, time=(first - timedelta(minutes=5)).isoformat())
    publish(world, OTHER)
    accept(world, OTHER)
    assert {one.published_at for one in world.rows(publication)} == {first - timedelta(minutes=5)}
    accept(world, GOOD)
    assert [one.published_at for one in world.rows(artifact)] == [first - timedelta(minutes=5)]
