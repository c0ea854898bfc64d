"""deploy/systemd: its units can be read, are hardened, and their command lines do what systemd waits for."""

import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.cluster import ROOT, Cluster, write_config
from tests.missing import missing
from tests.servers import until
from tests.systemd.unit import FOLDER, Service, Unit, started
from tests.workers.in_process import CONFIG

WORKER = FOLDER / "deploydb-worker@.service"
WORKERS = ("ingest", "promote", "relay", "verify", "notify", "orchestrate")
SERVICES = ("query", "gateway", "web")
OPERATIONS = ROOT / "docs/operations.md"
EXPOSURE = 13
"""Of 100, at most, as `systemd-analyze security` counts."""


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program that exists in the place of the installed one."""
    if shutil.which("systemd-analyze") is None:
        missing("systemd-analyze is missing: package systemd")
    for path in FOLDER.iterdir():
        text = path.read_text()
        (tmp_path / path.name).write_text(re.sub(r"/opt/deploydb/bin/\w+", "/bin/true", text))
    return tmp_path


def _analyze(*arguments: str | Path) -> str:
    command = ["systemd-analyze", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"LANG": "C.UTF-8"})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stderr


def test_systemd_reads_every_unit_without_a_warning(units: Path) -> None:
    assert _analyze("verify", "--man=no", *sorted(units.iterdir())) == ""


@pytest.mark.parametrize("name", [path.name for path in FOLDER.glob("*.service")])
def test_a_service_is_hardened(units: Path, name: str) -> None:
    _analyze("security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE}", units / name)


def test_the_documentation_has_the_rating_of_the_units() -> None:
    (rating,) = re.findall(r"`systemd-analyze security` rates the unit (\d+\.\d)", OPERATIONS.read_text())
    assert rating == f"{EXPOSURE / 10}"


@pytest.fixture
def cluster(root: Path, amqp_url: str, postgresql_url: str) -> Iterator[Cluster]:
    """Servers with users and roles, and what a unit reads of /etc/deploydb."""
    config = write_config(root / "etc/deploydb/config", CONFIG)
    with Cluster(amqp_url, postgresql_url, config) as made:
        made.furnish()
        yield made


def _credentials(root: Path, name: str, environment: dict[str, str]) -> None:
    folder = root / "etc/deploydb/credentials" / name
    folder.mkdir(parents=True)
    for server in ("database", "broker"):
        (folder / f"{server}-url").write_text(environment.get(f"DEPLOYDB_{server.upper()}_URL", ""))


@pytest.mark.parametrize("name", [*WORKERS, *SERVICES])
def test_the_command_line_of_an_instance_reports_to_systemd(
    root: Path, cluster: Cluster, tmp_path: Path, name: str
) -> None:
    _credentials(root, name, cluster.environment_of(name))
    settings = "WORKER_OPTIONS=--port 0\nDEPLOYDB_LISTEN=127.0.0.1:0\nDEPLOYDB_GATEWAY_LISTEN=127.0.0.1:0\n"
    (root / f"etc/deploydb/{name}.env").write_text(settings)
    with started(Unit(WORKER, root=root, instance=name), tmp_path, watchdog_seconds=2) as service:
        sent = service.notified
        until(lambda: _has(service, "READY=1"), what="it is ready")
        assert _answer(service, "readyz") == 200
        assert "STATUS=ready" in sent.lines
        fed = sent.lines.count("WATCHDOG=1")
        until(lambda: sent.lines.count("WATCHDOG=1") >= fed + 2, what="the watchdog is fed")
        service.reload()
        until(lambda: _has(service, "RELOADING=1"), what="it reads the configuration again")
        until(lambda: sent.lines.count("READY=1") == 2, what="it has read the configuration")
        (reloading,) = (lines for lines in sent.sent if "RELOADING=1" in lines)
        assert re.fullmatch(r"MONOTONIC_USEC=\d+", reloading[1])
        assert service.stop() == 0
        until(lambda: sent.sent[-1] == ["STOPPING=1", "STATUS=stopping"], what="it reports its stop last")


def test_a_worker_whose_database_is_away_is_not_ready_and_gets_time(
    root: Path, cluster: Cluster, tmp_path: Path
) -> None:
    away = cluster.environment_of("promote") | {"DEPLOYDB_DATABASE_URL": "postgresql://a:secret-word@127.0.0.1:9/x"}
    _credentials(root, "promote", away)
    (root / "etc/deploydb/promote.env").write_text("WORKER_OPTIONS=--port 0\n")
    with started(Unit(WORKER, root=root, instance="promote"), tmp_path, watchdog_seconds=2) as service:
        until(lambda: _has(service, "STATUS=not ready: ", within=True), what="the reason")
        until(lambda: service.notified.lines.count("EXTEND_TIMEOUT_USEC=30000000") > 2, what="it gets time")
        assert _answer(service, "readyz") == 503
        assert service.stop() == 0
        assert "READY=1" not in service.notified.lines
        assert "secret-word" not in str(service.notified.sent)


def _has(service: Service, text: str, *, within: bool = False) -> bool:
    assert service.process.poll() is None, service.log
    return any(text in line if within else text == line for line in service.notified.lines)


def _answer(service: Service, path: str) -> int:
    (address,) = re.findall(r'"address":\s*"(http://[^"]+)"', service.log)
    try:
        with urllib.request.urlopen(f"{address}/{path}", timeout=60) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code
