"""`artifact accept`: a person's word on which of two files a version is."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import served
from tests.cli.shell import REASON, Queue, Shell, published
from tests.scenario import Scenario

GOOD, OTHER = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"
ACCEPT = ("artifact", "accept", "foo", "1.0")


@pytest.fixture
def world(sqlite_url: str) -> Iterator[Scenario]:
    with Scenario(sqlite_url) as opened:
        yield opened


@pytest.fixture
def shell(world: Scenario, queue: Queue, tmp_path: Path) -> Iterator[Shell]:
    """Beside a service that has 1.0 of foo with two files, of which GOOD stands."""
    world.publish("1.0", artifact={"digest": GOOD})
    world.publish("1.0", artifact={"digest": OTHER}, source="other")
    world.evaluate()
    with served(world) as url:
        yield Shell(tmp_path, DEPLOYDB_URL=url, DEPLOYDB_BROKER_URL=queue.url)


@pytest.fixture
def queue(embedded_url: str) -> Queue:
    return Queue(embedded_url)


def test_an_acceptance_ends_the_contradiction_and_is_shown(world: Scenario, shell: Shell, queue: Queue) -> None:
    assert "deploydb artifact accept" in shell.ok("artifact", "show", "com.example:foo:1.0").stdout
    accepted = shell.ok(*ACCEPT, OTHER, *REASON).stderr
    assert accepted.splitlines()[-1] == f"com.example:foo:1.0 is {OTHER} from now on"
    fact = published(queue)
    assert (fact["type"], fact["artifact"]["digest"], fact["by"]) == ("artifact.accepted", OTHER, "ann")
    world.tell(**{"what": fact.pop("type"), **fact})
    for command in (("where", "com.example:foo:1.0"), ("artifact", "show", "com.example:foo:1.0")):
        output = shell.ok(*command).stdout
        assert "ontradicted" not in output
        assert "Accepted by ann" in output
    assert shell.json("where", "com.example:foo:1.0")["artifacts"][0]["digest"] == OTHER
    (change,) = [one for one in shell.json("blame")["changes"] if one["kind"] == "accepted"]
    assert (change["version"], change["who"], change["reason"]["text"]) == ("1.0", "ann", "a fair")


def test_what_would_change_nothing_is_refused(world: Scenario, shell: Shell, queue: Queue) -> None:
    refused = shell.fails(*ACCEPT, "sha256:x", *REASON)
    assert f"was not published with sha256:x; known digests: {GOOD}, {OTHER}" in refused
    assert "there is no version 2.0 of foo" in shell.fails("artifact", "accept", "foo", "2.0", OTHER, *REASON)
    assert "there is no service fo" in shell.fails("artifact", "accept", "fo", "1.0", OTHER, *REASON)
    assert "has no artifact" in shell.fails(*ACCEPT, OTHER, "--artifact", "com.example:baz", *REASON)
    assert "--reason" in shell.fails(*ACCEPT, OTHER, code=2)
    named = {"group": "com.example", "name": "foo", "version": "1.0", "digest": OTHER}
    world.tell("artifact.accepted", artifact=named, by="ann", reason="moved")
    assert "nothing contradicts it" in shell.fails(*ACCEPT, OTHER, *REASON)
    assert queue.bodies() == []


def test_the_facts_fields_are_checked(shell: Shell) -> None:
    named = {"group": "com.example", "name": "foo", "version": "1.0"}
    fact = {"type": "artifact.accepted", "id": "1", "source": "ci", "artifact": named, "by": "ann", "reason": "moved"}
    assert "give `artifact.digest`" in shell.fails("publish", "--file", "-", stdin=json.dumps(fact).encode())
    fact["artifact"] = named | {"digest": GOOD}
    fact["hold"] = "x"
    assert "hold" in shell.fails("publish", "--file", "-", stdin=json.dumps(fact).encode())
