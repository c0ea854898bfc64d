"""docs/how-to/upgrade.md: its commands, one block after the other."""

import os
import re
import subprocess
import sys
from pathlib import Path

from deploydb.store.schema import require_current
from tests.cluster import ROOT
from tests.upgrade.old_store import make_store

PAGE = ROOT / "docs/how-to/upgrade.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
NAMES = ["ingest", "promote", "relay", "verify", "notify", "orchestrate", "web"]


def test_the_commands_of_the_page_upgrade(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    programs = {name: f'echo "{name} $*" >> {calls}' for name in ("systemctl", "docker")}
    programs["deploydb"] = f'exec {sys.executable} -m deploydb "$@"'
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    engine = make_store(f"sqlite:///{tmp_path}/old.db", "0022")
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "DEPLOYDB_DATABASE_URL": f"sqlite:///{tmp_path}/old.db",
        "LANG": "C.UTF-8",
    }
    for block in BLOCKS:
        subprocess.run(["bash", "-euo", "pipefail", "-c", block], env=environment, cwd=ROOT, check=True)
    require_current(engine)
    engine.dispose()
    restarts = [f"systemctl restart deploydb-worker@{name}" for name in NAMES]
    assert calls.read_text().splitlines() == [*restarts, "docker compose -f deploy/compose.yaml up --build --wait"]
