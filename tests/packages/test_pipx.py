"""`pipx run` of the wheel: a new environment with its dependencies from the package index, in pinned versions."""

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.cluster import ROOT
from tests.containers.container import program
from tests.missing import missing
from tests.packages.page import PIPX
from tests.packages.up import up
from tests.packages.wheel import run

UNREACHED = ("No matching distribution", "Could not find a version", "Connection")
"""Words of pip without its index."""


@pytest.mark.timeout(450)  # it downloads
def test_a_wheel_alone_becomes_a_deploydb_that_runs(wheel: Path, tmp_path: Path) -> None:
    home = [f"PIPX_HOME={tmp_path}/pipx", f"PIPX_BIN_DIR={tmp_path}/bin", "PIPX_DEFAULT_BACKEND=pip"]
    line = PIPX.replace("constraints.txt", str(ROOT / "constraints.txt")).replace("build/dist/*.whl", str(wheel))
    _, *words, _up = shlex.split(line)
    pipx = ["env", *home, str(program("pipx")), *words]
    first = subprocess.run([*pipx, "--version"], capture_output=True, text=True, timeout=280, check=False)
    if any(words in first.stderr for words in UNREACHED):
        missing(f"the package index does not answer: {first.stderr[-300:]}")
    assert first.stdout.startswith("deploydb, version "), first.stderr
    run(*pipx, "init", "here", folder=tmp_path)
    run(*pipx, "check-config", "here", folder=tmp_path)
    assert "deploydb up --data" in run(*pipx, "up", "--help", folder=tmp_path)
    with up(pipx, tmp_path):
        pass
