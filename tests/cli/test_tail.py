"""`events --follow`: each event once, soon after it is recorded."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.cli.conftest import served
from tests.cli.shell import DEPLOYDB, Shell, running
from tests.scenario import Scenario


@pytest.fixture
def world(sqlite_template: Path, tmp_path: Path) -> Iterator[Scenario]:
    """A log with one event in it."""
    with Scenario(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'deploydb.db')}") as world:
        world.publish("1.0")
        yield world


def line(stream: IO[str] | None) -> str:
    """The next line."""
    assert stream is not None
    return stream.readline()


def test_each_new_event_is_a_line_until_ctrl_c(shell: Shell, world: Scenario) -> None:
    with (
        served(world) as url,
        running(
            [*DEPLOYDB, "events", "--follow", "--type", "artifact.published"],
            env=shell.environment | {"DEPLOYDB_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        first = line(process.stdout)
        world.tell("hold.placed", kind="pause", service="foo", by="alice", reason="moving")
        world.publish("1.1")
        second = line(process.stdout)
        world.publish("1.2")
        third = line(process.stdout)
        process.send_signal(signal.SIGINT)
        rest, answer = process.communicate(timeout=60)
    assert [shown.split()[-1] for shown in (first, second, third)] == ["1.0", "1.1", "1.2"]
    assert (rest, answer.strip(), process.returncode) == ("", "", 130)


def test_as_json_each_event_is_an_object_a_line(shell: Shell, world: Scenario) -> None:
    world.publish("1.1")
    with (
        served(world) as url,
        running(
            [*DEPLOYDB, "events", "--follow", "--limit", "1", "-o", "json"],
            env=shell.environment | {"DEPLOYDB_URL": url},
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
        ) as process,
    ):
        first = json.loads(line(process.stdout))
        world.publish("1.2")
        second = json.loads(line(process.stdout))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert [one["body"]["artifact"]["version"] for one in (first, second)] == ["1.1", "1.2"]


def test_the_log_is_narrowed_by_who_and_since(shell: Shell, world: Scenario) -> None:
    world.tell("hold.placed", kind="pause", service="foo", by="alice", reason="moving")
    world.tell("hold.lifted", kind="pause", service="foo", by="bob", reason="moved")
    with served(world) as url:
        shell.environment["DEPLOYDB_URL"] = url
        assert [one["type"] for one in shell.json("events", "--who", "alice")["events"]] == ["hold.placed"]
        assert len(shell.json("events", "--since", "2026-11-22T12:00:00Z")["events"]) == 3
        assert shell.json("events", "--since", "2026-11-22T12:00:01Z")["events"] == []
