"""`deploydb up` as a process: everything starts, works, survives, stops, and goes on where it was."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError

import pytest

from deploydb.broker.open import open_inbound, open_outbound
from deploydb.broker.port import Message
from deploydb.broker.topology import EVENTS, command_queue
from deploydb.wire.native import decode_command
from tests.cluster import ROOT, write_config
from tests.servers import RabbitMQ
from tests.workers.in_process import (
    CONFIG,
    fact,
    published,
)

T = TypeVar("T")
DEPLOYDB = [sys.executable, "-m", "deploydb"]
DEADLINE_SECONDS = 40.0


class Up:
    """One `deploydb up` on a folder of its own."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        broker_url: str | None = None,
        database_url: str | None = None,
        umask: int = -1,
    ):
        self._umask = umask
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.broker_url = broker_url or f"embedded:{folder}/data/broker.db"
        self.said: list[str] = []
        given = {"DEPLOYDB_BROKER_URL": broker_url, "DEPLOYDB_DATABASE_URL": database_url}
        self._environment = os.environ | {name: value for name, value in given.items() if value is not None}
        self._port = port
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [
                *(*DEPLOYDB, "up"),
                *("--data", self.folder / "data", "--config", self.folder / "config"),
                *("--listen", f"127.0.0.1:{self._port}"),
            ],
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
            umask=self._umask,
        )
        self._listening = threading.Thread(target=self._listen, args=(process,), daemon=True)
        self._listening.start()
        return process

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr:
            self.said.extend(process.stderr)

    def ready(self) -> None:
        """Wait until it says so."""
        self.until(lambda: any(line.startswith("Ready: ") for line in self.said), "ready")

    def has_said(self, *words: str) -> bool:
        """Whether one line has all the words."""
        return any(all(word in line for word in words) for line in self.said)

    def until(self, look: Callable[[], T], what: str) -> T:
        """The first true thing that `look` sees while it runs."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (seen := look()):
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {''.join(self.said)}"
            assert time.monotonic() < deadline, f"not in time: {what}; said: {''.join(self.said)}"
            time.sleep(0.05)
        return seen

    def publish(self, *bodies: bytes) -> None:
        """From another process's point of view: by the broker's address alone."""
        messages = [
            Message(exchange=EVENTS, routing_key="tests", body=body, message_id=f"m-{number}")
            for number, body in enumerate(bodies)
        ]
        with open_outbound(self.broker_url, name="tests") as outbound:
            assert all(receipt.state == "confirmed" for receipt in outbound.publish(messages))

    def deploy(self) -> str:
        """Take the next command, report it done, and name its environment."""
        with open_inbound(self.broker_url, command_queue("default"), name="tests") as inbound:
            (delivery,) = self.until(lambda: inbound.receive(1, timedelta(seconds=1)), "a command")
            command = decode_command(delivery.body)
            self.publish(fact("deployment.finished", f"{command.id}/f", command=command.id, outcome="succeeded"))
            inbound.ack([delivery])
            return command.environment

    def running(self) -> dict[str, list[str]]:
        """What the status resource says runs: versions by environment."""
        answer = self._get("/api/status") or {"lanes": []}
        return {lane["environment"]: [one["version"] for one in lane["running"]] for lane in answer["lanes"]}

    def readiness(self) -> dict[str, Any]:
        """What web says of it; not ready where it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=6) as answer:
                return dict(json.load(answer))
        except HTTPError as error:
            with error:
                return dict(json.load(error))
        except OSError:
            return {"ready": False}

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:
                output: dict[str, Any] = json.load(answer)
                return output
        except URLError:
            return None

    def stop(self, by: signal.Signals = signal.SIGINT) -> None:
        """As Ctrl-C does; it ends by itself and well."""
        self.process.send_signal(by)
        assert self.process.wait(timeout=20) == 0, "".join(self.said)
        self._listening.join(timeout=5)

    def close(self) -> None:
        """Leave nothing running; `said` is whole."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._listening.join(timeout=15)

    def again(self) -> None:
        """Start it once more on the same folder."""
        self.said.clear()
        self.process = self._start()
        self.ready()

    def parts(self) -> dict[str, int]:
        """The process ids of its parts, by name."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = {}
        for child in children:
            words = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
            found[words[words.index("workers") + 1]] = int(child)
        return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Starts `up`; whatever is left of it is killed in the end."""
    all_started: list[Up] = []

    def start(port: int | None = None, **options: Any) -> Up:
        write_config(tmp_path / "config", CONFIG)
        made = Up(tmp_path, _free_port() if port is None else port, **options)
        all_started.append(made)
        return made

    yield start
    for made in all_started:
        made.close()


def test_it_starts_works_stops_and_goes_on_where_it_was(started: Callable[..., Up]) -> None:
    up = started()
    up.ready()
    up.publish(published("1.2.3"))
    assert up.deploy() == "dev"
    up.until(lambda: up.running().get("dev") == ["1.2.3"], "dev runs it")
    up.stop(signal.SIGINT)
    up.publish(published("1.2.4"))
    up.again()
    assert sorted([up.deploy(), up.deploy()]) == ["dev", "prod"]
    up.until(lambda: up.running() == {"dev": ["1.2.4"], "prod": ["1.2.3"]}, "both versions are where they should be")
    up.stop(signal.SIGTERM)
    assert (up.folder / "data" / "logs" / "ingest.log").exists()


@pytest.mark.servers
def test_it_runs_on_rabbitmq_and_postgresql(started: Callable[..., Up], amqp_url: str, postgresql_url: str) -> None:
    up = started(broker_url=amqp_url, database_url=postgresql_url)
    up.ready()
    up.publish(published("1.2.3"))
    assert up.deploy() == "dev"
    up.until(lambda: up.running().get("dev") == ["1.2.3"], "dev runs it")
    up.stop()
    assert "Traceback" not in "".join(up.said)


def test_a_part_that_dies_is_started_again_and_it_is_said(started: Callable[..., Up]) -> None:
    up = started()
    up.ready()
    for name in ("ingest", "promote", "relay", "verify"):
        os.kill(up.parts()[name], signal.SIGKILL)
        up.until(partial(up.has_said, name, "starts again"), f"{name} is started again")
    up.publish(published("1"))
    assert up.deploy() == "dev"
    up.stop()


def test_the_parts_end_with_it_however_it_ends(started: Callable[..., Up]) -> None:
    up = started()
    up.ready()
    parts = up.parts()
    assert sorted(parts) == ["ingest", "promote", "relay", "verify", "web"]
    up.process.kill()
    up.process.wait()
    deadline = time.monotonic() + 15
    while not all(_gone(pid) for pid in parts.values()):
        assert time.monotonic() < deadline, parts
        time.sleep(0.05)


def test_a_second_one_on_the_same_folder_is_refused(started: Callable[..., Up]) -> None:
    first = started()
    first.ready()
    second = started()
    assert second.process.wait(timeout=20) == 1
    second.close()
    (line,) = second.said
    assert "another `deploydb up` uses" in line
    assert str(first.process.pid) in line
    first.stop()


def test_an_address_that_is_taken_is_said_at_once_with_who_has_it_and_nothing_is_written(
    started: Callable[..., Up],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = started(port=port)
        assert up.process.wait(timeout=45) == 1
        up.close()
    (line,) = up.said
    assert f"port {port} is taken by process {os.getpid()} (" in line
    assert re.search(r": --listen 127\.0\.0\.1:\d+$", line)
    assert not (up.folder / "data").exists()


def test_an_address_that_another_deploydb_has_is_said_so_and_it_goes_on(
    started: Callable[..., Up], tmp_path: Path
) -> None:
    first = started()
    first.ready()
    address = first.url.removeprefix("http://")
    for arguments in (["up"], ["tour", "--once"]):
        ended = _ended(arguments, tmp_path / "other", DEPLOYDB_LISTEN=address)
        assert ended.returncode == 1
        assert ended.stdout == ""
        assert f"is taken by another DeployDB, process {first.process.pid} (" in ended.stderr
        assert re.search(r": --listen 127\.0\.0\.1:\d+$", ended.stderr)
        assert not (tmp_path / "other" / "deploydb-data").exists()
    ended = _ended(["-m", "workers", "gateway"], tmp_path / "other", DEPLOYDB_GATEWAY_LISTEN=address)
    assert f"is taken by another DeployDB, process {first.process.pid} (" in ended.stderr
    assert "set DEPLOYDB_GATEWAY_LISTEN=127.0.0.1:" in ended.stderr
    assert first.running() == {"dev": [], "prod": []}
    first.stop()


def test_what_it_writes_is_for_its_user_alone_whatever_the_umask_and_was_there_before(
    started: Callable[..., Up], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    (data / "logs").mkdir(parents=True)
    for folder in (data, data / "logs"):
        folder.chmod(0o755)
    (data / "token").write_text("ddb_" + "x" * 43)
    (data / "token").chmod(0o777)
    (data / "logs" / "web.log.1").touch(0o666)
    up = started(umask=0)
    up.ready()
    up.publish(published("1.2.3"))
    assert up.deploy() == "dev"
    up.until(lambda: up.running().get("dev") == ["1.2.3"], "dev runs it")
    modes = {path: path.stat().st_mode & 0o777 for path in (data, *data.rglob("*"))}
    assert {"deploydb.db", "deploydb.db-wal", "broker.db", "broker.db-wal", "token", "up.lock", "web.log"} <= {
        path.name for path in modes
    }
    assert {path: mode for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}
    up.stop()


def test_it_keeps_its_address_while_the_part_that_serves_it_starts_again(started: Callable[..., Up]) -> None:
    up = started()
    up.ready()
    os.kill(up.parts()["web"], signal.SIGKILL)
    with pytest.raises(OSError, match="in use"):
        socket.create_server(("127.0.0.1", int(up.url.rpartition(":")[2])))
    up.until(partial(up.has_said, "web", "runs again"), "it serves again")
    assert "dev" in up.running()
    up.stop()


def test_on_any_free_port_it_says_which(started: Callable[..., Up]) -> None:
    up = started(port=0)
    up.ready()
    (line,) = (line for line in up.said if line.startswith("Ready: "))
    up.url = line.removeprefix("Ready: ").partition(". ")[0]
    assert "dev" in up.running()
    up.stop()


def _ended(arguments: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of DeployDB's in a folder that has what a clone has."""
    for name in ("config", "deploy/example"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    return subprocess.run(
        [*(DEPLOYDB if arguments[0] != "-m" else DEPLOYDB[:1]), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_broken_configuration_is_told_before_anything_starts(tmp_path: Path) -> None:
    config = write_config(
        tmp_path / "config", {"services/foo.yml": "artifacts: [com.example:foo]\npipelines: [gone]\n"}
    )
    ended = subprocess.run(
        [*DEPLOYDB, "up", "--data", tmp_path / "data", "--config", config],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 1
    assert "foo.yml:2:" in ended.stderr
    assert "gone" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_orchestrator_configured_later_gets_its_queue(started: Callable[..., Up]) -> None:
    up = started()
    up.ready()
    write_config(up.folder / "config", {"environments/dev.yml": "orchestrator: kube\n"})
    up.until(lambda: any("changed" in line for line in up.said), "the change is said")
    up.publish(published("1"))
    with open_inbound(up.broker_url, command_queue("kube"), name="tests") as inbound:
        (delivery,) = up.until(lambda: inbound.receive(1, timedelta(seconds=1)), "the command")
        inbound.ack([delivery])
    up.stop()


@pytest.mark.servers
def test_a_configuration_that_changes_while_the_broker_is_away_ends_nothing(
    started: Callable[..., Up], own_rabbitmq: RabbitMQ
) -> None:
    up = started(broker_url=own_rabbitmq.create_vhost("away"))
    up.ready()
    own_rabbitmq.kill()
    write_config(up.folder / "config", {"environments/dev.yml": "orchestrator: kube\n"})
    up.until(lambda: up.has_said("not all queues of the changed configuration exist yet"), "the reason is said")
    own_rabbitmq.start()
    up.until(lambda: up.has_said("config ", "changed: "), "the change is taken up")
    with open_inbound(up.broker_url, command_queue("kube"), name="tests"):
        pass
    up.stop()
