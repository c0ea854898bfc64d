"""A service on loopback answers to its own names alone: a page of another site may have its name resolve to it."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry
from structlog import get_logger

from deploydb.http.health import Health
from tests.query.test_process import Process
from workers.health import HealthServer

OURS = ("localhost", "LOCALHOST:8080", "localhost.", "127.0.0.1", "127.0.0.1:1", "[::1]:8080", "127.8.8.8")
STRANGE = (
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.1",
    "x@localhost",
)
STRANGE += ("", "local\thost", "localhost/..", "[::2]", "0.0.0.0", "localhost:x", "127.0.0.1, evil.example")


@pytest.fixture(scope="module")
def process(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEPLOYDB_URL", "https://deploydb.example.com/ui")
        patch.setenv("DEPLOYDB_HOSTS", "proxy.internal, Other.Internal:8443")
        process = Process(tmp_path_factory.mktemp("hosts"), f"sqlite:///{sqlite_template}")
    yield process.ready()
    process.end()


def status(address: str, path: str, *hosts: str) -> int:
    with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
        connection.putrequest("GET", path, skip_host=True)
        for host in hosts:
            connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 421:
            output = json.loads(body)
            assert (list(output), output["code"]) == (["code", "message"], 421)
        return answer.status


@pytest.mark.parametrize("path", ["/status", "/api/services", "/healthz", "/metrics", "/nowhere"])
def test_another_name_is_refused_on_every_path(process: Process, path: str) -> None:
    address = urlsplit(process.address).netloc
    assert {status(address, path, host) for host in STRANGE} <= {400, 421}
    assert status(address, path, "evil.example") == 421
    for host in (*OURS, "deploydb.example.com", "proxy.internal:80", "other.internal"):
        assert status(address, path, host) in (200, 404), host


@pytest.mark.parametrize(
    ("target", "expected"),
    [("evil.example", 421), ("evil.example:8080", 421), ("localhost:1", 200), ("[::1]:8080", 200), ("[::2]", 421)],
)
def test_the_host_of_a_whole_url_counts_and_not_the_header(process: Process, target: str, expected: int) -> None:
    address = urlsplit(process.address).netloc
    assert status(address, f"http://{target}/status", "localhost") == expected
    assert status(address, f"http://{target}/status", "evil.example") == expected
    assert status(address, f"http://{target}/status") == expected


def test_the_refusal_says_what_to_do(process: Process) -> None:
    answer = process.raw(b"GET /status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert b"421" in answer.splitlines()[0]
    assert b"evil.example is no name of this service" in answer
    assert b"DEPLOYDB_HOSTS" in answer


def test_a_workers_health_on_loopback_is_refused_too() -> None:
    with HealthServer(Health(), CollectorRegistry(), log=get_logger(), host="127.0.0.1", port=0) as server:
        address = f"127.0.0.1:{server.port}"
        assert status(address, "/metrics", "evil.example") == 421
        assert [status(address, "/metrics", host) for host in OURS] == [200] * len(OURS)


def test_a_workers_health_elsewhere_is_asked_by_any_address() -> None:
    with HealthServer(Health(), CollectorRegistry(), log=get_logger(), host="0.0.0.0", port=0) as server:
        assert status(f"127.0.0.1:{server.port}", "/healthz", "10.1.2.3:9464") == 200
