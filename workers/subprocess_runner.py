"""The program that a deployer runs for a command: its variables, its output, its end."""

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import IO

import msgspec
import psutil
from msgspec import Struct

from deploydb.domain.model.commands import DeployCommand
from deploydb.wire.native import encode_command

from .service_manager import OF_SYSTEMD

LINES_KEPT = 10
"""Of each output, for the reason of a failure."""
MOST_CHARACTERS = 4000
"""Of those lines; a fact's text holds 8192."""
TERMINATE_WITHIN_SECONDS = 5.0
LEFTOVERS_TERMINATE_WITHIN_SECONDS = 1.0
"""For what a program has left running when it ends."""
_TICK_SECONDS = 0.1
_LINE_BYTES = 64 * 1024
_LAST_OUTPUT_WITHIN_SECONDS = 2.0
_KEPT = ("DEPLOYDB_DATA",)
_OTLP = "OTEL_EXPORTER_OTLP_"
_OF_THIS = frozenset((*OF_SYSTEMD, "TRACEPARENT", "TRACESTATE", "OTEL_SERVICE_NAME"))


class Ended(Struct, frozen=True, kw_only=True):
    """How a run ended. `reason` is empty where it succeeded, and says why it did not where it did not."""

    succeeded: bool
    reason: str = ""


def variables(command: DeployCommand) -> dict[str, str]:
    """What the program finds in its environment; empty where the command does not say."""
    artifact, previous = command.artifact, command.previous
    return {
        "DEPLOYDB_TYPE": command.type,
        "DEPLOYDB_COMMAND_ID": command.id,
        "DEPLOYDB_DEPLOYMENT": str(command.deployment),
        "DEPLOYDB_SERVICE": command.service,
        "DEPLOYDB_ENVIRONMENT": command.environment,
        "DEPLOYDB_GROUP": artifact.group,
        "DEPLOYDB_NAME": artifact.name,
        "DEPLOYDB_VERSION": artifact.version,
        "DEPLOYDB_ARTIFACT_URL": artifact.url or "",
        "DEPLOYDB_DIGEST": artifact.digest or "",
        "DEPLOYDB_COMMIT": artifact.commit or "",
        "DEPLOYDB_PREVIOUS_VERSION": previous.version if previous is not None else "",
        "DEPLOYDB_REASON": command.reason,
        "DEPLOYDB_ATTEMPT": str(command.attempt),
        "DEPLOYDB_DEADLINE": command.deadline.isoformat() if command.deadline is not None else "",
        "DEPLOYDB_MANIFEST": msgspec.json.encode(command.manifest).decode(),
    }


def without_secrets(environment: Mapping[str, str], *, passed: Sequence[str] = ()) -> dict[str, str]:
    """The environment without DeployDB's settings and libpq's (`PG…`), where addresses and passwords are, and without
    the service manager's and those of a trace, which are about this process, and the credentials for OpenTelemetry.

    `passed`: the names of those that the program gets all the same.
    """
    return {
        name: value
        for name, value in environment.items()
        if name in passed or name in _KEPT or not _is_own(name, value)
    }


def _is_own(name: str, value: str) -> bool:
    if name.startswith(_OTLP):
        return name.endswith("HEADERS") or (name.endswith("ENDPOINT") and "@" in value)
    return name in _OF_THIS or name.startswith(("DEPLOYDB_", "PG"))


