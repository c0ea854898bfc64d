"""`deploydb up` on a server that hangs, whether it is under way or still starting, ends within ten seconds."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import write_config
from tests.e2e.up import Up
from tests.faults.proxy import Proxy
from tests.faults.test_silence import _through
from tests.faults.test_silence import broker as broker
from tests.faults.test_silence import database as database
from tests.servers.ports import free_port
from tests.servers.process import BUSY
from tests.workers.in_process import CONFIG, until

pytestmark = pytest.mark.servers

TEN_SECONDS = 10 * BUSY


@pytest.fixture
def up(database: Proxy, broker: Proxy, postgresql_url: str, amqp_url: str, tmp_path: Path) -> Iterator[Up]:
    write_config(tmp_path / "config", CONFIG)
    urls = {"database_url": _through(postgresql_url, database), "broker_url": _through(amqp_url, broker)}
    started = Up(tmp_path, free_port(), **urls)
    yield started
    started.close()


@pytest.mark.parametrize("server", ["database", "broker"])
def test_up_on_a_server_that_hangs_ends_within_ten_seconds(up: Up, server: str, request: pytest.FixtureRequest) -> None:
    silent: Proxy = request.getfixturevalue(server)
    until(lambda: up.has_output("Ready: ") and up.readiness()["ready"], "ready")
    silent.go_silent()
    until(lambda: not up.readiness()["ready"], "not ready")
    _ends(up)
    assert up.process.returncode == 0
    assert up.has_output("ended after", "hangs in")


@pytest.mark.parametrize("server", ["database", "broker"])
def test_up_that_starts_on_a_server_that_hangs_ends_within_ten_seconds(
    up: Up, server: str, request: pytest.FixtureRequest
) -> None:
    silent: Proxy = request.getfixturevalue(server)
    silent.go_silent()
    up.until(lambda: up.has_output("config"), "past the configuration: servers are next")
    _ends(up)


def _ends(up: Up) -> None:
    asked_at = time.monotonic()
    up.process.send_signal(signal.SIGTERM)
    up.process.wait(timeout=TEN_SECONDS + 10)
    assert time.monotonic() - asked_at < TEN_SECONDS, "".join(up.output)
    up.close()
