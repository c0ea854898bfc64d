"""What a deployer has run: one durable row a command, so that a command delivered again is not run again."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from deploydb.domain.model.errors import Misconfigured, Transient
from deploydb.private_files import make_sqlite_file

from .lock import held

KEEP = timedelta(days=30)
"""Far longer than any broker delivers a command again."""

_TABLE = """
CREATE TABLE IF NOT EXISTS run (
    command TEXT PRIMARY KEY,
    began_at TEXT NOT NULL,
    ended_at TEXT,
    fact BLOB,
    reported INTEGER NOT NULL DEFAULT 0 CHECK (reported IN (0, 1)),
    CHECK ((ended_at IS NULL) = (fact IS NULL))
)
"""


class Runs:
    """The rows of one state file, which one deployer at a time holds. Any thread may call.

    A row without an end, seen when the file is opened, is a run that its deployer did not live to see end.

    Raises: Misconfigured where another process holds the file, or it cannot be used; methods raise Transient where it
    cannot be written at the moment.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        with ExitStack() as stack:
            taken = f"another deployer uses {path}: give this one a file of its own with --state"
            stack.enter_context(held(path.with_name(f"{path.name}.lock"), taken=taken))
            try:
                make_sqlite_file(path)
                self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
                stack.callback(self._database.close)
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = FULL")
                self._database.execute(_TABLE)
            except sqlite3.Error as error:
                raise Misconfigured(f"cannot use the state file {path}: {error}") from error
            self._held = stack.pop_all()

    def interrupted(self) -> list[str]:
        """The commands whose runs have no end. Those of this process too: ask before the first `begin`."""
        with self._using() as database:
            return [row[0] for row in database.execute("SELECT command FROM run WHERE ended_at IS NULL ORDER BY 1")]

    def begin(self, command: str, now: datetime) -> None:
        """Say that the command is about to run: from here on it is never run a second time by itself."""
        with self._using() as database:
            database.execute("INSERT INTO run (command, began_at) VALUES (?, ?)", (command, now.isoformat()))

    def end(self, command: str, fact: bytes, now: datetime) -> None:
        """Say how it ended, whether it began or not: the fact to be published."""
        with self._using() as database:
            database.execute(
                "INSERT INTO run (command, began_at, ended_at, fact) VALUES (:command, :now, :now, :fact) "
                "ON CONFLICT (command) DO UPDATE SET ended_at = :now, fact = :fact",
                {"command": command, "now": now.isoformat(), "fact": fact},
            )

    def ending(self, command: str) -> bytes | None:
        """The fact of a command that has ended, None for any other."""
        with self._using() as database:
            row = database.execute("SELECT fact FROM run WHERE command = ?", (command,)).fetchone()
            return row[0] if row is not None else None

    def unreported(self) -> dict[str, bytes]:
        """The unconfirmed facts, by command, oldest first."""
        with self._using() as database:
            return dict(
                database.execute(
                    "SELECT command, fact FROM run WHERE fact IS NOT NULL AND NOT reported ORDER BY ended_at"
                )
            )

    def report(self, command: str) -> None:
        """Say that the broker has confirmed the fact."""
        with self._using() as database:
            database.execute("UPDATE run SET reported = 1 WHERE command = ?", (command,))

    def forget(self, command: str) -> None:
        """As if it had never run."""
        with self._using() as database:
            database.execute("DELETE FROM run WHERE command = ?", (command,))

    def forget_old(self, now: datetime) -> None:
        """Drop what was reported long ago, so that the file does not grow for ever."""
        with self._using() as database:
            database.execute("DELETE FROM run WHERE reported AND ended_at < ?", ((now - KEEP).isoformat(),))

    def close(self) -> None:
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._database
            except sqlite3.Error as error:
                raise Transient(f"the deployer's state file cannot be used: {error}") from error
