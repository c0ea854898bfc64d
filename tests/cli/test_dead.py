"""`dead`: dead letters are listed with the field that is wrong, and come back fixed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploydb.store.engine import open_engine, reading
from deploydb.store.tables import event
from tests.cli.shell import Queue, Shell
from tests.cli.test_publish import published
from tests.cluster import Cluster, write_config
from tests.workers.in_process import CONFIG, until


@pytest.fixture
def house(queue: Queue, sqlite_url: str, tmp_path: Path) -> Iterator[Cluster]:
    """Ingest as a process, on the broker that the shell publishes to."""
    with Cluster(queue.url, sqlite_url, write_config(tmp_path / "config", CONFIG)) as house:
        house.start("ingest")
        yield house


def stored(house: Cluster) -> list[str]:
    """The ids of the events in the database, in the order in which they came."""
    engine = open_engine(house.database_url, name="tests")
    try:
        with reading(engine) as connection:
            return [row.id for row in connection.execute(event.select().order_by(event.c.number))]
    finally:
        engine.dispose()


def listed(shell: Shell, count: int) -> list[dict[str, Any]]:
    """The dead letters, once there are so many."""

    def look() -> list[dict[str, Any]]:
        letters: list[dict[str, Any]] = shell.json("dead", "list")
        return letters if len(letters) == count else []

    return until(look, f"{count} dead letters")


def test_what_cannot_be_taken_names_its_field_lets_the_others_pass_and_comes_back_fixed(
    shell: Shell, queue: Queue, house: Cluster
) -> None:
    nul = json.dumps(published("1.2", artifact={"group": "com.example", "name": "f\0o", "version": "1.2"})).encode()
    large = json.dumps(published("1.3", padding="x" * 5_000_000)).encode()
    queue.send(
        b'{"type": "artifact.published", "id": ',
        json.dumps(published("1.1", type="artifact.lost")).encode(),
        nul,
        large,
        json.dumps(published("1.4")).encode(),
    )
    malformed, mistyped, named, heavy = listed(shell, 4)
    assert until(lambda: stored(house), "the good one behind them") == ["build-1.4"]
    assert (malformed["path"], malformed["reason"][:10]) == ("$", "not JSON: ")
    assert mistyped["path"] == "$.type"
    assert "artifact.lost" in mistyped["reason"]
    assert named["path"] == "$.artifact.name"
    assert heavy["path"] == "$"
    assert f"has {len(large)} bytes" in heavy["reason"]

    heading, *rows = shell.ok("dead", "list").stdout.splitlines()
    assert heading.split() == ["ID", "DIED", "QUEUE", "FIELD", "REASON"]
    assert [row.split()[0] for row in rows] == [one["id"] for one in (malformed, mistyped, named, heavy)]
    assert len(shell.ok("dead", "list", "--limit", "2").stdout.splitlines()) == 3

    shown = shell.ok("dead", "show", named["id"])
    assert shown.stdout.encode() == nul + b"\n"
    assert shown.stderr.startswith("$.artifact.name: ")
    assert shell.json("dead", "show", named["id"])["publisher"] == named["publisher"]

    (shell.folder / "fixed.json").write_text(shown.stdout.replace("\\u0000", "o"))
    assert shell.ok("dead", "replay", named["id"], "--body", "fixed.json").stderr.startswith(
        f"{named['id']} is back in"
    )
    until(lambda: stored(house) == ["build-1.4", "build-1.2"], "the fixed one")
    fixed = json.dumps(published("1.1")).encode()
    shell.ok("dead", "replay", mistyped["id"], "--body", "-", stdin=fixed)
    until(lambda: stored(house) == ["build-1.4", "build-1.2", "build-1.1"], "the one fixed by a pipe")

    shell.ok("dead", "discard", heavy["id"])
    assert [one["id"] for one in listed(shell, 1)] == [malformed["id"]]
    ended = shell.ok("dead", "replay", "--all")
    assert ended.stderr == f"{malformed['id']} is back in deploydb.events\n"
    (again,) = listed(shell, 1)
    assert again["path"] == "$"
    assert len(stored(house)) == 3


def test_without_any_it_says_so_on_stderr(shell: Shell, queue: Queue) -> None:
    for command in (["dead", "list"], ["dead", "replay", "--all"]):
        ended = shell.ok(*command)
        assert (ended.stdout, ended.stderr) == ("", "No dead letters.\n")
    assert shell.json("dead", "list") == []


@pytest.mark.parametrize("what", ["show", "replay", "discard"])
def test_one_that_is_not_there_is_named(shell: Shell, queue: Queue, what: str) -> None:
    answer = shell.fails("dead", what, "3f2a9c01b7de")
    assert answer == "deploydb: there is no dead letter 3f2a9c01b7de: `deploydb dead list` shows those that are there\n"
