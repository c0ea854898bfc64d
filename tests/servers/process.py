"""Processes of other sessions, watched by their pid."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

STOP_SECONDS = 20

PATIENCE_SECONDS = 90
"""How long a busy machine may take for what takes a moment: it passes in full only where a test fails."""

BUSY = 5 if "PYTEST_XDIST_WORKER" in os.environ else 1
"""How many times what is promised by the clock may take where other tests want the same cores."""


class Process:
    """One process that we or another process of the run started: by its pid, and when it began (pids are reused)."""

    def __init__(self, pid: int, began: str) -> None:
        self.pid, self.began = pid, began

    @classmethod
    def of(cls, pid: int) -> Self:
        return cls(pid, start_ticks(pid) or "gone")

    @property
    def alive(self) -> bool:
        if self.began == "gone":
            return False
        if start_ticks(self.pid) == self.began:
            return True
        # Dead, and where it is our child a zombie, which others (PostgreSQL's start) still take for a living process:
        # to be buried after the look, since it may have died between the two.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return False

    def end(self, *, by: signal.Signals, group: bool = False) -> None:
        """Signal it, wait for its end, and insist after `STOP_SECONDS`."""
        for one in (by, signal.SIGKILL):
            if not self.alive:
                return
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(self.pid, one)
            with contextlib.suppress(TimeoutError):
                until(lambda: not self.alive, seconds=STOP_SECONDS, what=f"process {self.pid} to end")
                return
        raise TimeoutError(f"process {self.pid} does not end")


def until(condition: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS, what: str = "the condition") -> None:
    """Return once `condition()` holds. Raises: TimeoutError, naming `what`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


def start_ticks(pid: int) -> str | None:
    """When a living process began, in the kernel's ticks; None for one that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def child_pids(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]