class Run:
    """One run of the program, the command's JSON on its stdin. `wait` it in a thread, `stop` it from any.

    `out` and `err` get each line of its output, without the line's end. What it leaves running in its session is
    ended with it; what is to outlive it starts a session of its own and writes elsewhere.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        command: DeployCommand,
        *,
        environment: Mapping[str, str],
        out: Callable[[str], None],
        err: Callable[[str], None],
    ) -> None:
        self._arguments = list(arguments)
        self._command = command
        self._environment = {**environment, **variables(command)}
        self._out = out
        self._err = err
        self._last_out: deque[str] = deque(maxlen=LINES_KEPT)
        self._last_err: deque[str] = deque(maxlen=LINES_KEPT)
        self._stopped_because: str | None = None
        self._all_read = threading.Event()

    def stop(self, because: str) -> None:
        """Have it ended: terminated, and killed where that does not help. The first reason counts."""
        if self._stopped_because is None:
            self._stopped_because = because

    def wait(self, limit: timedelta) -> Ended:
        """Run it to its end, and stop it after `limit`. Never raises for what the program does."""
        with tempfile.TemporaryFile() as stdin:
            # a file, not a pipe: a program that does not read it cannot block us
            stdin.write(encode_command(self._command))
            stdin.seek(0)
            try:
                process = subprocess.Popen(  # noqa: S603  # a list of arguments, no shell
                    self._arguments,
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=self._environment,
                    start_new_session=True,  # Ctrl-C is for the deployer, which decides what becomes of its runs
                )
            except (OSError, ValueError) as error:
                return Ended(succeeded=False, reason=f"cannot run {self._arguments[0]}: {error}")
        readers = [
            self._reading(process.stdout, self._out, self._last_out),
            self._reading(process.stderr, self._err, self._last_err),
        ]
        code = self._watch(process, limit)
        _end_session(process)
        until = time.monotonic() + _LAST_OUTPUT_WITHIN_SECONDS
        for reader in readers:
            reader.join(max(until - time.monotonic(), 0))
        self._all_read.set()  # what has left the session may hold a pipe open: its output is not waited for
        for reader in readers:
            reader.join()
        return self._ended(code)

    def _watch(self, process: subprocess.Popen[bytes], limit: timedelta) -> int:
        overdue_at = time.monotonic() + limit.total_seconds()
        killed_at: float | None = None
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=_TICK_SECONDS)
            now = time.monotonic()
            if now >= overdue_at:
                self.stop(f"stopped: no end after {limit.total_seconds():.0f} s")
            if self._stopped_because is None:
                continue
            if killed_at is None:
                killed_at = now + TERMINATE_WITHIN_SECONDS
                _signal_session(process, signal.SIGTERM)
            elif now >= killed_at:
                _signal_session(process, signal.SIGKILL)

    def _ended(self, code: int) -> Ended:
        if self._stopped_because is None and code == 0:
            return Ended(succeeded=True)
        if self._stopped_because is not None:
            how = self._stopped_because
        elif code < 0:
            how = f"ended by {signal.Signals(-code).name}"
        else:
            how = f"exit code {code}"
        # the two pipes keep no order between them: errors last, where the cut leaves them
        last = "\n".join([*self._last_out, *self._last_err]).strip()[-MOST_CHARACTERS:]
        return Ended(succeeded=False, reason=f"{how}: {last}" if last else how)

    def _reading(self, stream: IO[bytes] | None, tell: Callable[[str], None], last: deque[str]) -> threading.Thread:
        def read() -> None:
            if stream is None:
                return
            with stream:
                for line in self._lines(stream.fileno()):
                    text = line.decode("utf-8", errors="replace").replace("\0", "").rstrip("\r")
                    last.append(text[-MOST_CHARACTERS:])
                    tell(text)

        thread = threading.Thread(target=read, name=f"output of {self._command.id}", daemon=True)
        thread.start()
        return thread

    def _lines(self, pipe: int) -> Iterator[bytes]:
        """What comes out of a pipe, to its end, or until all has been read that is ours to wait for."""
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        rest = b""
        while not self._all_read.is_set():
            if not poll.poll(_TICK_SECONDS * 1000):
                continue
            if not (chunk := os.read(pipe, _LINE_BYTES)):
                break
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
            if len(rest) >= _LINE_BYTES:
                yield rest
                rest = b""
        if rest:
            yield rest


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """End what an ended program has left in its session, whatever group it is in: asked first, then killed."""
    until = time.monotonic() + LEFTOVERS_TERMINATE_WITHIN_SECONDS
    left = _signal_session(process, signal.SIGTERM)
    while left and time.monotonic() < until:
        time.sleep(_TICK_SECONDS)
        left = bool(_session(process))
    while left:
        left = _signal_session(process, signal.SIGKILL)  # again: one may have started another meanwhile
        time.sleep(_TICK_SECONDS if left else 0)


def _signal_session(process: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    """To the program and all that it has started. Whether there was anybody."""
    pids = _session(process)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    return bool(pids)


def _session(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes of the program's session that live."""
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(pid) == process.pid and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found
