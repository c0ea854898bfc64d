"""Fixtures of all tests of this folder."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cluster import ROOT
from tests.kubernetes.manifests import FOLDER, Object, built


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Object, ...]:
    """The Secrets, with what `make-secrets` has made, in a folder that is a copy."""
    folder = tmp_path_factory.mktemp("clone") / "deploy"
    for name in ("compose", "kubernetes"):
        shutil.copytree(ROOT / "deploy" / name, folder / name)
    subprocess.run([folder / FOLDER.name / "make-secrets"], check=True)
    return built(folder / FOLDER.name / "secrets")


@pytest.fixture(params=["small", "production"])
def objects(request: pytest.FixtureRequest) -> tuple[Object, ...]:
    """Of each overlay."""
    return built(FOLDER / "overlays" / str(request.param))


@pytest.fixture
def production() -> tuple[Object, ...]:
    return built(Path(FOLDER / "overlays/production"))
