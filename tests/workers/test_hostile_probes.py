"""A worker's health server: clients that send slowly or without an end keep no probe out."""

import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from prometheus_client import CollectorRegistry
from structlog import get_logger

from deploydb.http import connections
from deploydb.http.health import Health
from tests.query.test_hostile_clients import has_ended
from tests.servers import until
from workers.health import MOST_CONNECTIONS, HealthServer

HALF = b"GET /healthz HTTP/1.1\r\nX-Half: "


@pytest.fixture
def server() -> Iterator[HealthServer]:
    with HealthServer(Health(), CollectorRegistry(), host="127.0.0.1", port=0, log=get_logger()) as server:
        yield server


def connect(server: HealthServer, sent: bytes) -> socket.socket:
    """A client that has sent this."""
    client = socket.create_connection((server.host, server.port), timeout=60)
    client.sendall(sent)
    return client


def is_alive(server: HealthServer) -> bool:
    with urllib.request.urlopen(f"http://{server.host}:{server.port}/healthz", timeout=60) as answer:
        return bool(answer.status == 200)


def test_half_requests_cost_a_few_connections_and_keep_no_probe_out(server: HealthServer) -> None:
    with ExitStack() as clients:
        half = [clients.enter_context(closing(connect(server, HALF))) for _ in range(300)]
        assert is_alive(server)
        until(lambda: sum(not has_ended(client) for client in half) <= MOST_CONNECTIONS, what="the end of most")


def test_a_request_that_comes_a_byte_at_a_time_is_given_up(
    server: HealthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN_SECONDS", 1.0)
    with closing(connect(server, HALF)) as client:

        def ended() -> bool:
            try:
                client.send(b"a")
            except ConnectionError:
                return True
            return False

        until(ended, what="its end")


def test_a_head_of_more_than_64_kib_is_refused(server: HealthServer) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(70))
    with closing(connect(server, b"GET /healthz HTTP/1.1\r\n" + lines)) as client:
        assert client.recv(100).split()[1] == b"431"
    assert is_alive(server)
