"""A whole DeployDB of real processes, on addresses that a test or a benchmark gives."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploydb.broker.open import open_outbound
from deploydb.broker.port import Message
from deploydb.broker.topology import EVENTS, topology_of
from deploydb.configuration import LiveCatalog, load
from deploydb.domain.model.catalog import Catalog
from deploydb.store.engine import open_engine
from deploydb.store.schema import migrate
from tests.servers.logins import broker_login, database_login, ensure_roles, provision_with_users

ROOT = Path(__file__).parents[1]
WINDOW = 2000
"""Messages handed to one publish call."""

Process = subprocess.Popen[bytes]


class Cluster:
    """Addresses, configuration, and the processes that run on them. All end with the `with` block.

    On real servers each process logs in as its user and its role, which have the rights of production.
    """

    def __init__(self, broker_url: str, database_url: str, config: Path, **environment: str) -> None:
        self.broker_url = broker_url
        self.database_url = database_url
        self.config = config
        self.environment = os.environ | {
            "DEPLOYDB_BROKER_URL": broker_url,
            "DEPLOYDB_DATABASE_URL": database_url,
            "DEPLOYDB_CONFIG": str(config),
            "DEPLOYDB_LOG_LEVEL": "warning",
            **environment,
        }
        self._processes: list[Process] = []

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def furnish(self) -> None:
        """Migrate the database and provision the broker, as deployment does."""
        tools = LiveCatalog(self.config).orchestrators
        provision_with_users(self.broker_url, topology_of(self.catalog()), tools)
        engine = open_engine(self.database_url, name="tests")
        migrate(engine)
        engine.dispose()
        ensure_roles(self.database_url)

    def catalog(self) -> Catalog:
        """The configuration, read."""
        loaded = load(self.config)
        assert loaded.catalog is not None, "\n".join(map(str, loaded.problems))
        return loaded.catalog

    def start(self, worker: str, *, port: int = 0) -> Process:
        """A worker process, `python -m workers NAME`, on a free port unless one is given."""
        return self._spawn("-m", "workers", worker, "--port", str(port), environment=self.environment_of(worker))

    def deployer(self, *command: str, concurrency: int = 4, state: Path, port: int | None = None) -> Process:
        """`deploydb deployer` on the default orchestrator's queue."""
        options = ["--orchestrator", "default", "--concurrency", str(concurrency), "--state", str(state)]
        options += ["--port", str(port)] if port is not None else []
        environment = self.environment_of("deployer")
        return self._spawn("-m", "deploydb", "deployer", *options, "--", *command, environment=environment)

    def kill(self, process: Process) -> None:
        """kill -9."""
        process.send_signal(signal.SIGKILL)
        process.wait()
        self._processes.remove(process)

    @contextmanager
    def workers(self, *names: str) -> Iterator[None]:
        """Worker processes with these names, one each, stopped by SIGTERM at the end."""
        started = [self.start(name) for name in names]
        try:
            yield
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(timeout=60)
                self._processes.remove(process)

    def deploydb(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """The command line, run to its end."""
        command = [sys.executable, "-m", "deploydb", *arguments]
        environment = self.environment_of("operator" if arguments[0] in ("dead", "webhook") else "ci")
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, **options
        )

    def login(self, process: str) -> str:
        """The broker's URL for a process."""
        return broker_login(self.broker_url, process) or self.broker_url

    def environment_of(self, process: str) -> dict[str, str]:
        """The environment of a process: its logins, and neither of a server that it does not use."""
        broker = broker_login(self.broker_url, process)
        database = database_login(self.database_url, process) if process not in ("ci", "deployer") else None
        own = {"DEPLOYDB_BROKER_URL": broker, "DEPLOYDB_DATABASE_URL": database}
        others = {name: value for name, value in self.environment.items() if name not in own}
        return others | {name: value for name, value in own.items() if value is not None}

    def publish(self, bodies: Sequence[bytes]) -> None:
        """All of them to the events exchange, each one confirmed."""
        with open_outbound(self.login("ci"), name="tests") as outbound:
            for start in range(0, len(bodies), WINDOW):
                batch = [
                    Message(exchange=EVENTS, routing_key="fact", body=body, message_id=str(start + index))
                    for index, body in enumerate(bodies[start : start + WINDOW])
                ]
                receipts = outbound.publish(batch)
                assert all(receipt.state == "confirmed" for receipt in receipts)

    def _spawn(self, *arguments: str, environment: dict[str, str]) -> Process:
        process = subprocess.Popen([sys.executable, *arguments], env=environment, cwd=ROOT)
        self._processes.append(process)
        return process


def write_config(folder: Path, files: dict[str, str]) -> Path:
    """A configuration directory with these files, by their paths in it. Each is there at once, for who reads it."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder.parent, delete=False) as written:
            written.write(text)
        Path(written.name).chmod(0o644)
        Path(written.name).replace(folder / path)
    return folder
