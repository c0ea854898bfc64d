"""The inbox: messages that no worker could take, and facts that contradict others."""

from datetime import timedelta

from deploydb.store.dead_letters import note_dead_letters
from tests.query.client import Service
from tests.query.test_inbox import asked_of
from tests.query.why_steps import world as world
from tests.scenario import Scenario


def test_facts_that_contradict_others_are_entries_until_a_file_is_accepted(world: Scenario, service: Service) -> None:
    asked_of(world, "foo")
    world.publish("1.0", artifact={"digest": "sha256:good"})
    world.publish("1.0", artifact={"digest": "sha256:other"}, source="other")
    world.now += timedelta(minutes=1)
    world.publish("1.1", id="1")
    world.publish("1.2", id="1")
    again, files = service.get("/api/inbox?kind=contradiction")["entries"]
    assert (again["service"], again["text"]) == (
        None,
        "tests/1 came again from tests and differs from event 3: the first one stands, it is dropped",
    )
    assert (files["service"], files["module"], files["version"]) == ("foo", "com.example:foo", "1.0")
    assert files["text"].endswith("published it with digest sha256:other, tests with sha256:good")
    assert [one["command"] for one in files["acts"]] == [
        "deploydb where com.example:foo:1.0",
        "deploydb artifact accept foo 1.0 sha256:good --artifact com.example:foo --reason WHY",
        "deploydb artifact accept foo 1.0 sha256:other --artifact com.example:foo --reason WHY",
    ]
    page = service.ask("/inbox", accept="text/html").text
    assert 'href="/where?what=com.example%3Afoo%3A1.0"' in page
    accepted = {"group": "com.example", "name": "foo", "version": "1.0", "digest": "sha256:other"}
    world.tell("artifact.accepted", artifact=accepted, by="ann", reason="moved")
    assert service.get("/api/inbox?kind=contradiction")["entries"] == [again]
    world.now += timedelta(days=2)
    world.publish("1.3")
    assert "contradiction" not in service.get("/api/inbox")["counts"]


def test_dead_letters_are_an_entry_while_a_relay_counts_them(world: Scenario, service: Service) -> None:
    note_dead_letters(world.engine, "deploydb.dead", 0, world.now)
    assert service.get("/api/inbox")["entries"] == []
    note_dead_letters(world.engine, "deploydb.dead", 1, world.now)
    (entry,) = service.get("/api/inbox?kind=dead")["entries"]
    assert entry["text"] == "1 message is dead-lettered, in the queue deploydb.dead"
    since, world.now = entry["since"], world.now + timedelta(minutes=4)
    note_dead_letters(world.engine, "deploydb.dead", 3, world.now)
    (entry,) = service.get("/api/inbox?kind=dead")["entries"]
    assert (entry["count"], entry["since"]) == (3, since)
    assert [one["command"] for one in entry["acts"]] == ["deploydb dead list", "deploydb dead replay --all"]
    assert "3 messages are dead-lettered" in service.ask("/inbox", accept="text/html").text
    assert service.get("/api/operations")["deadLetters"]["ready"] == 3
    assert ">3</span>" in service.ask("/operations", accept="text/html").text
    world.now += timedelta(minutes=6)
    assert service.get("/api/inbox")["entries"] == []
    note_dead_letters(world.engine, "deploydb.dead", 0, world.now)
    assert "deadLetters" not in service.get("/api/operations")
