"""Reports to systemd, as sd_notify(3) has it, for a unit of `Type=notify`.

They repeat the process's own health: READY means what `/readyz` means, and the watchdog is fed while `/healthz` is
good. A process whose environment has no NOTIFY_SOCKET reports nothing.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.unsafe_characters import in_one_line
from deploydb.http.health import Health, Ready
from deploydb.telemetry import Log

from .signals import Signals

LOOK_EVERY_SECONDS = 5.0
STARTING_LOOK_EVERY_SECONDS = 0.5
"""Until it is ready."""
START_WITHIN = timedelta(seconds=30)
"""A start that is waiting for a server gets so much longer by each look: the manager ends one that hangs."""
_LONGEST_STATUS = 500
"""The manager drops a message of more than 4096 bytes."""

OF_SYSTEMD = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")
"""Its variables, which no child of the process gets."""

Send = Callable[[str], object]


class ServiceManager:
    """The reports of one process. `send` takes lines `NAME=VALUE`; `watchdog` is the time after which the manager ends
    a process that has not been alive, None where it does not look."""

    def __init__(self, health: Health, log: Log, *, send: Send | None, watchdog: timedelta | None = None) -> None:
        self._health = health
        self._log = log
        self._send = send
        self._watchdog = watchdog
        self._lock = threading.Lock()
        self._ready = self._stopping = self._failed = False
        self._status = ""

    @classmethod
    def of_environment(cls, health: Health, log: Log) -> "ServiceManager":
        """That of the variables NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.

        Raises: Misconfigured where the library is missing.
        """
        if not os.environ.get("NOTIFY_SOCKET"):
            return cls(health, log, send=None)
        try:
            # its `notify` sends one line at a time, and a reload is two in one message
            from cysystemd.daemon import sd_notify  # type: ignore[attr-defined]  # noqa: PLC0415  # an extra
        except ImportError as error:
            raise Misconfigured(
                "NOTIFY_SOCKET is set, and the package cysystemd is missing: install deploydb[systemd]"
            ) from error
        return cls(health, log, send=sd_notify, watchdog=_watchdog())

    @property
    def is_there(self) -> bool:
        """Whether one takes reports."""
        return self._send is not None

    def report(self) -> float:
        """Report the health as it is now; return the seconds until the next report. Waits as `Health.ready` does.

        What could not be sent is sent by the next report.
        """
        if self._watchdog is not None and self._health.alive:
            self._tell("WATCHDOG=1")  # before the looks, which take seconds where a server hangs
        health = self._health.ready()
        ready, status = self._ready or health.ready, _status(health)
        lines = []
        if ready and not self._ready:
            lines.append("READY=1")
        if status != self._status:
            lines.append(f"STATUS={status}")
        if not ready and self._health.alive:
            lines.append(f"EXTEND_TIMEOUT_USEC={START_WITHIN // timedelta(microseconds=1)}")
        if lines and self._tell(*lines):
            self._ready, self._status = ready, status
        longest = LOOK_EVERY_SECONDS if ready else STARTING_LOOK_EVERY_SECONDS
        return longest if self._watchdog is None else min(longest, self._watchdog.total_seconds() / 4)

    def report_until_stopped(self, signals: Signals) -> None:
        """Report in a thread of its own until the process is asked to stop, and report that.

        The process may end before, while the thread is in a look: the end of the process calls `stopping`, too.
        """

        def watch() -> None:
            while signals.asked_at is None:
                signals.pause(self.report(), until=lambda: signals.asked_at is not None)
            self.stopping()

        if self.is_there:
            threading.Thread(target=watch, name="service manager", daemon=True).start()

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Report that the configuration is read again, and at the end of the block that this is over, however it went:
        the status has the problems. Before the process was ready nothing is reported."""
        if not self._ready:
            yield
            return
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            yield
        finally:
            self._tell("READY=1")

    def stopping(self) -> None:
        """Report that the process stops. Nothing is reported after it, this no second time."""
        self._tell("STOPPING=1", "STATUS=stopping", last=True)

    def _tell(self, *lines: str, last: bool = False) -> bool:
        """Whether they were sent."""
        with self._lock:
            if self._send is None or self._stopping:
                return False
            self._stopping = last
            try:
                self._send("\n".join(lines))
            except (RuntimeError, ValueError) as error:
                if not self._failed:
                    self._log.warning("the service manager takes no reports", error=str(error))
                self._failed = True
                return False
            return True


def _watchdog() -> timedelta | None:
    """As sd_watchdog_enabled(3) has it."""
    wanted, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID")
    if not wanted.isdecimal() or (pid is not None and pid != str(os.getpid())):
        return None
    return timedelta(microseconds=int(wanted))


def _status(health: Ready) -> str:
    words = "ready" if health.ready else "not ready"
    reasons = "; ".join((*health.reasons, *health.warnings))
    return in_one_line(f"{words}: {reasons}" if reasons else words)[:_LONGEST_STATUS]
