"""Servers that hang: every process says so within five seconds, and ends within ten of SIGTERM all the same."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from deploydb.broker.open import provision
from deploydb.broker.topology import topology_of
from deploydb.configuration import load
from tests.cluster import ROOT, write_config
from tests.faults.proxy import Proxy
from tests.servers import PostgreSQL, RabbitMQ
from tests.servers.ports import free_ports
from tests.servers.process import BUSY, PATIENCE_SECONDS
from tests.workers.in_process import CONFIG, until

pytestmark = pytest.mark.servers

SOON = 5 * BUSY
WORKERS = ("ingest", "promote", "relay", "verify")
SERVICES = ("query", "gateway", "web")


class Processes:
    """Of each name one, on servers behind proxies; each has an address for its readiness."""

    def __init__(self, folder: Path, database_url: str, broker_url: str, names: Sequence[str]) -> None:
        config = write_config(folder / "config", CONFIG)
        ports = free_ports(len(names))
        self.addresses = {name: f"127.0.0.1:{port}" for name, port in zip(names, ports, strict=True)}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for name, address in self.addresses.items():
            port = address.partition(":")[2]
            command = ["workers", name, "--port", port]
            if name == "deployer":
                command = ["deploydb", name, "--port", port, "--", "true"]
            settings = {
                "DEPLOYDB_DATA": str(folder),
                "DEPLOYDB_DATABASE_URL": database_url,
                "DEPLOYDB_BROKER_URL": broker_url,
                "DEPLOYDB_CONFIG": str(config),
                "DEPLOYDB_LISTEN": address,
                "DEPLOYDB_GATEWAY_LISTEN": address,
            }
            with (folder / f"{name}.log").open("wb") as log:
                self.running[name] = subprocess.Popen(
                    [sys.executable, "-m", *command], cwd=ROOT, stderr=log, env=os.environ | settings
                )

    def ready(self, name: str) -> bool:
        return bool(self.look(name).get("ready"))

    def look(self, name: str) -> dict[str, object]:
        """What it says of its readiness; nothing where it does not answer yet."""
        try:
            with urlopen(f"http://{self.addresses[name]}/readyz", timeout=6) as answer:
                return dict(json.load(answer))
        except HTTPError as error:
            with error:
                return dict(json.load(error))
        except OSError:
            return {}

    def wait_until(self, ready: bool, *, within: float) -> None:
        """Until each is, or is not: all asked side by side, since an answer may take three seconds."""

        def wait(name: str) -> None:
            until(lambda: self.ready(name) is ready, f"{name} ready: {ready}", within=within)

        with ThreadPoolExecutor(len(self.running)) as threads:
            list(threads.map(wait, self.running))

    def end(self, number: signal.Signals) -> dict[str, int]:
        """Signal all; the exit code of each, which comes within ten seconds."""
        deadline = time.monotonic() + 10 * BUSY
        for process in self.running.values():
            process.send_signal(number)
        return {name: process.wait(max(deadline - time.monotonic(), 0.1)) for name, process in self.running.items()}

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[Proxy]:
    with Proxy(postgresql.port) as proxy:
        yield proxy


@pytest.fixture
def broker(rabbitmq: RabbitMQ) -> Iterator[Proxy]:
    with Proxy(rabbitmq.port) as proxy:
        yield proxy


@pytest.fixture
def urls(database: Proxy, broker: Proxy, postgresql_url: str, amqp_url: str, tmp_path: Path) -> tuple[str, str]:
    """Of both, through their proxies."""
    catalog = load(write_config(tmp_path / "config", CONFIG)).catalog
    assert catalog is not None
    provision(amqp_url, topology_of(catalog))
    return _through(postgresql_url, database), _through(amqp_url, broker)


def test_processes_on_a_database_that_hangs_say_so_go_on_once_it_answers_and_end_when_asked(
    urls: tuple[str, str], database: Proxy, tmp_path: Path
) -> None:
    with Processes(tmp_path, *urls, (*WORKERS, *SERVICES)) as processes:
        processes.wait_until(True, within=PATIENCE_SECONDS)
        database.go_silent()
        processes.wait_until(False, within=SOON)
        database.speak_again()
        processes.wait_until(True, within=SOON)
        database.go_silent()
        processes.wait_until(False, within=SOON)
        assert set(processes.end(signal.SIGTERM).values()) == {0}


def test_processes_on_a_broker_that_hangs_say_so_go_on_once_it_answers_and_end_when_asked(
    urls: tuple[str, str], broker: Proxy, tmp_path: Path
) -> None:
    with Processes(tmp_path, *urls, ("ingest", "relay", "gateway", "web", "deployer")) as processes:
        processes.wait_until(True, within=PATIENCE_SECONDS)
        broker.go_silent()
        processes.wait_until(False, within=SOON)
        broker.speak_again()
        processes.wait_until(True, within=SOON)
        broker.go_silent()
        processes.wait_until(False, within=SOON)
        assert set(processes.end(signal.SIGTERM).values()) == {0}


def _through(url: str, proxy: Proxy) -> str:
    port = urlsplit(url).port
    return url.replace(f":{port}/", f":{proxy.port}/", 1)
