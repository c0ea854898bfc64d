"""`deploydb up` as a process: everything starts, works, survives, stops, and goes on where it was."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from deploydb.broker.open import open_inbound
from deploydb.broker.topology import command_queue
from tests.cluster import ROOT, write_config
from tests.e2e.up import DEPLOYDB, Up, gone
from tests.e2e.up import started as started
from tests.servers import RabbitMQ
from tests.servers.process import PATIENCE_SECONDS
from tests.workers.in_process import published


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
    assert "Traceback" not in "".join(up.output)


def test_a_part_that_dies_is_started_again_and_it_is_reported(started: Callable[..., Up]) -> None:
    up = started()
    up.ready()
    for name in ("ingest", "promote", "relay", "verify", "notify", "orchestrate"):
        os.kill(up.parts()[name], signal.SIGKILL)
        up.until(partial(up.has_output, name, "starts again"), f"{name} is started again")
    up.publish(published("1"))
    assert up.deploy() == "dev"
    up.stop()


def test_the_parts_end_with_it_however_it_ends(started: Callable[..., Up]) -> None:
    up = started()
    up.ready()
    parts = up.parts()
    assert sorted(parts) == ["ingest", "notify", "orchestrate", "promote", "relay", "verify", "web"]
    up.process.kill()
    up.process.wait()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not all(gone(pid) for pid in parts.values()):
        assert time.monotonic() < deadline, parts
        time.sleep(0.05)


def test_a_second_one_on_the_same_folder_is_refused(started: Callable[..., Up]) -> None:
    first = started()
    first.ready()
    second = started()
    assert second.process.wait(timeout=60) == 1
    second.close()
    (line,) = second.output
    assert "another `deploydb up` uses" in line
    assert str(first.process.pid) in line
    first.stop()


def test_an_address_that_is_taken_is_reported_at_once_with_its_process_and_nothing_is_written(
    started: Callable[..., Up],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = started(port=port)
        assert up.process.wait(timeout=60) == 1
        up.close()
    (line,) = up.output
    assert f"port {port} is taken by process {os.getpid()} (" in line
    assert re.search(r": --listen 127\.0\.0\.1:\d+$", line)
    assert not (up.folder / "data").exists()


def test_an_address_that_another_deploydb_has_is_reported_and_it_goes_on(
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
    up.until(partial(up.has_output, "web", "runs again"), "it serves again")
    assert "dev" in up.running()
    up.stop()


def test_on_any_free_port_it_says_which(started: Callable[..., Up]) -> None:
    up = started(port=0)
    up.ready()
    (line,) = (line for line in up.output if line.startswith("Ready: "))
    up.url = line.removeprefix("Ready: ").partition(". ")[0]
    assert "dev" in up.running()
    up.stop()


def test_it_prints_the_exports_with_which_other_terminals_reach_it(started: Callable[..., Up], tmp_path: Path) -> None:
    up = started()
    up.ready()
    up.until(lambda: up.has_output("export DEPLOYDB_TOKEN_FILE="), "the exports")
    exports = dict(line.split()[1].split("=", 1) for line in up.output if line.startswith("  export "))
    assert set(exports) == {"DEPLOYDB_URL", "DEPLOYDB_DATA", "DEPLOYDB_TOKEN_FILE"}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for arguments in (["freeze", "dev", "--reason", "fair"], ["publish", "artifact", "com.example:foo", "1.0"]):
        command = [*DEPLOYDB, *arguments]
        ended = subprocess.run(command, cwd=elsewhere, env=os.environ | exports, capture_output=True, check=False)
        assert ended.returncode == 0, ended.stderr
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
        timeout=60,
    )


def test_a_broken_configuration_is_reported_before_anything_starts(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config", {"services/foo.yml": "artifacts: [com.example:foo]\npipelins: [main]\n"})
    ended = subprocess.run(
        [*DEPLOYDB, "up", "--data", tmp_path / "data", "--config", config],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "foo.yml:2:" in ended.stderr
    assert "pipelins" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_orchestrator_configured_later_gets_its_queue(started: Callable[..., Up]) -> None:
    up = started()
    up.ready()
    write_config(up.folder / "config", {"environments/dev.yml": "orchestrator: kube\n"})
    up.until(lambda: any("changed" in line for line in up.output), "the change is reported")
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
    up.until(lambda: up.has_output("not all queues of the changed configuration exist yet"), "the reason is reported")
    own_rabbitmq.start()
    up.until(lambda: up.has_output("config ", "changed: "), "the change is taken up")
    with open_inbound(up.broker_url, command_queue("kube"), name="tests"):
        pass
    up.stop()
