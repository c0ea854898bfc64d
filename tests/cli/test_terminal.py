"""What others wrote, read on a terminal and through a pipe: nothing in it commands the terminal or turns a line."""

import json
import os
import pty
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa
import yaml

from deploydb.broker.dead_letter import dead_letter
from deploydb.broker.open import open_outbound
from deploydb.broker.topology import INGEST_QUEUE
from deploydb.domain.unsafe_characters import has_hidden
from deploydb.store.tables import artifact, current_version, deployment
from tests.cli.conftest import lane, served
from tests.cli.shell import DEPLOYDB, Queue, Shell
from tests.scenario import Scenario

FORGED = "\nservice/forged runs in prod"
"""What a job could say to add a line to an answer."""
WORDS = "\x1b[2J\x1b]0;owned\x07 \x9b31m \u202egnol\u2066 \u2028 \x85 \u200b \x7f [red]no[/red] {x}"
"""What a job could say to clear the screen, to colour it, and to turn its words around."""
SEEN = ("\\x1b[2J", "\\x9b31m", "\\u202egnol\\u2066", "\\u2028", "\\x85", "\\u200b", "\\x7f", "[red]no[/red]")


@pytest.fixture(scope="module")
def hostile(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell beside a service whose log and lanes are full of such words."""
    folder = tmp_path_factory.mktemp("hostile")
    path = folder / "deploydb.db"
    path.write_bytes(sqlite_template.read_bytes())
    with Scenario(f"sqlite:///{path}") as world:
        world.publish("1.0", artifact={"url": f"https://x/{WORDS}"}, **{f"x{WORDS}": WORDS})
        world.evaluate()
        world.deploy()
        world.tell("verification.finished", **lane("dev", "1.0"), promotion="smoke", outcome="failed", reason=WORDS)
        world.tell("hold.placed", kind="pause", service="foo", by="alice", reason=WORDS)
        world.evaluate(minutes=1)
        with served(world) as url:
            yield Shell(folder, DEPLOYDB_URL=url)


@pytest.fixture(scope="module")
def forging(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell beside a service whose names, stored before they were refused, would add lines of their own."""
    folder = tmp_path_factory.mktemp("forging")
    path = folder / "deploydb.db"
    path.write_bytes(sqlite_template.read_bytes())
    with Scenario(f"sqlite:///{path}") as world:
        world.publish("1.0", artifact={"commit": "abcdef0123"})
        world.evaluate()
        world.deploy()
        world.tell("hold.placed", kind="pause", service="foo", by="alice", reason=f"no{FORGED}")
        world.evaluate(minutes=1)
        with world.engine.begin() as connection:
            for table in (artifact, deployment, current_version):
                connection.execute(sa.update(table).values(version=f"1.0{FORGED}"))
        with served(world) as url:
            yield Shell(folder, DEPLOYDB_URL=url)


COMMANDS = (
    ["status"],
    ["why", "foo", "prod"],
    ["history", "foo", "dev"],
    ["events"],
    ["holds"],
    ["artifact", "show", "com.example:foo:1.0"],
    ["plan", "foo"],
    ["blame", "foo", "dev"],
)


def on_a_terminal(shell: Shell, *arguments: str, seconds: float = 30) -> str:
    """All that a command writes to a terminal, of both streams."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [*DEPLOYDB, *arguments],
        cwd=shell.folder,
        env=shell.environment | {"TERM": "dumb", "COLUMNS": "400", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    seen = b""
    try:
        while part := os.read(ours, 65536):
            seen += part
    except OSError:  # EIO: the other end is closed
        pass
    finally:
        os.close(ours)
        process.wait(seconds)
    return seen.decode()


def hidden(text: str) -> set[str]:
    """The hidden characters of an output but for ends of lines."""
    return {each for each in text if has_hidden(each) or unicodedata.category(each) in ("Cc", "Cf")} - {"\n", "\r"}


@pytest.mark.parametrize("output", ["table", "wide", "json", "yaml", "name"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_hidden_comes_to_a_terminal_or_a_pipe(hostile: Shell, command: list[str], output: str) -> None:
    assert hidden(on_a_terminal(hostile, *command, "-o", output)) == set()
    ended = hostile.run(*command, "-o", output)
    assert hidden(ended.stdout + ended.stderr) == set()


def test_the_words_are_shown_with_escapes(hostile: Shell) -> None:
    for answer in (on_a_terminal(hostile, "events"), hostile.ok("events").stdout, on_a_terminal(hostile, "holds")):
        for words in SEEN:
            assert words in answer


def test_json_and_yaml_keep_the_values(hostile: Shell) -> None:
    by_json = hostile.json("events")
    assert f"x{WORDS}" in next(one["body"] for one in by_json["events"] if one["type"] == "artifact.published")
    assert next(one["body"]["reason"] for one in by_json["events"] if one["type"] == "hold.placed") == WORDS
    assert yaml.safe_load(hostile.ok("events", "-o", "yaml").stdout) == by_json


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["why", "foo", "dev"],
        ["why", "foo", "dev", f"1.0{FORGED}"],
        ["flow", "show", "1"],
        ["wait", "foo", "dev", f"1.0{FORGED}", "--for", "running"],
        ["where", "abcdef0123"],
        ["where", FORGED],
        ["history", "foo", FORGED],
        ["holds"],
        ["service", "describe", "foo"],
        ["environment", "describe", "dev"],
        ["events"],
        ["artifact", "show", "com.example:foo:1.0"],
        ["rollback", "foo", "dev", "--dry-run"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_end_of_a_line_in_a_name_begins_no_line(forging: Shell, command: list[str]) -> None:
    for output in ([],) if command[0] == "wait" else ([], ["-o", "name"]):
        ended = forging.run(*command, *output)
        answer = ended.stdout + ended.stderr
        assert answer or output
        assert "\nservice/forged" not in answer


def test_errors_echo_what_was_typed_visibly(hostile: Shell) -> None:
    for arguments in (["status", WORDS], [f"--{WORDS}"], [WORDS], ["events", "--limit", WORDS], ["why", WORDS, "dev"]):
        answer = on_a_terminal(hostile, *arguments)
        assert answer
        assert hidden(answer) == set()


def test_a_dead_letter_is_shown_visibly_on_a_terminal_and_as_it_is_through_a_pipe(shell: Shell, queue: Queue) -> None:
    body = json.dumps({"x": WORDS}, ensure_ascii=False).encode() + WORDS.encode() + b"\xff"
    queue.send(body)
    (delivery,) = queue.arrived()
    with open_outbound(queue.url, name="tests") as outbound:
        outbound.publish([dead_letter(delivery, INGEST_QUEUE, f"not {WORDS}", f"$.{WORDS}\nforged")])
    (letter,) = shell.json("dead", "list")
    for arguments in (["list"], ["list", "-o", "yaml"], ["show", letter["id"]], ["show", letter["id"], "-o", "json"]):
        assert hidden(on_a_terminal(shell, "dead", *arguments)) == set()
    answer = on_a_terminal(shell, "dead", "show", letter["id"])
    assert "\\x9b31m \\u202egnol" in answer
    ended = subprocess.run(
        [*DEPLOYDB, "dead", "show", letter["id"]], env=shell.environment, capture_output=True, check=True, timeout=60
    )
    assert ended.stdout == body + b"\n"
    assert hidden(ended.stderr.decode()) == set()
    assert "\nforged" not in ended.stderr.decode()


def test_publish_refuses_a_name_before_it_is_sent(shell: Shell, queue: Queue) -> None:
    answer = shell.fails("publish", "artifact", "com.example:foo", "1.0\u202e")
    assert "$.artifact.version: U+202E is not allowed" in answer
    assert queue.arrived() == []


@pytest.mark.parametrize("password", ["it's @ home", 'quo"te 100%', "café/#?:"])
def test_doctor_and_up_tell_no_password(shell: Shell, password: str) -> None:
    written = quote(password, safe="")
    urls = {
        "DEPLOYDB_DATABASE_URL": f"postgresql://app:{written}@127.0.0.1:1/prod",
        "DEPLOYDB_BROKER_URL": f"amqp://app:{written}@127.0.0.1:1/",
        "DEPLOYDB_URL": f"http://app:{written}@127.0.0.1:1",
        "DEPLOYDB_TOKEN": "ddb_not-to-be-shown",
    }
    for arguments in (["doctor"], ["doctor", "-o", "json"], ["up"], ["db", "check"], ["status"], ["dead", "list"]):
        ended = shell.run(*arguments, **urls)
        assert ended.returncode == 1
        for secret in (password, written, "not-to-be-shown"):
            assert secret not in ended.stdout + ended.stderr
