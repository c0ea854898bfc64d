"""What holds for every command: help, exit codes, streams, start-up, and a clean end."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploydb import __version__
from deploydb.cli.commands import COMMANDS
from deploydb.cli.publisher import me
from deploydb.domain.model.facts import fact_types, type_of
from deploydb.query.views import views
from tests.cli.shell import DEPLOYDB, Shell, running

GROUPS = {
    "service": ["list", "describe"],
    "environment": ["list", "describe"],
    "artifact": ["accept", "show"],
    "flow": ["show"],
    "publish": ["artifact", "deployment", "verification", *map(type_of, fact_types())],
    "incident": ["open", "resolve"],
    "dead": ["list", "show", "replay", "discard"],
    "broker": ["provision", "check", "definitions"],
    "db": ["migrate", "check", "roles"],
    "hook": ["list", "test"],
}
EVERY = [
    [],
    *([name] for name in COMMANDS),
    *([group, name] for group, names in GROUPS.items() for name in names),
]

MODULES_AT_THE_END = """
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
sys.argv = ["deploydb", *sys.argv[1:]]
from deploydb.cli import main
main()
"""


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_the_help_of_every_command_shows_an_example(shell: Shell, command: list[str]) -> None:
    ended = shell.ok(*command, "--help")
    assert "Example" in ended.stdout
    assert f"deploydb {' '.join(command)}".strip() in ended.stdout.partition("Example")[2]
    assert ended.stderr == ""


def test_every_subcommand_is_among_those_tested_here(shell: Shell) -> None:
    for group, names in GROUPS.items():
        listed = shell.ok(group, "-h").stdout.partition("Commands:\n")[2]
        assert sorted(line.split()[0] for line in listed.splitlines()) == sorted(names)


def test_h_and_help_are_the_same_and_list_every_command(shell: Shell) -> None:
    answer = shell.ok("-h").stdout
    assert answer == shell.ok("--help").stdout
    assert all(f"\n  {name} " in answer for name in COMMANDS)
    assert re.findall("^([A-Z].*):$", answer, re.M) == ["Options", "Ask", "Act", "Run", "Set up"]


def test_the_version_is_data(shell: Shell) -> None:
    ended = shell.ok("--version")
    assert __version__ in ended.stdout
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["statu"], "did you mean status?"),
        (["status", "--nope"], "--nope"),
        (["status", "surplus"], "surplus"),
        (["status", "-o", "xml"], "xml"),
        (["status", "--at", "yesterday"], "2h or 3d"),
        (["--color", "blue", "status"], "blue"),
        (["service"], "Usage"),
        (["search", ""], "q is empty"),
        (["why", "", "prod"], "a name is empty"),
        (["status", "--service", ""], "service is empty"),
        (["open", ""], "service is empty"),
        (["flow", "show", "storefront"], "VERSION"),
        (["wait", "storefront", "dev"], "VERSION"),
        (["wait", "storefront", "dev", "1.0", "--timeout", "soon"], "soon is no duration"),
        (["wait", "storefront", "dev", "1.0", "--for", "ever"], "ever"),
        (["promote", "storefront", "dev", "1.0"], "--reason"),
        (["completion", "tcsh"], "tcsh"),
        (["events", "--follow", "--before", "3"], "--before"),
        (["freeze", "prod"], "--reason"),
        (["veto", "storefront", "1.0"], "--reason"),
        (["pin", "storefront", "prod"], "--reason"),
        (["hotfix", "storefront", "1.0"], "--reason"),
        (["rollback", "storefront", "prod"], "--reason"),
        (["refuse", "storefront", "prod"], "--reason"),
        (["refuse", "storefront", "prod", "--reason", " "], "say why"),
        (["approve", "storefront", "prod", "--promotion", "freeze"], "--comment"),
        (["events", "--limit", "0"], "--limit"),
        (["publish"], "artifact, deployment, verification, or --file"),
        (["publish", "artifact", "storefront", "1.0"], "GROUP:NAME"),
        (["publish", "verification", "a", "b", "c", "--promotion", "smoke", "--outcome", "good"], "good"),
        (["publish", "deployment", "observed", "a", "b", "c"], "--module GROUP:NAME"),
        (["publish", "--file", "nowhere.json"], "nowhere.json"),
        (["publish", "--file", "."], "directory"),
        (["dead", "replay"], "--all"),
        (["dead", "replay", "abc", "--all"], "--all"),
        (["dead", "replay", "abc", "--body", "nowhere.json"], "nowhere.json"),
    ],
    ids=" ".join,
)
def test_a_command_that_is_not_used_as_it_is_meant_ends_with_2(shell: Shell, arguments: list[str], answer: str) -> None:
    assert answer in shell.fails(*arguments, code=2)


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["why", "foo", "prod"],
        ["history", "foo"],
        ["events"],
        ["events", "--follow"],
        ["service", "list"],
        ["environment", "describe", "prod"],
        ["artifact", "show", "com.example:foo:1.0"],
        ["flow", "show", "foo", "1.0"],
        ["diff", "dev", "prod"],
        *([view.name, *view.parts, *view.arguments] for view in views()),
    ],
    ids=" ".join,
)
def test_reads_import_no_database_and_no_broker(shell: Shell, command: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", MODULES_AT_THE_END, *command],
        env=shell.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == (2 if command[0] == "diff" else 1)
    modules = set(ended.stderr.splitlines()[-1].split())
    assert "deploydb.cli.client" in modules
    assert not modules & {
        "sqlalchemy",
        "kombu",
        "amqp",
        "pika",
        "httpx",
        "httpx2",
        "rich",
        "yaml",
        "uvicorn",
        "starlette",
    }


def test_help_imports_no_command(shell: Shell) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", MODULES_AT_THE_END, "--help"],
        env=shell.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    ours = {name for name in ended.stderr.split() if name.startswith("deploydb.cli")}
    assert ours == {"deploydb.cli", "deploydb.cli.commands"}


def test_the_reader_of_the_output_may_stop(shell: Shell) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with running(
        [*DEPLOYDB, "check-config", "--schema"], env=shell.environment, stdout=writer, stderr=subprocess.PIPE
    ) as process:
        os.close(writer)
        assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_reported_in_a_line(shell: Shell) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*DEPLOYDB, "check-config", "--schema"],
            env=shell.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == "deploydb: [Errno 28] No space left on device\n"


def test_a_terminal_without_the_characters_gets_others(shell: Shell) -> None:
    (shell.folder / "here→there").write_text("")
    ended = shell.run("check-config", "here→there", PYTHONIOENCODING="latin-1")
    assert (ended.returncode, ended.stdout) == (1, "here?there:1:1: is not a directory\n")


def test_ctrl_c_ends_with_130_and_no_traceback(shell: Shell) -> None:
    fifo = shell.folder / "endless.jsonl"
    os.mkfifo(fifo)
    publish = [*DEPLOYDB, "publish", "--file", str(fifo)]
    with running(publish, env=shell.environment, stderr=subprocess.PIPE) as process:
        with fifo.open("w"):  # it has begun to read
            process.send_signal(signal.SIGINT)
        # A signal between two looks of the interpreter is seen once the read ends, which it does with the file.
        answer = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert answer.strip() == ""


@pytest.mark.parametrize("no_color", [False, True])
def test_colours_are_for_terminals_that_want_them(seeded: Shell, no_color: bool) -> None:
    environment = seeded.environment | {"TERM": "xterm-256color", "COLUMNS": "120"}
    environment.pop("NO_COLOR", None)
    shown = on_a_terminal([*DEPLOYDB, "status"], environment | ({"NO_COLOR": "1"} if no_color else {}))
    assert "SERVICE" in shown
    assert "─" in shown
    assert ("\x1b[3" in shown) is not no_color


@pytest.mark.parametrize(("asked", "coloured"), [("always", True), ("never", False), ("auto", False)])
def test_colours_may_be_asked_for_where_no_terminal_is(seeded: Shell, asked: str, coloured: bool) -> None:
    assert ("\x1b[3" in seeded.ok("--color", asked, "status").stdout) is coloured


def test_a_word_within_a_word_has_no_colour_of_its_own(seeded: Shell) -> None:
    shown = seeded.ok("--color", "always", "flow", "show", "foo", "1.1", COLUMNS="200").stdout
    assert "\x1b[36mCOMPLETED" in shown
    assert "NOT_STARTED" in shown


def test_a_watched_command_shows_again_until_ctrl_c(seeded: Shell) -> None:
    command = [*DEPLOYDB, "status", "--watch", "-o", "name"]
    with running(command, env=seeded.environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert lines == ["lane/foo/dev\n", "lane/foo/prod\n"] * 2
    assert process.returncode == 130


def test_who_has_no_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_001)
    assert me() == "uid-4000000001"


def test_json_is_one_line_without_a_terminal(shell: Shell) -> None:
    (line,) = shell.ok("check-config", "--schema").stdout.splitlines()
    assert isinstance(json.loads(line), dict)


def on_a_terminal(command: list[str], environment: dict[str, str]) -> str:
    """What a command shows on a terminal."""
    ours, theirs = pty.openpty()
    with running(command, env=environment, stdout=theirs, stdin=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 65536):
                shown += more
        except OSError:  # Linux says so when the other end is closed
            pass
        os.close(ours)
    assert process.returncode == 0
    return shown.decode()
