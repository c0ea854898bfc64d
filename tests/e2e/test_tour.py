"""`make run ONCE=1`, but for the installation: the tour, in a folder of its own, as a newcomer sees it."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from tests.house import ROOT


def test_the_tour_walks_a_release_to_prod_and_leaves_nothing_running(tmp_path: Path) -> None:
    for folder in ("config", "deploy/example"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    address = f"127.0.0.1:{_free_port()}"
    ended = subprocess.run(
        [sys.executable, "-m", "deploydb", "tour", "--once", "--service", "storefront"],
        cwd=tmp_path,
        env=os.environ | {"DEPLOYDB_LISTEN": address, "DEPLOYDB_URL": f"http://{address}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = ended.stdout
    for word in ("artifact.published", "deployment.requested", "soak 5s met", "approved by alice", "$ deploydb status"):
        assert word in told
    row = next(line for line in told.splitlines() if line.startswith("storefront"))
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
