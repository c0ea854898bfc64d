"""Real servers for tests and benchmarks: private, on loopback ports of their own, beside whatever runs.

`Servers` holds those of one run in one folder: a RabbitMQ node and a PostgreSQL cluster that everybody shares, started
when first asked for, and any number of own ones that a fault test may kill. Several processes of a run may use the same
folder; a lock file decides who starts what. A guard process stops everything when the run's process is gone, however
it went. Needs no pytest:

    with Servers.temporary() as servers:
        url = servers.rabbitmq().create_vhost("bench")
"""

import base64
import contextlib
import fcntl
import json
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

BOOT_SECONDS = 60
STOP_SECONDS = 20


class ServerMissing(Exception):
    """The programs of a server are not on this machine; the message says what to install."""


class Process:
    """One process that we or another process of the run started: by its pid, and when it began (pids are reused)."""

    def __init__(self, pid: int, began: str) -> None:
        self.pid, self.began = pid, began

    @classmethod
    def of(cls, pid: int) -> Self:
        return cls(pid, _began(pid) or "gone")

    @property
    def alive(self) -> bool:
        if self.began == "gone":
            return False
        if _began(self.pid) == self.began:
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


class RabbitMQ(Server):
    """A RabbitMQ node with its own cookie, epmd and folders. Boots in 5 to 10 seconds.

    `options` are lines for its `rabbitmq.conf`, kept for later starts.
    """

    def start(self, options: Mapping[str, str | int] | None = None) -> Self:
        bin_folder = self.programs()
        if not self.state:
            amqp, management, distribution, epmd = _free_ports(4)
            self._make_folder()
            self._write_home(amqp, management, options or {})
            self._save(
                amqp=amqp,
                management=management,
                distribution=distribution,
                epmd_port=epmd,
                node=f"deploydb-{secrets.token_hex(4)}@localhost",
                bin=str(bin_folder),
                listeners=[amqp, *_listeners(options or {})],
            )
        if not self._process("epmd").alive:
            # Ours and in the foreground: one that the node starts would be a daemon of unknown pid.
            epmd_program = shutil.which("epmd") or "epmd"
            port = str(self.state["epmd_port"])
            self._spawn("epmd", [epmd_program, "-port", port, "-address", "127.0.0.1"], env=self._environment)
            until(lambda: _listens(self.state["epmd_port"]), seconds=10, what="epmd to listen")
        self._spawn("server", [bin_folder / "rabbitmq-server"], env=self._environment)
        self._await_boot(self._is_ready)
        return self

    def stop(self) -> None:
        """As its operator would, epmd with it."""
        self._process("server").end(by=signal.SIGTERM, group=True)
        self._process("epmd").end(by=signal.SIGTERM)

    def kill(self) -> None:
        """kill -9 of the node; its epmd lives on."""
        self._process("server").end(by=signal.SIGKILL, group=True)

    def discard(self) -> None:
        self.kill()
        self._process("epmd").end(by=signal.SIGKILL)

    @staticmethod
    def programs() -> Path:
        """Where the scripts are. Raises: ServerMissing."""
        found = [Path("/usr/lib/rabbitmq/bin"), *sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))]
        for folder in found:
            if (folder / "rabbitmq-server").exists() and shutil.which("epmd"):
                return folder
        raise ServerMissing("RabbitMQ is not installed: apt-get install --no-install-recommends rabbitmq-server")

    @property
    def port(self) -> int:
        return int(self.state["amqp"])

    def url(self, vhost: str = "/") -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    def create_vhost(self, name: str) -> str:
        """A fresh vhost, and its URL."""
        self.api("PUT", f"vhosts/{quote(name, safe='')}")
        self.api(
            "PUT",
            f"permissions/{quote(name, safe='')}/guest",
            {"configure": ".*", "write": ".*", "read": ".*"},
        )
        return self.url(name)

    def delete_vhost(self, name: str) -> None:
        self.api("DELETE", f"vhosts/{quote(name, safe='')}")

    def create_user(self, name: str, password: str, vhost: str, permissions: Mapping[str, str]) -> str:
        """A user with `configure`, `write` and `read` patterns in a vhost, and its URL."""
        self.api("PUT", f"users/{quote(name, safe='')}", {"password": password, "tags": ""})
        everything = {"configure": "", "write": "", "read": "", **permissions}
        self.api("PUT", f"permissions/{quote(vhost, safe='')}/{quote(name, safe='')}", everything)
        return f"amqp://{quote(name)}:{quote(password)}@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    def api(self, method: str, path: str, body: object = None) -> Any:
        """One call of the management interface (11 ms; `rabbitmqctl` takes a second). None where it answers nothing."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.state['management']}/api/{path}",
            method=method,
            data=None if body is None and method == "GET" else json.dumps(body or {}).encode(),
            headers={
                "Authorization": f"Basic {base64.b64encode(b'guest:guest').decode()}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def ctl(self, *arguments: str) -> str:
        """`rabbitmqctl ARGUMENTS`; what it prints."""
        done = subprocess.run(
            [Path(self.state["bin"]) / "rabbitmqctl", "--quiet", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def _write_home(self, amqp: int, management: int, options: Mapping[str, str | int]) -> None:
        home = self.folder / "home"
        home.mkdir()
        cookie = home / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        configuration: dict[str, str | int] = {
            "listeners.tcp.default": f"127.0.0.1:{amqp}",
            "management.tcp.ip": "127.0.0.1",
            "management.tcp.port": management,
            # Only the interface is wanted, not its statistics: they cost and the benchmarks would pay.
            "management_agent.disable_metrics_collector": "true",
            "log.console": "false",
            "log.file.level": "warning",
            "disk_free_limit.absolute": "50MB",
            "raft.wal_max_size_bytes": 64_000_000,
            **options,
        }
        (self.folder / "rabbitmq.conf").write_text(
            "".join(f"{key} = {value}\n" for key, value in configuration.items())
        )

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.folder / "home"),
            "RABBITMQ_NODENAME": self.state["node"],
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(self.state["distribution"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self.state["epmd_port"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def _is_ready(self) -> bool:
        try:
            self.api("GET", "vhosts")
        except OSError:
            return False
        return all(_listens(port) for port in self.state["listeners"])


class PostgreSQL(Server):
    """A PostgreSQL cluster with durable settings, run by an unprivileged user where we are root.

    `options` are settings such as `{"fsync": "off"}`, kept for later starts.
    """

    def start(self, options: Mapping[str, str | int] | None = None) -> Self:
        bin_folder = self.programs()
        if not self.state:
            (port,) = _free_ports(1)
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
        everybody += [Process.of(pid) for pid in _children(everybody[0].pid)]
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
        """A fresh database, and its URL."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, outside a transaction."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

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


