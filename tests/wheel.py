"""The wheel, built from the sources and installed, without a network."""

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.cluster import ROOT

SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "deploydb", "workers", "config")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def build(folder: Path) -> Path:
    """A wheel in the folder, of a copy of the sources."""
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / "source").mkdir(exist_ok=True)
            shutil.copy(source, folder / "source" / name)
    _run(*PIP, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", folder, folder / "source")
    (made,) = folder.glob("*.whl")
    return made


def install(wheel: Path, folder: Path) -> Path:
    """A virtual environment with the wheel. What the wheel depends on is the tests' own. Returns the site-packages."""
    _run(sys.executable, "-m", "venv", "--without-pip", folder)
    _run(*PIP, "--python", folder / "bin/python", "install", "--no-deps", "--no-index", wheel)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    # a path, so that the editable install there does not count
    (packages / "dependencies.pth").write_text(f"{Path(msgspec.__file__).parents[1]}\n")
    return packages


def _run(*command: str | Path) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert ended.returncode == 0, ended.stderr
