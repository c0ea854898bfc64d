"""A package that adds a gate, built and found as any other."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploydb.configuration.promotions import promotion_types

SOURCE = Path(__file__).parent / "acme_gates"


@pytest.fixture(scope="session")
def acme_gates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the example package is installed, from its wheel. No test's path has it before it asks."""
    folder = tmp_path_factory.mktemp("acme")
    source = shutil.copytree(SOURCE, folder / "source")
    wheel = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel", "--no-deps", "--no-index"]
    subprocess.run([*wheel, "--no-build-isolation", "-w", folder, source], check=True, capture_output=True, timeout=250)
    (made,) = folder.glob("*.whl")
    zipfile.ZipFile(made).extractall(folder / "site-packages")
    return folder / "site-packages"


@pytest.fixture
def installed(acme_gates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package is there, in this process and in those of the test."""
    with monkeypatch.context() as patched:
        patched.syspath_prepend(acme_gates)
        patched.setenv("PYTHONPATH", str(acme_gates))
        promotion_types.cache_clear()
        yield acme_gates
    promotion_types.cache_clear()


@pytest.fixture
def another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a package `broken-gates` 0.1, to be filled with entry points."""
    folder = tmp_path / "site-packages"
    metadata = folder / "broken_gates-0.1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-gates\nVersion: 0.1\n")
    with monkeypatch.context() as patched:
        patched.syspath_prepend(folder)
        promotion_types.cache_clear()
        yield metadata
    promotion_types.cache_clear()
