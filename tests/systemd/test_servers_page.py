"""docs/how-to/servers.md: its commands, one block after the other, set up servers, units and Prometheus that work."""

import json
import re
import shutil
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster import ROOT
from tests.missing import missing
from tests.servers import PostgreSQL, RabbitMQ, until
from tests.servers.ports import free_ports
from tests.systemd.unit import Service, Unit, started

PAGE = ROOT / "docs/how-to/servers.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
PATHS = ("/opt/deploydb", "/etc/deploydb", "/etc/systemd/system", "/etc/prometheus", "/usr/local/bin")
OF_ROOT = ("apt-get", "groupadd", "chgrp", "systemctl", "python3")
"""Programs that change the machine: only their calls are noted."""


class Shell:
    """Runs a block as a person of another machine would: paths are below `root`, servers are the test's."""

    def __init__(self, root: Path, rabbitmq: RabbitMQ, postgresql: PostgreSQL) -> None:
        self.root = root
        self.web, self.prometheus = free_ports(2)
        self._replaced = {
            **{path: f"{root}{path}" for path in PATHS},
            "127.0.0.1:5672": f"127.0.0.1:{rabbitmq.port}",
            "127.0.0.1:5432": f"127.0.0.1:{postgresql.port}",
            "127.0.0.1:8080": f"127.0.0.1:{self.web}",
        }
        for path in PATHS:
            (root / path[1:]).mkdir(parents=True, exist_ok=True)
        shutil.rmtree(root / "etc/deploydb")
        stubs = root / "stubs"
        shutil.rmtree(stubs, ignore_errors=True)
        stubs.mkdir()
        self._calls = root / "stubs/calls"
        self._calls.touch()
        for name in OF_ROOT:
            self._stub(stubs / name, "")
        self._stub(root / "opt/deploydb/bin/pip", "")
        server = {name: str(value) for name, value in rabbitmq.environment.items() if name != "PATH"}
        self._stub(stubs / "rabbitmqctl", f'exec env {_words(server)} {rabbitmq.state["bin"]}/rabbitmqctl "$@"')
        login = {"PGHOST": "127.0.0.1", "PGPORT": str(postgresql.port), "PGUSER": "postgres"}
        login["PGPASSWORD"] = str(postgresql.state["password"])
        self._stub(stubs / "runuser", f'shift 3; exec env {_words(login)} "$@"')
        self._environment = {
            "PATH": f"{stubs}:{root}/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(root),
            "LANG": "C.UTF-8",
        }

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines()

    def run(self, block: str) -> str:
        """What it prints. Every command must succeed."""
        for text, replacement in self._replaced.items():
            block = block.replace(text, replacement)
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            env=self._environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, f"{block}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    def _stub(self, path: Path, then: str) -> None:
        path.write_text(f'#!/bin/sh\necho "{path.name} $*" >> {self._calls}\n{then}\n')
        path.chmod(0o755)


def _words(environment: dict[str, str]) -> str:
    return " ".join(f"'{name}={value}'" for name, value in environment.items())


@pytest.fixture
def shell(root: Path, own_rabbitmq: RabbitMQ, own_postgresql: PostgreSQL) -> Shell:
    """Servers of its own: the page makes users with passwords of their own."""
    if shutil.which("prometheus") is None:
        missing("prometheus is missing: tests/install-servers")
    return Shell(root, own_rabbitmq, own_postgresql)


@pytest.mark.timeout(450)  # a dozen programs, two servers and eight processes
def test_the_commands_of_the_page_set_everything_up(shell: Shell, tmp_path: Path) -> None:
    blocks = iter(BLOCKS)
    with ExitStack() as stack:
        for block in blocks:
            shell.run(block)
            if "systemctl start deploydb.target" in block:
                break
        ports = _start(shell, tmp_path, stack)
        shell.run(next(blocks))  # Prometheus
        stack.enter_context(_prometheus(shell, ports, tmp_path))
        printed = shell.run(next(blocks))
        assert '"ready":true' in printed
        assert "1.4.0" in printed
        until(lambda: _up(shell) == dict.fromkeys(ports, "1"), what="Prometheus scrapes every process")
        shell.run(next(blocks))  # the upgrade
    assert list(blocks) == []
    assert shell.calls[-1] == "systemctl start deploydb.target"


def _start(shell: Shell, folder: Path, stack: ExitStack) -> dict[str, int]:
    """What `systemctl start` does, for each instance that was enabled. Returns the port of each process."""
    (enabled,) = (call for call in shell.calls if call.startswith("systemctl enable "))
    names = re.findall(r"deploydb-worker@(\w+)", enabled)
    ports = dict(zip(names, free_ports(len(names)), strict=True)) | {"web": shell.web}
    services: list[Service] = []
    for name in names:
        with (shell.root / f"etc/deploydb/{name}.env").open("a") as settings:
            settings.write(f"WORKER_OPTIONS=--port {ports[name]}\n")
        (folder / name).mkdir()
        path = shell.root / "etc/systemd/system/deploydb-worker@.service"
        unit = Unit(path, root=shell.root, instance=name)
        services.append(stack.enter_context(started(unit, folder / name, watchdog_seconds=60)))
    for service in services:
        until(lambda service=service: "READY=1" in service.notified.lines, what=f"{service.log} is ready")
    return ports


def _prometheus(shell: Shell, ports: dict[str, int], folder: Path) -> "ExitStack":
    """Debian's Prometheus, with the configuration that the page has laid down, and the ports of the test."""
    path = shell.root / "etc/prometheus/prometheus.yml"
    text = path.read_text().replace("15s", "1s")
    for name, port in ports.items():
        text = re.sub(rf"127\.0\.0\.1:\d+(\"\], labels: {{ process: {name} }})", rf"127.0.0.1:{port}\1", text)
    path.write_text(text)
    listen = f"--web.listen-address=127.0.0.1:{shell.prometheus}"
    command = ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/tsdb", listen]
    stack = ExitStack()
    log = stack.enter_context((folder / "prometheus.log").open("wb"))
    process = subprocess.Popen(command, stdout=log, stderr=log)
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)
    return stack


def _up(shell: Shell) -> dict[str, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{shell.prometheus}/api/v1/query?query=up", timeout=60) as answer:
            found = json.load(answer)["data"]["result"]
    except OSError:
        return {}
    return {series["metric"]["process"]: series["value"][1] for series in found}
