"""Workers as processes: signals, ends, health."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploydb.store.tables import event
from tests.workers.in_process import InProcess, published, until

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(workshop: InProcess) -> Iterator[Start]:
    """Starts `python -m workers NAME`; its log goes to a file in the workshop's folder."""
    processes: list[subprocess.Popen[str]] = []

    def begin(name: str, *options: str, **environment: str) -> subprocess.Popen[str]:
        given = {
            "DEPLOYDB_DATABASE_URL": workshop.settings.database_url,
            "DEPLOYDB_BROKER_URL": workshop.settings.broker_url,
            "DEPLOYDB_CONFIG": str(workshop.settings.config),
        }
        with _log(workshop, name).open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "workers", name, *(options or ("--no-port",))],
                env=os.environ | given | environment,
                stderr=log,
                text=True,
            )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def _log(workshop: InProcess, name: str) -> Path:
    return workshop.settings.data / f"{name}.log"


def _stored(workshop: InProcess) -> int:
    return int(workshop.rows(sa.select(sa.func.count()).select_from(event))[0][0])


@pytest.mark.parametrize("name", ["ingest", "promote", "relay", "verify", "notify", "orchestrate"])
def test_a_worker_ends_well_on_sigterm_and_says_so_in_json(workshop: InProcess, start: Start, name: str) -> None:
    process = start(name, "--port", "0")
    until(lambda: "health and metrics" in _log(workshop, name).read_text(), "the port is logged")
    lines = [json.loads(line) for line in _log(workshop, name).read_text().splitlines()]
    address = next(line["address"] for line in lines if line["event"] == "health and metrics")

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=60) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False

    until(ready, "ready")
    with urllib.request.urlopen(f"{address}/metrics", timeout=60) as answer:
        assert f"deploydb_{name}_" in answer.read().decode()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert json.loads(_log(workshop, name).read_text().splitlines()[-1])["event"] == "stopped"


@pytest.mark.parametrize("name", ["ingest", "promote", "relay", "verify", "notify", "orchestrate"])
def test_sighup_reads_the_configuration_again_and_ends_no_process(workshop: InProcess, start: Start, name: str) -> None:
    process = start(name, "--port", "0")
    until(lambda: "health and metrics" in _log(workshop, name).read_text(), "it listens to signals")
    process.send_signal(signal.SIGHUP)
    if name == "promote":
        until(lambda: "configuration read again, unchanged" in _log(workshop, name).read_text(), "it is logged")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0


def test_sigterm_while_events_flow_loses_nothing(workshop: InProcess, start: Start) -> None:
    workshop.publish(*[published(f"1.{number}") for number in range(5000)])
    first = start("ingest")
    until(lambda: _stored(workshop) > 0, "the first batch")
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == 0
    start("ingest")
    until(lambda: _stored(workshop) == 5000, "all are stored")


def test_kill_9_while_events_flow_loses_nothing(workshop: InProcess, start: Start) -> None:
    workshop.publish(*[published(f"1.{number}") for number in range(5000)])
    first = start("ingest")
    until(lambda: _stored(workshop) > 0, "the first batch")
    first.kill()
    first.wait()
    start("ingest")
    until(lambda: _stored(workshop) == 5000, "all are stored", within=60)
    assert workshop.dead() == []


def test_a_worker_whose_credential_is_missing_ends_with_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "database-url"
    ended = subprocess.run(
        [sys.executable, "-m", "workers", "ingest", "--no-port"],
        env=os.environ | {"DEPLOYDB_DATABASE_URL_FILE": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (
        1,
        f"deploydb ingest: DEPLOYDB_DATABASE_URL_FILE: cannot read {path}: No such file or directory\n",
    )


def test_a_worker_without_its_queue_ends_with_one_clear_line(workshop: InProcess, start: Start, tmp_path: Path) -> None:
    nowhere = f"embedded:{tmp_path}/nowhere.db"
    process = start("ingest", DEPLOYDB_BROKER_URL=nowhere)
    assert process.wait(timeout=60) == 1
    (line,) = [line for line in _log(workshop, "ingest").read_text().splitlines() if not line.startswith("{")]
    assert line.startswith("deploydb ingest: ")
    assert "provision" in line


def test_a_worker_on_an_empty_database_says_what_to_do(workshop: InProcess, start: Start, tmp_path: Path) -> None:
    process = start("relay", DEPLOYDB_DATABASE_URL=f"sqlite:///{tmp_path}/empty.db")
    assert process.wait(timeout=60) == 1
    (line,) = [line for line in _log(workshop, "relay").read_text().splitlines() if not line.startswith("{")]
    assert line == "deploydb relay: the database is empty: run `deploydb db migrate`"
