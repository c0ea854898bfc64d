"""Commands wait for the effect of what they have published, and say what came of it."""

import json
from typing import Any

import click
import pytest

from deploydb.cli import effect
from deploydb.domain.model.facts import HoldLifted
from tests.cli.shell import REASON, Queue, Shell, published
from tests.web import Web, web

WAITS = {"DEPLOYDB_NO_WAIT": ""}
FREEZE = ("freeze", "prod", *REASON)


def _reply(server: Web, *effects: dict[str, Any]) -> None:
    server.reply("/api/holds", (200, b'{"holds": []}'))
    bodies = [{"number": None, "counts": None, "why": None} | one for one in effects]
    server.reply("/api/effect", *((200, json.dumps(body).encode()) for body in bodies))


def test_a_command_waits_until_what_it_published_counts(shell: Shell, queue: Queue) -> None:
    with web() as server:
        waiting = {"number": 7, "why": "it is not evaluated yet"}
        _reply(server, {}, waiting, {"number": 7, "counts": True})
        ended = shell.ok(*FREEZE, DEPLOYDB_URL=server.url, **WAITS)
        asked = [path for path in server.paths() if path.startswith("/api/effect")]
    assert ended.stderr == "prod is frozen\n"
    assert len(asked) == 3
    (fact,) = queue.bodies()
    assert fact["id"] in asked[0]


def test_what_does_not_count_after_all_is_an_error_with_the_reason(shell: Shell, queue: Queue) -> None:
    with web() as server:
        _reply(server, {"number": 7, "counts": False, "why": "a later word stands, by bob"})
        output = shell.fails(*FREEZE, DEPLOYDB_URL=server.url, **WAITS)
        assert output == "deploydb: recorded as event 7, and it does not count: a later word stands, by bob\n"
        output = shell.ok(*FREEZE, "--no-wait", DEPLOYDB_URL=server.url, **WAITS).stderr
    assert output == "prod is frozen\n"
    assert len(queue.arrived()) == 2


def test_an_unknown_effect_has_an_exit_code_of_its_own(shell: Shell, queue: Queue) -> None:
    with web() as server:
        server.reply("/api/holds", (200, b'{"holds": []}'))
        output = shell.fails(*FREEZE, code=3, DEPLOYDB_URL=server.url, **WAITS)
    (fact,) = queue.bodies()
    assert output.startswith(f"published as {fact['source']}/{fact['id']}; its effect is not known: ")
    assert f"look with `deploydb events --source {fact['source']}`" in output


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({}, "; not recorded yet: look with"),
        ({"number": 7, "why": "it is not evaluated yet"}, "; recorded as event 7; it is not evaluated yet: look with"),
    ],
)
def test_the_wait_is_bounded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], known: dict[str, Any], text: str
) -> None:
    monkeypatch.setattr(effect, "WAIT_SECONDS", 0.0)
    fact = HoldLifted(id="1", source="cli", kind="freeze", by="ann")
    with web() as server, click.Context(click.Command("thaw")):
        monkeypatch.setenv("DEPLOYDB_URL", server.url)
        _reply(server, known)
        with pytest.raises(click.exceptions.Exit) as ended:
            effect.require_effect(fact)
    assert ended.value.exit_code == 3
    assert text in capsys.readouterr().err


def test_a_published_fact_that_does_not_count_is_shown_and_fails_with_strict(shell: Shell, queue: Queue) -> None:
    names = {"unknown": [], "services": [], "contradiction": None}
    lift = ("publish", "hold.lifted", "--kind", "freeze", "--by", "ann", "--environment", "prod")
    with web() as server:
        server.reply("/api/names", (200, json.dumps(names).encode()))
        _reply(server, {"number": 7, "counts": False, "why": "no such freeze stood then"})
        there = {"DEPLOYDB_URL": server.url, **WAITS}
        assert "it does not count: no such freeze stood then" in shell.ok(*lift, **there).stderr
        assert "it does not count: no such freeze stood then" in shell.fails(*lift, "--strict", **there)
        server.reply("/api/effect", 404)
        assert "its effect is not known" in shell.ok(*lift, **there).stderr
        assert "its effect is not known" in shell.fails(*lift, "--strict", code=3, **there)
    assert len(queue.arrived()) == 4


def test_an_early_approval_waits_for_nothing(shell: Shell, queue: Queue) -> None:
    early = ("approve", "foo", "prod", "9", "--promotion", "go", "--early", "--by", "ann")
    with web() as server:
        shell.ok(*early, DEPLOYDB_URL=server.url, **WAITS)
        assert not [path for path in server.paths() if path.startswith("/api/effect")]
    assert published(queue)["version"] == "9"
