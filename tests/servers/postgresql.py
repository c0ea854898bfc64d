"""A PostgreSQL cluster."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from tests.servers.ports import free_port
from tests.servers.process import Process, child_pids
from tests.servers.server import Server, ServerMissing


class PostgreSQL(Server):
    """A PostgreSQL cluster with durable settings, run by an unprivileged user where we are root.

    `options` are settings such as `{"fsync": "off"}`, kept for later starts.
    """

    _kept: Any = None
    """The session of a superuser, in a block of `connected`."""

    def start(self, options: Mapping[str, str | int] | None = None) -> Self:
        bin_folder = self.programs()
        if not self.state:
            port = free_port()
            self._make_folder()
            password = secrets.token_urlsafe(16)
            self._initialise(bin_folder, password)
            self._save(port=port, password=password, bin=str(bin_folder), options=dict(options or {}))
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder / "run",
            "max_connections": 300,
            **self.state["options"],
        }
        chosen = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [bin_folder / "postgres", "-D", self.folder / "data", *chosen]
        self._spawn("server", command, cwd=self.folder / "run", **self._demoted())
        self._await_boot(self._is_ready)
        return self

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back."""
        self._process("server").end(by=signal.SIGINT)

    def kill(self) -> None:
        """kill -9 of the postmaster and of every backend: they are in sessions of their own."""
        if not self.running:
            return
        everybody = [self._process("server")]
        everybody += [Process.of(pid) for pid in child_pids(everybody[0].pid)]
        for process in everybody:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        for process in everybody:
            process.end(by=signal.SIGKILL)

    @staticmethod
    def programs() -> Path:
        """Where the programs of the newest version are. Raises: ServerMissing."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        if found:
            return found[-1].parent
        if on_path := shutil.which("initdb"):
            return Path(on_path).resolve().parent
        raise ServerMissing("PostgreSQL is not installed: apt-get install --no-install-recommends postgresql")

    @property
    def port(self) -> int:
        return int(self.state["port"])

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:{self.state['password']}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """A fresh database, and its URL. Its files are copied: the log takes three times as long (PostgreSQL 15)."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, outside a transaction."""
        if self._kept is not None:
            self._kept.execute(statement.encode())
            return
        with self.connected():
            self.execute(statement)

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """Run the statements of the block in one session: another one takes as long as to make a database."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True, prepare_threshold=None) as connection:
            self._kept = connection
            try:
                yield
            finally:
                self._kept = None

    def _initialise(self, bin_folder: Path, password: str) -> None:
        for name in ("data", "run"):
            (self.folder / name).mkdir(mode=0o700)
            if os.geteuid() == 0:
                user = _unprivileged()
                os.chown(self.folder / name, user.pw_uid, user.pw_gid)
        words = self.folder / "run" / "password"
        words.write_text(password)
        words.chmod(0o644)  # its folder is closed to everybody else
        command: list[str | Path] = [bin_folder / "initdb", "-D", self.folder / "data", f"--pwfile={words}"]
        command += ["--no-sync", "--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder / "run",
            **self._demoted(),
        )
        if done.returncode:
            raise RuntimeError(f"initdb in {self.folder}: {done.stderr or done.stdout}")

    @staticmethod
    def _demoted() -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        user = _unprivileged()
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def _is_ready(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _unprivileged() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
