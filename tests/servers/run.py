"""All servers of one run."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from tests.servers.postgresql import PostgreSQL
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.server import Server

ROOT = Path(__file__).parents[2]
S = TypeVar("S", bound=Server)

_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30
"""Bytes: more than all servers of a run ever have."""


class Servers:
    """All servers of one run, beneath one folder. `owner`: the process whose end is theirs."""

    def __init__(self, folder: Path, owner: int) -> None:
        self.folder, self.owner = folder, owner
        self._shared: dict[str, Server] = {}

    @classmethod
    def temporary(cls, *, in_memory: bool = False) -> Self:
        """In a fresh folder, for this process; in memory if it has room, for servers that outlive no machine."""
        within = _MEMORY if in_memory and _has_room(_MEMORY) else None
        folder = Path(tempfile.mkdtemp(prefix="deploydb-servers-", dir=within))
        folder.chmod(0o755)  # PostgreSQL's user must reach its own folder below
        return cls(folder, os.getpid())

    def rabbitmq(self) -> RabbitMQ:
        """The shared node. Raises: ServerMissing."""
        return self._shared_one(RabbitMQ)

    def postgresql(self, options: Mapping[str, str | int] | None = None) -> PostgreSQL:
        """The shared cluster; `options` count at the first call. Raises: ServerMissing."""
        return self._shared_one(PostgreSQL, options)

    def own_rabbitmq(self, options: Mapping[str, str | int] | None = None) -> RabbitMQ:
        """Another node, started, for one test to break. Raises: ServerMissing."""
        RabbitMQ.programs()
        self._stand_guard()
        return RabbitMQ(self.folder / f"rabbitmq-{secrets.token_hex(4)}").start(options)

    def own_postgresql(self, options: Mapping[str, str | int] | None = None) -> PostgreSQL:
        """Another cluster, started, for one test to break. Raises: ServerMissing."""
        PostgreSQL.programs()
        self._stand_guard()
        return PostgreSQL(self.folder / f"postgresql-{secrets.token_hex(4)}").start(options)

    @contextlib.contextmanager
    def once(self, what: str) -> Iterator[bool]:
        """Whether `what` is still to be done. One process at a time; done for all of them if the block ends well."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{what}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = self.folder / f"{what}.done"
            first = not done.exists()
            yield first
            done.touch()

    def stop(self) -> None:
        """End every server beneath the folder, and remove the folder. The guard ends with it."""
        for path in self.folder.glob("*/state.json"):
            kind: type[Server] = {"RabbitMQ": RabbitMQ, "PostgreSQL": PostgreSQL}[json.loads(path.read_text())["kind"]]
            kind(path.parent).discard()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _shared_one(self, kind: type[S], options: Mapping[str, str | int] | None = None) -> S:
        name = kind.__name__.lower()
        if name not in self._shared:
            kind.programs()
            self._stand_guard()
            with self.once(name) as first:
                server = kind(self.folder / name)
                self._shared[name] = server.start(options) if first else server
        found = self._shared[name]
        assert isinstance(found, kind)
        return found

    def _stand_guard(self) -> None:
        with self.once("guard") as first:
            if first:
                command = [sys.executable, "-m", "tests.servers.guard", str(self.folder), str(self.owner)]
                guard = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, cwd=ROOT)
                guard.returncode = 0  # watched by no Popen: one dropped while its process runs would warn


def _has_room(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > _ROOM
