"""The service as a process: `python -m workers query`, over a real socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from deploydb.store.engine import open_engine
from deploydb.store.schema import migrate
from tests.cluster import ROOT, write_config
from tests.scenario import Scenario
from tests.servers import PostgreSQL, until

CONFIG = {
    "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main]\n",
    "pipelines/main.yml": "environments:\n  dev:\n  prod:\n",
    "environments/dev.yml": "description: first\n",
    "environments/prod.yml": "description: last\n",
}
READY = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def migrate_at(url: str) -> None:
    engine = open_engine(url, name="tests")
    migrate(engine)
    engine.dispose()


class Process:
    """One query service on a free port. What it logs goes to a file."""

    def __init__(
        self, folder: Path, database_url: str, *, listen: str = "127.0.0.1:0", worker: str = "query", **given: str
    ) -> None:
        self.config = write_config(folder / "config", CONFIG)
        self._log = folder / "query.log"
        environment = os.environ | {
            "DEPLOYDB_DATABASE_URL": database_url,
            "DEPLOYDB_CONFIG": str(self.config),
            "DEPLOYDB_LISTEN": listen,
            "DEPLOYDB_GATEWAY_LISTEN": listen,
            "DEPLOYDB_LOG_LEVEL": "info",
            **given,
        }
        with self._log.open("w") as log:
            command = [sys.executable, "-m", "workers", worker]
            self.process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=log)

    def ready(self) -> "Process":
        """Once it can be asked."""
        until(lambda: self.process.poll() is not None or bool(self.address), what="the service to listen")
        assert self.process.poll() is None, self.output()
        return self

    def get(self, path: str) -> Any:
        """The body of a good answer."""
        with urllib.request.urlopen(f"{self.address}{path}", timeout=60) as answer:
            return json.load(answer)

    def raw(self, request: bytes) -> bytes:
        """What comes back for some bytes, until the service closes the connection."""
        host, _, port = self.address.removeprefix("http://").rpartition(":")
        with closing(socket.create_connection((host, int(port)), timeout=60)) as connection:
            connection.sendall(request)
            answer = b""
            while part := connection.recv(65536):
                answer += part
            return answer

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The log's lines that say this."""
        lines = (json.loads(line) for line in self.output().splitlines() if line.startswith("{"))
        return [line for line in lines if line["event"] == event]

    def output(self) -> str:
        """All that it has logged."""
        return self._log.read_text()

    def end(self) -> None:
        """Leave nothing running."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def address(self) -> str:
        answer = self.logged("serving")
        return str(answer[0]["address"]) if answer else ""


@pytest.fixture
def process(tmp_path: Path, sqlite_url: str) -> Iterator[Process]:
    started = Process(tmp_path, sqlite_url)
    try:
        yield started.ready()
    finally:
        started.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_a_stop_is_a_success(process: Process, sqlite_url: str, number: signal.Signals) -> None:
    assert process.get("/readyz")["ready"]
    with Scenario(sqlite_url) as world:
        world.publish("1.0")
    assert process.get("/api/artifacts/1")["version"] == "1.0"
    process.process.send_signal(number)
    assert process.process.wait(timeout=60) == 0
    assert "Traceback" not in process.output()


def test_a_stop_does_not_wait_for_clients_that_say_nothing_more(process: Process) -> None:
    host, _, port = process.address.removeprefix("http://").rpartition(":")
    with (
        closing(socket.create_connection((host, int(port)))) as silent,
        closing(socket.create_connection((host, int(port)))) as half,
    ):
        silent.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert silent.recv(65536).startswith(b"HTTP/1.1 200")
        half.sendall(b"GET /api/serv")
        process.process.terminate()
        assert process.process.wait(timeout=60) == 0


def test_a_configuration_that_changes_is_taken_up_and_a_broken_one_is_not(process: Process) -> None:
    write_config(process.config, {"services/bar.yml": "artifacts: [com.example:bar]\npipelines: [main]\n"})
    until(lambda: len(process.get("/api/services")) == 2, what="the new service")
    write_config(process.config, {"services/bar.yml": "artifacts: [com.example:bar]\npipelines: [gone]\n"})
    until(lambda: bool(process.logged("the configuration is broken, the last good one stays in use")), what="a warning")
    assert len(process.get("/api/services")) == 2
    assert "bar.yml:2:" in process.get("/readyz")["warnings"][0]
    process.process.send_signal(signal.SIGHUP)
    write_config(process.config, {"services/bar.yml": "artifacts: [com.example:bar]\npipelines: [main]\n"})
    until(lambda: process.get("/readyz")["warnings"] == [], what="the end of the warning")


def test_hostile_requests_are_refused_and_the_next_one_is_answered(process: Process) -> None:
    for target, code in (
        (b"/api/services/" + b"a" * 50_000, b"414"),
        (b"/api/services?x=" + b"a" * 20_000, b"414"),
        (b"/api/services/%00%ff%fe", b"404"),
        (b"/api/services/%ed%a0%80", b"404"),
        (b"/api/artifacts/by-module/%ff:%ff/latest", b"404"),
        (b"/api/artifacts/%", b"400"),
        (b"/api/events?service=%ff&type=%ed%a0%80", b"404"),
        (b"//api//services", b"404"),
        (b"/api/services/../services", b"404"),
        (b"/" + b"9" * 5000, b"404"),
    ):
        answer = process.raw(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.split()[1] == code, (target[:60], answer[:300])
        assert b"server:" not in head.lower()
        if code != b"200":
            assert json.loads(body)["code"] == int(code)
    not_ascii = b"GET /api/s\xff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert b" 400 " in process.raw(not_ascii).splitlines()[0]
    assert b" 400 " in process.raw(b"nonsense\r\n\r\n").splitlines()[0]
    with_body = b"GET /api/services HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    assert process.raw(with_body % 2000 + b"x" * 2000).split()[1] == b"200"
    with suppress(ConnectionError):  # it does not wait for the rest of what it will not read
        process.raw(with_body % 3_000_000 + b"x" * 3_000_000)
    assert process.get("/api/services")
    assert "Traceback" not in process.output()


def test_head_has_no_body(process: Process) -> None:
    answer = process.raw(b"HEAD /api/services HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"200"
    assert b"content-length: " in head.lower()
    assert body == b""


@pytest.mark.servers
def test_it_starts_while_the_database_is_away_and_answers_once_it_is_there(
    tmp_path: Path, own_postgresql: PostgreSQL
) -> None:
    url = own_postgresql.create_database("late")
    migrate_at(url)
    own_postgresql.stop()
    started = Process(tmp_path, url)
    try:
        started.ready()
        assert started.logged("the database cannot be asked yet")
        own_postgresql.start()
        until(lambda: b" 200 " in started.raw(READY).splitlines()[0], what="the service to be ready")
        with Scenario(url) as world:
            world.publish("1.0")
        assert started.get("/api/artifacts/1")["version"] == "1.0"
        started.process.terminate()
        assert started.process.wait(timeout=60) == 0
    finally:
        started.end()


@pytest.mark.parametrize(
    ("listen", "answer"),
    [
        ("nonsense", "DEPLOYDB_LISTEN is nonsense: expected HOST:PORT"),
        ("127.0.0.1:99999", "DEPLOYDB_LISTEN is 127.0.0.1:99999: expected HOST:PORT"),
        ("192.0.2.1:8080", "cannot listen on 192.0.2.1:8080"),
    ],
)
def test_an_address_that_cannot_be_had_ends_it_with_one_clear_line(
    tmp_path: Path, sqlite_url: str, listen: str, answer: str
) -> None:
    started = Process(tmp_path, sqlite_url, listen=listen)
    try:
        assert started.process.wait(timeout=60) == 1
    finally:
        started.end()
    (line,) = started.output().splitlines()
    assert answer in line


def test_a_database_without_migrations_ends_it_with_one_clear_line(tmp_path: Path) -> None:
    started = Process(tmp_path, f"sqlite:///{tmp_path}/empty.db")
    try:
        assert started.process.wait(timeout=60) == 1
    finally:
        started.end()
    assert started.output() == "deploydb query: the database is empty: run `deploydb db migrate`\n"
