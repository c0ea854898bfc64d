"""What is built once for all packages, by one process of a run."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.missing import missing
from tests.packages.machine import Machine
from tests.packages.page import APT_GET, INSTALL, MAKE_DEB
from tests.packages.wheel import build, clone, make

APT = 'APT::Get::Assume-Yes "true";\nAPT::Get::Upgrade "false";\n'
"""There is no terminal; and packages that are there need no network."""


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
    (made,) = once("wheel", build).glob("clone/build/dist/*.whl")
    return made


@pytest.fixture(scope="session")
def deb(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The Debian package, in a clone of its own."""
    if shutil.which("dh") is None:
        missing("debhelper is missing: tests/install-servers debhelper python3-venv")
    (made,) = once("deb", lambda folder: make(MAKE_DEB, clone(folder / "clone"))).glob("clone/build/deb/*.deb")
    return made


@pytest.fixture
def machine(deb: Path, tmp_path: Path) -> Iterator[Machine]:
    """A machine on which the package has been built and installed."""
    with Machine(tmp_path) as made:
        made.write("/etc/apt/apt.conf.d/99-tests", APT)
        made.run("sh", "-ec", APT_GET)
        made.run("mkdir", "-p", "/tmp/clone/build/deb")
        made.run("mv", made.copy(deb), "/tmp/clone/build/deb")
        made.run("sh", "-ec", f"cd /tmp/clone\n{INSTALL}")
        yield made
