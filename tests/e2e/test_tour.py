"""`make run ONCE=1`, but for the installation: the tour, in a folder of its own, as a newcomer sees it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.cluster import ROOT


def test_the_tour_walks_a_release_to_prod_and_leaves_nothing_running(tmp_path: Path) -> None:
    for folder in ("config", "deploy/example"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    address = f"127.0.0.1:{_free_port()}"
    ended = subprocess.run(
        [sys.executable, "-m", "deploydb", "tour", "--once", "--service", "storefront", "--listen", address],
        cwd=tmp_path,
        # where another DeployDB might be: the tour asks its own
        env=os.environ | {"DEPLOYDB_URL": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    answer = ended.stdout
    for word in ("artifact.published", "deployment.requested", "soak 5s", "approved by alice", "$ deploydb status"):
        assert word in answer
    row = next(line for line in answer.splitlines() if line.startswith("storefront"))
    assert row.count("SUCCESS") == 3
    running = (tmp_path / "deploydb-data/example/prod/storefront").read_text().strip()
    assert running in row
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_make_run_passes_the_address_on() -> None:
    ended = subprocess.run(
        ["make", "--dry-run", "run", "LISTEN=127.0.0.1:8081"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "deploydb tour --service storefront --listen 127.0.0.1:8081" in ended.stdout


def test_a_tour_whose_deploydb_ends_says_so_at_once(tmp_path: Path) -> None:
    for folder in ("config", "deploy/example"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    with subprocess.Popen(
        [sys.executable, "-m", "deploydb", "tour", "--listen", "127.0.0.1:0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as tour:
        assert tour.stdout is not None
        assert tour.stderr is not None
        for line in tour.stdout:
            if "publish artifact" in line:
                break
        os.kill(int((tmp_path / "deploydb-data/up.lock").read_text()), signal.SIGKILL)
        assert "has ended" in tour.stdout.read() + tour.stderr.read()
        assert tour.wait(timeout=60) == 1
