"""Every read of the command line, with facts in the log that are made to break it."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploydb.store.record import record
from tests.cli.conftest import served
from tests.cli.shell import Shell
from tests.cluster import write_config
from tests.hostile import hostile_facts
from tests.query.test_process import CONFIG
from tests.scenario import NOON, Scenario

FACTS = 1_000
READS = (
    ("status",),
    ("status", "--service", "foo", "--environment", "prod"),
    ("why", "foo", "prod"),
    ("history", "foo"),
    ("history", "foo", "prod"),
    ("events", "--limit", "1000"),
    ("events", "--limit", "1000", "--before", "500"),
    ("blame", "prod", "--hours", "48"),
    ("holds",),
    ("dora",),
    ("diff", "dev", "prod"),
    ("where", "1.0"),
    ("plan", "foo", "1.0"),
)


@pytest.fixture(scope="module")
def shell(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell beside a service whose log is full of them."""
    with Scenario(shared_url) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        record(world.engine, list(hostile_facts(FACTS, NOON)), world.now)
        world.evaluate(minutes=1)
        with served(world) as address:
            folder = tmp_path_factory.mktemp("hostile")
            yield Shell(folder, DEPLOYDB_URL=address, DEPLOYDB_DATABASE_URL=shared_url)


@pytest.mark.parametrize("output", ["table", "json"])
def test_every_read_answers(shell: Shell, output: str) -> None:
    for read in READS:
        ended = shell.run(*read, "-o", output)
        differs = read[0] == "diff" and ended.returncode == 1
        assert differs or ended.returncode == 0, (read, ended.stderr)
        assert ended.stdout, read


def test_the_past_is_replayed(shell: Shell, tmp_path: Path) -> None:
    config = str(write_config(tmp_path / "config", CONFIG))
    for clock in ("time", "recorded"):
        ended = shell.run("simulate", "--config", config, "--against", config, "--clock", clock, "-o", "json")
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stdout)["differences"] == []


def test_the_stream_is_taken_up_from_its_beginning(shell: Shell) -> None:
    address = urlsplit(shell.environment["DEPLOYDB_URL"]).netloc
    with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
        connection.request("GET", "/api/stream", headers={"Last-Event-ID": "0"})
        answer = connection.getresponse()
        line = next(line for line in iter(answer.readline, b"") if line.startswith(b"data:"))
    assert len(json.loads(line.removeprefix(b"data:"))["changes"]) == FACTS
