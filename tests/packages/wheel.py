"""The sdist and the wheel, built as `make dist` does, and the wheel installed without a network."""

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.cluster import ROOT

SOURCES = (
    *("pyproject.toml", "setup.py", "MANIFEST.in", "constraints.txt", "README.md", "LICENSE"),
    *("deploydb", "workers", "config"),
)
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def build(folder: Path) -> Path:
    """An sdist of a copy of the sources, and its wheel, in the folder. Returns the wheel."""
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / "source").mkdir(exist_ok=True)
            shutil.copy(source, folder / "source" / name)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, folder / "source")
    (made,) = folder.glob("*.whl")
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
