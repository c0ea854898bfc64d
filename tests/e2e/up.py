"""`deploydb up` as a process of a test."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError

import pytest

from deploydb.broker.open import open_inbound, open_outbound
from deploydb.broker.port import Message
from deploydb.broker.topology import EVENTS, command_queue
from deploydb.wire.native import decode_command
from tests.cluster import write_config
from tests.servers.ports import free_port
from tests.workers.in_process import CONFIG, fact

T = TypeVar("T")
DEPLOYDB = [sys.executable, "-m", "deploydb"]
DEADLINE_SECONDS = 90.0


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
        self.output: list[str] = []
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
            self.output.extend(process.stderr)

    def ready(self) -> None:
        """Wait until it says so."""
        self.until(lambda: any(line.startswith("Ready: ") for line in self.output), "ready")

    def has_output(self, *words: str) -> bool:
        """Whether one line has all the words."""
        return any(all(word in line for word in words) for line in self.output)

    def until(self, look: Callable[[], T], what: str) -> T:
        """The first true thing that `look` sees while it runs."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (seen := look()):
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {''.join(self.output)}"
            assert time.monotonic() < deadline, f"not in time: {what}; output: {''.join(self.output)}"
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

    def deploy(self, outcome: str = "succeeded") -> str:
        """Take the next command, report its outcome, and name its environment."""
        with open_inbound(self.broker_url, command_queue("default"), name="tests") as inbound:
            (delivery,) = self.until(lambda: inbound.receive(1, timedelta(seconds=1)), "a command")
            command = decode_command(delivery.body)
            self.publish(fact("deployment.finished", f"{command.id}/f", command=command.id, outcome=outcome))
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
            with urllib.request.urlopen(f"{self.url}{path}", timeout=60) as answer:
                output: dict[str, Any] = json.load(answer)
                return output
        except URLError:
            return None

    def stop(self, by: signal.Signals = signal.SIGINT) -> None:
        """As Ctrl-C does; it ends by itself and well."""
        self.process.send_signal(by)
        assert self.process.wait(timeout=60) == 0, "".join(self.output)
        self._listening.join(timeout=60)

    def close(self) -> None:
        """Leave nothing running; `output` is whole."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._listening.join(timeout=60)

    def again(self) -> None:
        """Start it once more on the same folder."""
        self.output.clear()
        self.process = self._start()
        self.ready()

    def parts(self) -> dict[str, int]:
        """The process ids of its parts, by name."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = {}
        for child in children:
            words = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
            found[words[words.index("-m") + 2]] = int(child)
        return found


def gone(pid: int) -> bool:
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
        made = Up(tmp_path, free_port() if port is None else port, **options)
        all_started.append(made)
        return made

    yield start
    for made in all_started:
        made.close()
