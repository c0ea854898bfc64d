"""CONTRIBUTING.md and the commands of `make` in README.md: each is one that works.

Runs of pytest only collect: the tests are those of this run. `make` prints what it would run, since its targets take
the whole suite, minutes or hours: `make run` is run by tests/e2e/test_tour.py, and the steps of `make check` by CI.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import ROOT
from tests.documents.site import steps
from tests.missing import missing

LINES = [line for step in steps("../CONTRIBUTING.md") for line in step.command.splitlines()]
(README, *_) = (step.command.splitlines() for step in steps("../README.md"))
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MAKE", "MFLAGS", "DEPLOYDB_"))
}


def run(*words: str | Path) -> str:
    """What it prints. It must succeed."""
    ended = subprocess.run(
        ["env", *words], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=200, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.parametrize("line", [line for line in LINES if ".venv/bin/pytest" in line])
def test_pytest_finds_the_tests_of_a_command(line: str) -> None:
    words = shlex.split(line.replace(".venv/bin/pytest", f"{sys.executable} -m pytest"), comments=True)
    assert re.search(r"^\d+(/\d+)? tests collected", run(*words, "--collect-only", "-q"), re.MULTILINE)


@pytest.mark.parametrize("line", [line for line in [*LINES, *README] if line.startswith("make")])
def test_make_takes_a_command_with_its_settings(line: str) -> None:
    words = shlex.split(line, comments=True)
    assert run(words[0], "--dry-run", *words[1:])
    settings = {word.partition("=")[0] for word in words if "=" in word}
    assert settings <= set(re.findall(r"[A-Z_]+", (ROOT / "Makefile").read_text(encoding="utf-8")))


def test_tests_run_as_if_on_another_day() -> None:
    if shutil.which("faketime") is None:
        missing("faketime is missing: tests/install-servers faketime")
    (line,) = (line for line in LINES if "tests/another-day" in line)
    assert "passed" in run(*shlex.split(line.replace(".venv/bin/python", sys.executable)))


def test_no_other_command_is_there() -> None:
    assert all(line.startswith("make") or ".venv/bin/" in line for line in [*LINES, *README])
