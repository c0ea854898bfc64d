"""Holds by the command line: what is published, what is refused."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.shell import REASON, Queue, Shell, published
from tests.web import web


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        (("pin", "foo", "prod", "1.0"), {"kind": "pin", "service": "foo", "environment": "prod", "version": "1.0"}),
        (("veto", "foo", "1.0"), {"kind": "veto", "service": "foo", "version": "1.0"}),
        (
            ("veto", "foo", "1.0", "--environment", "prod"),
            {"kind": "veto", "service": "foo", "version": "1.0", "environment": "prod"},
        ),
        (("freeze",), {"kind": "freeze"}),
        (("freeze", "prod", "--service", "foo"), {"kind": "freeze", "service": "foo", "environment": "prod"}),
        (("pause", "foo"), {"kind": "pause", "service": "foo"}),
        (("pause", "foo", "prod"), {"kind": "pause", "service": "foo", "environment": "prod"}),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_a_hold_is_a_fact(shell: Shell, queue: Queue, command: tuple[str, ...], fact: dict[str, str]) -> None:
    shell.ok(*command, *REASON)
    assert published(queue) == {"type": "hold.placed", "by": "ann", "reason": "a fair"} | fact


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        (("unpin", "foo", "prod"), {"kind": "pin", "service": "foo", "environment": "prod"}),
        (("unveto", "foo", "1.0"), {"kind": "veto", "service": "foo", "version": "1.0"}),
        (("thaw", "prod"), {"kind": "freeze", "environment": "prod"}),
        (("thaw", "--service", "foo"), {"kind": "freeze", "service": "foo"}),
        (("resume", "foo", "prod"), {"kind": "pause", "service": "foo", "environment": "prod"}),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_it_is_lifted_by_the_same_scope(
    shell: Shell, queue: Queue, command: tuple[str, ...], fact: dict[str, str]
) -> None:
    shell.ok(*command, "--by", "ann", "--all")
    assert published(queue) == {"type": "hold.lifted", "by": "ann"} | fact


def test_without_an_answer_no_hold_is_lifted_but_the_one_of_a_whole_id_or_all(shell: Shell, queue: Queue) -> None:
    for which in ((), ("--hold", "ab")):
        assert "nothing is lifted: without an answer" in shell.fails("thaw", "prod", *which)
    assert "nothing is lifted" in shell.fails("unpin", "foo", "prod")
    assert queue.arrived() == []
    assert shell.ok("thaw", "prod", "--hold", "0a1b2c3d").stderr.endswith("hold 0a1b2c3d is lifted\n")
    assert published(queue)["hold"] == "0a1b2c3d"
    assert shell.ok("unpin", "foo", "prod", "--hold", "ann").stderr.endswith("hold ann is lifted\n")
    assert published(queue)["hold"] == "ann"


@pytest.mark.parametrize(
    "command", [("pin", "foo", "prod", "1.0"), ("veto", "foo", "1.0"), ("freeze",), ("pause", "foo")]
)
def test_who_overrides_automation_says_why(shell: Shell, queue: Queue, command: tuple[str, ...]) -> None:
    assert "--reason" in shell.fails(*command, code=2)
    assert "say why" in shell.fails(*command, "--reason", " ", code=2)
    assert queue.arrived() == []


def test_a_hold_ends_at_a_time_or_after_a_while(shell: Shell, queue: Queue) -> None:
    shell.ok("freeze", "--reason", "fair", "--until", "2199-12-24T18:00:00+01:00")
    assert published(queue)["until"] == "2199-12-24T17:00:00Z"
    shell.ok("freeze", "--reason", "fair", "--until", "2h")
    ends = datetime.fromisoformat(published(queue)["until"])
    assert timedelta(minutes=119) < ends - datetime.now(UTC) <= timedelta(hours=2)


@pytest.mark.parametrize(
    ("until", "answer"),
    [
        ("tomorrow", "tomorrow is no time: write 2h, 3d, 2026-12-24, or"),
        ("2199-12-24T18:00:00", "says no zone"),
        ("2020-01-01T00:00:00Z", "is in the past"),
    ],
)
def test_an_end_that_cannot_be_is_refused(shell: Shell, queue: Queue, until: str, answer: str) -> None:
    assert answer in " ".join(shell.fails("freeze", "--reason", "fair", "--until", until, code=2).split())
    assert queue.arrived() == []


def test_what_runs_is_pinned_where_no_version_is_given(connected: Shell, queue: Queue) -> None:
    assert connected.ok("pin", "foo", "prod", *REASON).stderr == "foo is pinned to 1.0 in prod\n"
    assert published(queue)["version"] == "1.0"
    assert "mars" in connected.fails("pin", "foo", "mars", *REASON)
    assert "no answer from" in connected.run("pin", "foo", "prod", *REASON, DEPLOYDB_URL="http://127.0.0.1:1").stderr


def test_a_version_that_does_not_exist_is_not_pinned(connected: Shell, queue: Queue) -> None:
    assert "there is no version 9.9 of foo" in connected.fails("pin", "foo", "prod", "9.9", *REASON)
    assert queue.arrived() == []


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (("thaw", "prod"), "there is no freeze in prod: no freeze stands anywhere"),
        (("thaw",), "there is no freeze everywhere: no freeze stands anywhere"),
        (("unpin", "foo", "prod"), "there is no pin of foo in prod"),
        (("unveto", "foo", "1.0"), "there is no veto of foo 1.0 everywhere"),
        (("resume", "foo", "prod"), "there is no pause of foo in prod"),
    ],
)
def test_what_is_not_held_is_not_lifted(connected: Shell, queue: Queue, command: tuple[str, ...], missing: str) -> None:
    assert missing in connected.fails(*command)
    assert queue.arrived() == []


def test_another_scope_is_rejected_with_what_stands(shell: Shell, queue: Queue) -> None:
    stands = {
        "id": "ann",
        "kind": "freeze",
        "service": None,
        "environment": "prod",
        "version": None,
        "text": "prod is frozen by ann",
    }
    with web() as server:
        server.reply("/api/holds", (200, json.dumps({"holds": [stands]}).encode()))
        server.reply("/api/names", (200, b'{"unknown": []}'))
        refused = shell.fails("thaw", DEPLOYDB_URL=server.url)
        assert "there is no freeze everywhere: what stands is: prod is frozen by ann" in refused
        shell.ok("thaw", "prod", DEPLOYDB_URL=server.url)
    assert published(queue)["hold"] == "ann"


def freezes(*ids: str) -> bytes:
    """Freezes of prod that stand, each named after who placed it."""
    scope = {"kind": "freeze", "service": None, "environment": "prod", "version": None}
    return json.dumps({"holds": [scope | {"id": id_, "text": f"prod is frozen by {id_}"} for id_ in ids]}).encode()


def test_of_several_holds_the_one_that_is_named_is_lifted(shell: Shell, queue: Queue) -> None:
    with web() as server:
        shell.environment["DEPLOYDB_URL"] = server.url
        server.reply("/api/holds", (200, freezes("ann", "bob")))
        which = (
            "2 holds match: choose one with --hold ID, or --all: ann: prod is frozen by ann; bob: prod is frozen by bob"
        )
        assert which in shell.fails("thaw", "prod")
        assert "there is no freeze eve there: choose" in shell.fails("thaw", "prod", "--hold", "eve")
        assert queue.arrived() == []
        lifted = shell.ok("thaw", "prod", "--hold", "b").stderr
        assert lifted == "hold bob is lifted\nstill: prod is frozen by ann (hold ann)\n"
        assert published(queue)["hold"] == "bob"
        assert shell.ok("thaw", "prod", "--all").stderr == "prod is no longer frozen\n"
        assert [body["hold"] for body in queue.bodies()] == ["ann", "bob"]


def test_a_hold_beside_others_says_so(shell: Shell, queue: Queue) -> None:
    with web() as server:
        server.reply("/api/holds", (200, freezes("bob")))
        output = shell.ok("freeze", "prod", "--from", "2199-12-24T18:00:00Z", *REASON, DEPLOYDB_URL=server.url).stderr
    assert output == (
        "prod is frozen\nit begins at 2199-12-24 18:00:00 UTC\nbeside it: prod is frozen by bob (hold bob)\n"
    )
    assert published(queue)["from"] == "2199-12-24T18:00:00Z"


def test_a_hold_that_ends_before_it_begins_is_refused(shell: Shell, queue: Queue) -> None:
    refused = shell.fails("freeze", "--from", "2h", "--until", "1h", *REASON, code=2)
    assert "--until is not after --from" in refused
    assert queue.arrived() == []


def test_a_veto_of_a_running_version_shows_its_rollback(connected: Shell, queue: Queue) -> None:
    assert connected.ok("veto", "foo", "1.0", *REASON).stderr == (
        "foo 1.0 is vetoed\nit runs in prod; what could be put back: deploydb rollback foo prod --dry-run\n"
    )
    assert "there is no version 7.0 of foo" in connected.fails("veto", "foo", "7.0", *REASON)
    assert connected.ok("veto", "foo", "7.0", "--early", *REASON).stderr == "foo 7.0 is vetoed\n"
    assert len(queue.arrived()) == 2


def test_a_word_for_passing_a_freeze_says_why(shell: Shell, queue: Queue) -> None:
    word = ("approve", "foo", "prod", "1.0", "--promotion", "freeze", "--by", "ann")
    assert "--comment" in shell.fails(*word, code=2)
    assert queue.arrived() == []
    shell.ok(*word, "--comment", "checkout is down")
    assert published(queue)["comment"] == "checkout is down"


def test_without_holds_the_output_says_so(seeded: Shell) -> None:
    ended = seeded.ok("holds")
    assert (ended.stdout, ended.stderr) == ("", "Nothing is held.\n")
    assert seeded.json("holds") == {"holds": []}
    assert re.search("no service bar", seeded.fails("holds", "--service", "bar"))


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (("freeze", "prd"), "there is no environment prd"),
        (("freeze", "--service", "fou"), "there is no service fou"),
        (("pause", "fou"), "there is no service fou"),
        (("veto", "fou", "1.0"), "there is no service fou"),
        (("veto", "foo", "1.0", "--environment", "prd"), "there is no environment prd"),
    ],
)
def test_what_does_not_exist_is_not_held(
    connected: Shell, queue: Queue, command: tuple[str, ...], missing: str
) -> None:
    assert missing in connected.fails(*command, *REASON)
    assert queue.arrived() == []
