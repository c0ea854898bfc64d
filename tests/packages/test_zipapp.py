"""`make zipapp`: one file that runs all of DeployDB."""

import sys
from pathlib import Path

import pytest

from tests.cluster import ROOT
from tests.containers.container import program
from tests.packages.up import up
from tests.packages.wheel import run


@pytest.mark.timeout(450)  # it downloads
def test_a_file_alone_runs_all_of_deploydb(wheel: Path, tmp_path: Path) -> None:
    made = tmp_path / "deploydb.pyz"
    pins = ("--constraint", ROOT / "constraints.txt")
    run(program("shiv"), "--extend-pythonpath", "--console-script", "deploydb", "--output-file", made, *pins, wheel)
    with up([Path(sys.base_prefix, "bin/python3"), made], tmp_path, {"SHIV_ROOT": f"{tmp_path}/shiv"}):
        pass
