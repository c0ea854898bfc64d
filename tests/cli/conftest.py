"""A shell, the embedded broker, and the query service as it is served."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
import uvicorn

from deploydb.http.listening import listening
from deploydb.query.app import application
from tests.cli.shell import Queue, Shell
from tests.scenario import Scenario


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """In an empty folder, where no DeployDB runs."""
    (tmp_path / "here").mkdir()
    return Shell(tmp_path / "here")


@pytest.fixture
def queue(embedded_url: str, shell: Shell) -> Queue:
    """A provisioned broker for the shell's facts."""
    shell.environment["DEPLOYDB_BROKER_URL"] = embedded_url
    return Queue(embedded_url)


@contextmanager
def served(world: Scenario) -> Iterator[str]:
    """The address of the query service on a scenario's store."""
    app = application(world.engine, lambda: world.catalog, log=structlog.get_logger(), clock=lambda: world.now)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
    with listening("127.0.0.1:0") as socket:
        thread = threading.Thread(target=server.run, args=([socket],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{socket.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=60)


@pytest.fixture(scope="module")
def seeded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell beside a service with a history: foo 1.0 is verified in dev and runs in prod, 1.1 waits in dev."""
    folder = tmp_path_factory.mktemp("seeded")
    with Scenario(f"sqlite:///{shutil.copy(sqlite_template, folder / 'deploydb.db')}") as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        world.tell("verification.finished", **lane("dev", "1.0"), promotion="smoke", outcome="passed")
        world.evaluate(minutes=1)
        world.deploy()
        world.publish("1.1")
        world.evaluate(minutes=1)
        world.deploy()
        world.tell("verification.finished", **lane("prod", "1.0"), promotion="smoke", outcome="failed", reason=HOSTILE)
        world.evaluate(minutes=1)
        with served(world) as url:
            yield Shell(folder, DEPLOYDB_URL=url)


@pytest.fixture
def skipped(sqlite_template: Path, tmp_path: Path) -> Iterator[Shell]:
    """A shell beside a service whose 1.0 runs everywhere, and whose 0.7, 0.8 and 0.9 came later."""
    with Scenario(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'deploydb.db')}") as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        world.tell("verification.finished", **lane("dev", "1.0"), promotion="smoke", outcome="passed")
        world.evaluate(minutes=1)
        world.deploy()
        for version in ("0.7", "0.8", "0.9"):
            world.publish(version)
            world.evaluate(minutes=1)
        with served(world) as url:
            yield Shell(tmp_path, DEPLOYDB_URL=url)


@pytest.fixture
def connected(shell: Shell, seeded: Shell) -> Shell:
    """The shell beside a service with a history: 1.1 runs in dev, 1.0 in prod."""
    shell.environment["DEPLOYDB_URL"] = seeded.environment["DEPLOYDB_URL"]
    return shell


HOSTILE = "\x1b[2Jline one\nline two"
"""A job's reason that could clear a reader's screen."""


def lane(environment: str, version: str) -> dict[str, str]:
    """The fields that name a deployment of foo."""
    return {"service": "foo", "environment": environment, "version": version}