S = TypeVar("S", bound=Server)


class Servers:
    """All servers of one run, beneath one folder. `owner`: the process whose end is theirs."""

    def __init__(self, folder: Path, owner: int) -> None:
        self.folder, self.owner = folder, owner
        self._shared: dict[str, Server] = {}

    @classmethod
    def temporary(cls) -> Self:
        """In a fresh folder, for this process."""
        folder = Path(tempfile.mkdtemp(prefix="deploydb-servers-"))
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
                command = [sys.executable, __file__, str(self.folder), str(self.owner)]
                guard = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
                guard.returncode = 0  # as above


def until(condition: Callable[[], bool], *, seconds: float = 10, what: str = "the condition") -> None:
    """Return once `condition()` holds. Raises: TimeoutError, naming `what`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


def _guard(folder: Path, owner: Process) -> None:
    while owner.alive and folder.exists():
        time.sleep(0.2)
    if folder.exists():
        Servers(folder, owner.pid).stop()


def _free_ports(count: int) -> list[int]:
    # Below the range that outgoing connections take theirs from: a client that tries again and again to reach a server
    # that is down must not be given the server's own port.
    found: list[int] = []
    while len(found) < count:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def _listeners(options: Mapping[str, str | int]) -> list[int]:
    """The ports of a RabbitMQ node's further listeners."""
    return [int(str(value).rpartition(":")[2]) for name, value in options.items() if name.startswith("listeners.")]


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _began(pid: int) -> str | None:
    """When a living process began, in the kernel's ticks; None for one that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def _children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def _unprivileged() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


if __name__ == "__main__":
    _guard(Path(sys.argv[1]), Process.of(int(sys.argv[2])))
