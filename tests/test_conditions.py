"""What holds for every test, whatever starts them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import ROOT

OF_CTRL_C = ("tests/cli/test_tail.py", "tests/cli/test_program.py", "-k", "ctrl_c or each_event_is_an_object")
HANGING = """
import subprocess, sys, time

ENDLESS = [sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(1000)"]

def test_that_waits_for_ever():
    with subprocess.Popen(ENDLESS, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.readline()

def test_that_is_good():
    pass
"""


def pytest_in_the_background(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """As `nohup pytest … &` in a script."""

    def ignore() -> None:
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        preexec_fn=ignore,
    )


def test_tests_of_ctrl_c_pass_where_the_parent_ignores_it() -> None:
    ended = pytest_in_the_background(*OF_CTRL_C, "-o", "timeout=60")
    assert ended.returncode == 0, ended.stdout
    assert "4 passed" in ended.stdout


def test_a_test_that_hangs_in_its_teardown_too_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGING)
    limits = ("-o", "timeout=1", "-o", "faulthandler_timeout=5")
    ended = pytest_in_the_background(str(tmp_path), "--rootdir", str(ROOT), "-c", "pyproject.toml", "-n", "1", *limits)
    assert ended.returncode == 1, ended.stdout
    assert "1 failed, 1 passed" in ended.stdout


def test_every_test_has_a_time_limit(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("timeout")) > 0
    assert float(pytestconfig.getini("faulthandler_timeout")) > float(pytestconfig.getini("timeout"))
