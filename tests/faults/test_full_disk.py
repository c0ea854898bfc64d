"""A disk that takes no more under `deploydb up`: each part says so in time, and goes on in time, without a restart."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.cluster import ROOT, write_config
from tests.e2e.up import DEPLOYDB, Up
from tests.faults.test_silence import SOON
from tests.servers.ports import free_ports
from tests.workers.in_process import CONFIG, published, until

PARTS = ("ingest", "promote", "relay", "verify")
SERVICES = ("query", "gateway")
NO_ROOM = 1024
"""Bytes that a file may have: a full disk for one process, root included."""


class Everything:
    """`deploydb up`, and on its folder a query service and a gateway of their own."""

    def __init__(self, folder: Path) -> None:
        write_config(folder / "config", CONFIG)
        port, *ports = free_ports(1 + len(SERVICES))
        self.addresses = {name: f"http://127.0.0.1:{port}" for name, port in zip(SERVICES, ports, strict=True)}
        self.environment = os.environ | {
            "DEPLOYDB_DATA": str(folder / "data"),
            "DEPLOYDB_CONFIG": str(folder / "config"),
            "DEPLOYDB_LISTEN": f"127.0.0.1:{ports[0]}",
            "DEPLOYDB_GATEWAY_LISTEN": f"127.0.0.1:{ports[1]}",
        }
        self.up = Up(folder, port)
        self.services: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Until each is ready."""
        self.up.ready()
        for name in PARTS:
            lines = (self.up.folder / "data" / "logs" / f"{name}.log").read_text().splitlines()
            (self.addresses[name],) = [answer["address"] for answer in map(json.loads, lines) if "address" in answer]
        self.addresses["web"] = self.up.url
        command = [sys.executable, "-m", "workers"]
        for name in SERVICES:
            self.services.append(
                subprocess.Popen([*command, name], cwd=ROOT, env=self.environment, stderr=subprocess.DEVNULL)
            )
        until(lambda: all(self.look(name)["ready"] for name in self.addresses), "all ready")

    def look(self, name: str) -> dict[str, object]:
        """What it says of its readiness; not ready where it does not answer."""
        try:
            with urlopen(f"{self.addresses[name]}/readyz", timeout=6) as answer:
                return dict(json.load(answer))
        except HTTPError as error:
            with error:
                return dict(json.load(error))
        except OSError:
            return {"ready": False, "reasons": ()}

    def limit(self, size: int) -> None:
        """Of each file that one of them writes."""
        for pid in (self.up.process.pid, *self.up.parts().values(), *(one.pid for one in self.services)):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def publish(self, version: str, *, size: int = resource.RLIM_INFINITY) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*DEPLOYDB, "publish", "artifact", "com.example:foo", version],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY)),
        )

    def close(self) -> None:
        for process in self.services:
            process.kill()
            process.wait()
        self.up.close()


@pytest.fixture
def everything(tmp_path: Path) -> Iterator[Everything]:
    made = Everything(tmp_path)
    yield made
    made.close()


def test_on_a_full_disk_all_parts_say_so_and_go_on_once_there_is_room(everything: Everything) -> None:
    everything.start()
    pids = everything.up.parts()
    everything.limit(NO_ROOM)
    refused = everything.publish("1.0", size=NO_ROOM)
    assert refused.returncode == 1
    assert refused.stderr.startswith("deploydb: embedded:")
    assert "cannot be written" in refused.stderr
    everything.up.publish(published("1.1"))
    for name in everything.addresses:
        shown = until(lambda name=name: _reasons(everything.look(name)), f"{name} not ready", within=SOON)  # type: ignore[misc]
        assert "written" in str(shown), (name, shown)
    everything.limit(resource.RLIM_INFINITY)
    for name in everything.addresses:
        until(lambda name=name: everything.look(name)["ready"], f"{name} ready", within=SOON)  # type: ignore[misc]
    assert everything.publish("1.2").returncode == 0
    assert everything.up.deploy() == "dev"
    assert everything.up.parts() == pids
    everything.up.stop(signal.SIGTERM)


def _reasons(answer: dict[str, object]) -> object:
    return answer["reasons"]
