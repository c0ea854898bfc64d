"""The parent of `deploydb up`: starts the parts as processes of their own, keeps them going, stops them together.

A part's stdin is a pipe whose other end only the parent holds, so that the part ends however the parent ends. Its
stdout says `ready` once; its stderr, the log, goes to a file of bounded size, and what is serious to the terminal too.
"""

import json
import logging
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.unsafe_characters import in_one_line
from deploydb.private_files import make_file, make_folder, narrow
from deploydb.processes import command

from .signals import Signals

READY_WITHIN_SECONDS = 120.0
"""Ten processes start at once: on two cores under load that takes longer than half a minute. One that ends is reported
at once."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
END_WITHIN_SECONDS = 8.0
"""A part ends itself a second before (`workers.stop_deadline`)."""
STEADY_AFTER_SECONDS = 60.0
"""A part that has lived so long starts again without delay."""
LOG_BYTES = 5_000_000
LINES_KEPT = 5
_POLL_SECONDS = 0.1

Say = Callable[[str, str], None]
"""A line for people: about which part, and what."""


class Part:
    """One part's process, and the next one after it has died."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: RotatingFileHandler,
        say: Say,
        keeps: tuple[int, ...] = (),
    ) -> None:
        self.name = name
        self.ready = False
        self._command = command
        self._keeps = keeps
        self._environment = environment
        self._log = log
        self._say = say
        self._last: deque[str] = deque(maxlen=LINES_KEPT)
        self._process: subprocess.Popen[str] | None = None
        self._started_at = 0.0
        self._start_again_at: float | None = None
        self._deaths = 0

    def start(self) -> None:
        """Start it, in a session of its own: Ctrl-C is for the parent, which stops the parts in its own way."""
        self.ready = False
        self._last.clear()
        self._start_again_at = None
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603  # our own modules
            list(self._command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(self._environment),
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            pass_fds=self._keeps,
        )
        for stream, read in ((self._process.stdout, self._hear), (self._process.stderr, self._keep)):
            threading.Thread(target=read, args=(stream,), name=f"{self.name}'s words", daemon=True).start()

    @property
    def pid(self) -> int | None:
        """The process's id while there is one."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def last_words(self) -> str:
        """The last lines of its log."""
        return "\n".join(self._last) or "no output"

    def look_after(self) -> None:
        """Start it again where it has died, after a pause that grows with each early death."""
        now = time.monotonic()
        if self.pid is not None:
            return
        if self._start_again_at is None:
            code = self._process.returncode if self._process is not None else None
            steady = now - self._started_at >= STEADY_AFTER_SECONDS
            self._deaths = 0 if steady else self._deaths + 1
            pause = min(FIRST_PAUSE_SECONDS * 2.0 ** max(self._deaths - 1, 0), LONGEST_PAUSE_SECONDS)
            self._start_again_at = now + pause
            words = f": {self._last[-1]}" if self._last else ""
            self._say(self.name, f"ended with {code}{words}; starts again in {pause:.1f} s")
        elif now >= self._start_again_at:
            self.start()

    def terminate(self) -> None:
        """Ask it to stop."""
        if self._process is not None:
            self._process.terminate()

    def hang_up(self) -> None:
        """Ask it to read the configuration again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def end_by(self, deadline: float) -> bool:
        """Wait until it has ended; kill it at the deadline (monotonic). Whether it ended by itself."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout=max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        return True

    def _hear(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                if line.strip() == "ready":
                    if self._deaths:
                        self._say(self.name, "runs again")
                    self.ready = True

    def _keep(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                text = line.rstrip("\n")
                self._log.emit(logging.makeLogRecord({"msg": text}))
                message = _serious(text)
                if message is not None:
                    self._last.append(message)
                    self._say(self.name, message)


class Supervisor:
    """All the parts. `environment` is theirs, `logs` the folder of their logs; `web` serves on the socket `bound`."""

    def __init__(
        self, names: Sequence[str], *, environment: Mapping[str, str], logs: Path, say: Say, bound: socket.socket
    ) -> None:
        make_folder(logs)
        narrow(logs)
        self.parts = [
            Part(
                name,
                _command(name, bound),
                environment=environment,
                log=_log_file(logs / f"{name}.log"),
                say=say,
                keeps=(bound.fileno(),) if name == "web" else (),
            )
            for name in names
        ]
        self._say = say

    def start(self, signals: Signals) -> None:
        """Start every part; return when each is ready, or when asked to stop.

        Raises: Misconfigured with a part's last words where it ends before it was ready, or is not ready in time.
        """
        for part in self.parts:
            part.start()
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not signals.stopping and not all(part.ready for part in self.parts):
            for part in self.parts:
                if part.pid is None:
                    raise Misconfigured(f"{part.name} does not start: {part.last_words}")
                if not part.ready and time.monotonic() > deadline:
                    raise Misconfigured(
                        f"{part.name} is not ready after {READY_WITHIN_SECONDS:.0f} s: {part.last_words}"
                    )
            signals.pause(_POLL_SECONDS)

    def look_after(self) -> None:
        """Start again what has died. To be called a few times a second."""
        for part in self.parts:
            part.look_after()

    def hang_up(self) -> None:
        """Ask all to read the configuration again."""
        for part in self.parts:
            if part.ready:  # before that, SIGHUP may still kill it
                part.hang_up()

    def stop(self) -> None:
        """Ask all to stop, wait, and kill what has not ended in time."""
        for part in self.parts:
            part.terminate()
        deadline = time.monotonic() + END_WITHIN_SECONDS
        for part in self.parts:
            if not part.end_by(deadline):
                self._say(part.name, f"did not end within {END_WITHIN_SECONDS:.0f} s and was killed")


def _command(name: str, bound: socket.socket) -> list[str]:
    ports = ["--listen-fd", str(bound.fileno())] if name == "web" else ["--port", "0"]
    return command(name, *ports, "--with-parent")


class _LogFile(RotatingFileHandler):
    """Its files are ours alone, the next ones too."""

    def _open(self) -> TextIOWrapper:
        make_file(Path(self.baseFilename))
        return super()._open()


def _log_file(path: Path) -> RotatingFileHandler:
    with suppress(FileNotFoundError):
        narrow(path.with_name(f"{path.name}.1"))
    return _LogFile(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")


def _serious(line: str) -> str | None:
    """What people should see of a log's line: warnings and worse, in words; and what is no log line at all."""
    try:
        message = json.loads(line)
    except ValueError:
        return line.strip() or None
    if not isinstance(message, dict) or message.get("level") not in ("warning", "error", "critical"):
        return None
    quiet = {"event", "level", "at", "part", "exception", "logger"}
    details = ", ".join(
        f"{name}: {value}" for name, value in message.items() if name not in quiet and value is not None
    )
    return in_one_line(f"{message.get('event')} ({details})" if details else str(message.get("event")))
