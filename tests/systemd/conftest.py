"""A machine for units."""

import shutil
from pathlib import Path

import pytest

from tests.packages.wheel import build, install


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a machine with DeployDB in /opt/deploydb."""
    folder = tmp_path_factory.mktemp("root")
    install(build(tmp_path_factory.mktemp("wheel")), folder / "opt/deploydb")
    return folder


@pytest.fixture
def root(machine: Path) -> Path:
    """The same with an empty /etc and /run."""
    for name in ("etc", "run"):
        shutil.rmtree(machine / name, ignore_errors=True)
        (machine / name).mkdir()
    return machine
