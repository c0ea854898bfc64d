"""A clone in which packages are built by the commands of the page, and the wheel installed without a network."""

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.cluster import ROOT
from tests.packages.page import MAKE_DIST

SOURCES = (
    *("pyproject.toml", "setup.py", "MANIFEST.in", "constraints.txt", "README.md", "LICENSE", "Makefile"),
    *("deploydb", "workers", "config", "deploy/debian", "deploy/systemd"),
)
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def clone(folder: Path) -> Path:
    """A clone with the sources, and the environment of the tests as its own."""
    for name in SOURCES:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    author = ("-c", "user.name=tests", "-c", "user.email=tests@example.com")
    for command in (("init", "--quiet"), ("add", "--all"), (*author, "commit", "--quiet", "--message", "Copy")):
        run("git", *command, folder=folder)
    environment = folder / ".venv"
    environment.mkdir()
    shutil.copy(Path(sys.prefix, "pyvenv.cfg"), environment)
    for name in ("bin", "lib"):
        (environment / name).symlink_to(Path(sys.prefix, name))
    for stamp in ("run", "dist"):
        (environment / stamp).touch()
    return folder


def make(line: str, folder: Path) -> None:
    """Run a line of `make` in a clone, also beneath another `make`."""
    run("env", "--unset=MAKEFLAGS", "--unset=MAKELEVEL", "sh", "-ec", line, folder=folder)


def build(folder: Path) -> Path:
    """The sdist and the wheel, below the folder. Returns the wheel."""
    make(MAKE_DIST, clone(folder / "clone"))
    (made,) = folder.glob("clone/build/dist/*.whl")
    return made


def install(wheel: Path, folder: Path) -> Path:
    """A virtual environment with the wheel. What the wheel depends on is the tests' own. Returns the site-packages."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    run(*PIP, "--python", folder / "bin/python", "install", "--no-deps", "--no-index", wheel)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    # a path, so that the editable install there does not count
    (packages / "dependencies.pth").write_text(f"{Path(msgspec.__file__).parents[1]}\n")
    return packages


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """Run a command to its end, which must be a good one. Returns what it prints."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=280, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
