"""What is built once for all packages, by one process of a run."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.missing import missing
from tests.packages.machine import Machine
from tests.packages.wheel import ROOT, build, run


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str, Callable[[Path], object]], Path]:
    """A folder that is filled by the first process that asks for its name."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent

    def made(name: str, fill: Callable[[Path], object]) -> Path:
        with FileLock(shared / f"{name}.lock"):
            if not (shared / name).exists():
                (shared / f"{name}.part").mkdir()
                fill(shared / f"{name}.part")
                (shared / f"{name}.part").rename(shared / name)
        return shared / name

    return made


@pytest.fixture(scope="session")
def wheel(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The wheel, with its sdist beside it."""
    (made,) = once("wheel", build).glob("*.whl")
    return made


@pytest.fixture(scope="session")
def deb(wheel: Path, once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The Debian package, of the sdist."""
    if shutil.which("dh") is None:
        missing("debhelper is missing: tests/install-servers debhelper python3-venv")
    (sdist,) = wheel.parent.glob("*.tar.gz")
    folder = once("deb", lambda folder: run(ROOT / "deploy/debian/build", sdist, folder / "built"))
    (made,) = folder.glob("built/*.deb")
    return made


@pytest.fixture
def machine(deb: Path, tmp_path: Path) -> Iterator[Machine]:
    """A machine on which the package has been installed."""
    with Machine(tmp_path) as made:
        made.run("dpkg", "--install", made.copy(deb))
        yield made
