"""Fixtures of all tests of this folder."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cluster import ROOT
from tests.containers.conftest import image
from tests.kubernetes.guide import MAKE_SECRETS
from tests.kubernetes.manifests import FOLDER, Object, built

__all__ = ["image"]


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which `make-secrets` has run."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("config", *(f"deploy/{each}" for each in ("compose", "example", "grafana", "kubernetes"))):
        shutil.copytree(ROOT / name, folder / name)
    subprocess.run(["sh", "-ec", MAKE_SECRETS], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def secrets(clone: Path) -> tuple[Object, ...]:
    """The Secrets, with what `make-secrets` has made."""
    return built(clone / "deploy/kubernetes/secrets")


@pytest.fixture(params=["small", "production"])
def objects(request: pytest.FixtureRequest) -> tuple[Object, ...]:
    """Of each overlay."""
    return built(FOLDER / "overlays" / str(request.param))


@pytest.fixture
def production() -> tuple[Object, ...]:
    return built(Path(FOLDER / "overlays/production"))
