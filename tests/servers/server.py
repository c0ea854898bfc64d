"""A server in a folder of its own."""

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.servers.process import Process, until

BOOT_SECONDS = 60


class ServerMissing(Exception):
    """The programs of a server are not on this machine; the message says what to install."""


class Server:
    """A server in a folder of its own. `start`, `stop`, `kill -9` and `restart` it; the port stays the same.

    What is known of it is in the folder's `state.json`, so that other processes find it by `RabbitMQ(folder)`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "state.json"
        self.state: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    @property
    def running(self) -> bool:
        return self._process("server").alive

    @staticmethod
    def programs() -> Path:
        """The folder of its programs. Raises: ServerMissing."""
        raise NotImplementedError

    def start(self, options: Mapping[str, str | int] | None = None) -> Self:
        """Return once it takes connections. `options` are settings, kept for later starts."""
        raise NotImplementedError

    def stop(self) -> None:
        """As its operator would."""
        raise NotImplementedError

    def kill(self) -> None:
        """kill -9, as a crash would."""
        raise NotImplementedError

    def discard(self) -> None:
        """End all of its processes at once; its data is not needed any more."""
        self.kill()

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def _make_folder(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)  # what a start that failed has left
        self.folder.mkdir(parents=True)

    def _process(self, role: str) -> Process:
        pid, began = self.state.get(role, (0, "gone"))
        return Process(pid, began)

    def _save(self, **values: Any) -> None:
        self.state |= {"kind": type(self).__name__, **values}
        new = self.folder / "state.json.new"
        new.write_text(json.dumps(self.state))
        new.chmod(0o600)
        new.replace(self.folder / "state.json")

    def _spawn(self, role: str, command: Sequence[str | Path], **options: Any) -> None:
        log = self.folder / f"{role}.out"
        with log.open("ab") as output:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )
        child.returncode = 0  # it is watched by its pid from now on; a Popen dropped while its process runs would warn
        self._save(**{role: (child.pid, Process.of(child.pid).began)})

    def _await_boot(self, ready: Callable[[], bool]) -> None:
        def booted() -> bool:
            if not self.running:
                output = "\n".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.out"))
                raise RuntimeError(f"{type(self).__name__} in {self.folder} ended while it started:\n{output}")
            return ready()

        until(booted, seconds=BOOT_SECONDS, what=f"{type(self).__name__} in {self.folder} to start")
