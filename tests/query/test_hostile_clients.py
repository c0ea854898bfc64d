"""Clients that send without an end, send slowly, or do not read: they cost little, and others are answered."""

import json
import resource
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from deploydb.broker.open import provision
from deploydb.broker.topology import topology
from deploydb.identity import hashed
from deploydb.query.stream import MOST_LISTENERS, MOST_LISTENERS_EACH
from deploydb.store.tables import event
from tests.query.test_process import Process
from tests.scenario import Scenario
from tests.servers import until
from tests.servers.process import BUSY

DESCRIPTORS = 1024
HALF = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "
END = b"Host: 127.0.0.1\r\nConnection: close\r\n\r\n"
OTHER = "127.0.0.2"
"""Another client's address."""


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """Enough for the clients here; the service is started with fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def started(folder: Path, url: str, worker: str = "query", **given: str) -> Iterator[Process]:
    """A service that may have `DESCRIPTORS` descriptors, on an embedded broker that is provisioned."""
    broker = f"embedded:{folder}/broker.db"
    provision(broker, topology({}))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, before[1]))
    try:
        process = Process(folder, url, worker=worker, DEPLOYDB_BROKER_URL=broker, **given)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    try:
        yield process.ready()
    finally:
        process.end()


def connect(process: Process, sent: bytes = b"", *, source: str = "127.0.0.1") -> socket.socket:
    """A client that has sent this, and reads little at a time."""
    where = urlsplit(process.address)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(60)
    try:
        client.bind((source, 0))
        client.connect((where.hostname, where.port))
        client.sendall(sent)
    except OSError:
        client.close()
        raise
    return client


def status(client: socket.socket) -> int:
    """Of the answer that it reads, 0 where the connection ends without one."""
    answer = b""
    try:
        while b"\r\n" not in answer and (part := client.recv(100)):
            answer += part
    except ConnectionError:
        return 0
    return int(answer.split()[1]) if answer else 0


def ask(process: Process, path: str = "/healthz", *, source: str = "127.0.0.1", head: bytes = b"") -> int:
    """The status of a whole request's answer."""
    with closing(connect(process, f"GET {path} HTTP/1.1\r\n".encode() + head + END, source=source)) as client:
        return status(client)


def has_ended(client: socket.socket) -> bool:
    """Whether the service has closed it."""
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def memory(process: Process) -> int:
    """The most that it has used, in MiB."""
    answer = Path(f"/proc/{process.process.pid}/status").read_text()
    return int(answer.partition("VmHWM:")[2].split()[0]) // 1024


@pytest.mark.parametrize("worker", ["query", "gateway", "web"])
def test_a_head_of_more_than_64_kib_is_refused_from_any_sender(tmp_path: Path, sqlite_url: str, worker: str) -> None:
    given = {"DEPLOYDB_READ": "token", "DEPLOYDB_TOKENS": f"alice read {hashed('ddb_alice')}"}
    with started(tmp_path, sqlite_url, worker, **given) as process:
        assert ask(process, head=b"X-Large: " + b"a" * 60_000 + b"\r\n") == 200
        before = memory(process)
        for head in (
            b"X-Large: " + b"a" * 70_000 + b"\r\n",
            b"".join(b"X-%d: some words\r\n" % number for number in range(5_000)),
        ):
            assert ask(process, "/api/approvals", head=head) == 431
        assert ask(process, "/" + "a" * 70_000) == 431
        with closing(connect(process, HALF)) as client:
            for _ in range(200):  # 200 MiB, in a header that does not end
                try:
                    client.sendall(b"a" * 1024 * 1024)
                except ConnectionError:
                    break
            assert status(client) in (431, 0)  # 0: it sends for longer than the service lingers
        assert ask(process) == 200
        assert memory(process) < before + 30


def test_two_thousand_half_requests_keep_no_client_out_and_do_not_stay(tmp_path: Path, sqlite_url: str) -> None:
    with started(tmp_path, sqlite_url) as process, ExitStack() as clients:
        half = [clients.enter_context(closing(connect(process, HALF))) for _ in range(2000)]
        began = time.monotonic()
        assert ask(process) == 200
        assert ask(process, source=OTHER) == 200
        assert time.monotonic() - began < 5  # a head has ten seconds
        open_files = len(list(Path(f"/proc/{process.process.pid}/fd").iterdir()))
        assert open_files < DESCRIPTORS // 2
        until(lambda: all(has_ended(client) for client in half), what="their end")


def test_a_head_that_comes_a_byte_at_a_time_is_given_up(tmp_path: Path, sqlite_url: str) -> None:
    with started(tmp_path, sqlite_url) as process, closing(connect(process, HALF)) as client:
        began = time.monotonic()

        def ended() -> bool:
            try:
                client.send(b"a")
            except ConnectionError:
                return True
            return has_ended(client)

        until(ended, what="its end")
        assert 9 < time.monotonic() - began < 15 * BUSY


def test_hundred_readers_that_do_not_read_cost_little(tmp_path: Path, sqlite_url: str) -> None:
    with Scenario(sqlite_url) as world:
        for number in range(100):
            world.publish(f"1.{number}", note="x" * 900_000)
    with started(tmp_path, sqlite_url) as process, ExitStack() as clients:
        before = memory(process)
        request = b"GET /api/events.jsonl HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        readers = [clients.enter_context(closing(connect(process, request))) for _ in range(100)]
        assert sorted({status(reader) for reader in readers}) == [200, 429]
        began = time.monotonic()
        assert ask(process) == 200
        assert time.monotonic() - began < BUSY
        assert ask(process, "/api/events.jsonl?type=hold.placed", source=OTHER) == 200
        assert memory(process) < before + 60
        until(lambda: ask(process, "/api/events.jsonl?type=hold.placed") == 200, what="their places to be free")


def test_answers_that_no_client_reads_do_not_pile_up(tmp_path: Path, sqlite_url: str) -> None:
    with Scenario(sqlite_url) as world:
        for number in range(60):
            world.publish(f"1.{number}", note="x" * 900_000)
    with started(tmp_path, sqlite_url) as process, ExitStack() as clients:
        before = memory(process)
        for number in range(100):
            request = f"GET /api/events?perPageSize=8&before={60 - number % 50} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            clients.enter_context(closing(connect(process, request.encode())))
        until(lambda: ask(process, source=OTHER) == 200, what="an answer")
        until(lambda: bool(process.logged("connections ended")), what="the slowest to be let go")
        assert "too much unread" in process.logged("connections ended")[-1]["reasons"]
        assert memory(process) < before + 600


def test_one_client_does_not_hold_all_streams(tmp_path: Path, sqlite_url: str) -> None:
    request = b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with started(tmp_path, sqlite_url) as process, ExitStack() as clients:
        held = [clients.enter_context(closing(connect(process, request))) for _ in range(MOST_LISTENERS)]
        answer = [status(client) for client in held]
        assert answer.count(200) == MOST_LISTENERS_EACH
        assert answer.count(429) == MOST_LISTENERS - MOST_LISTENERS_EACH
        assert ask(process, "/api/stream", source=OTHER) == 200
        held[answer.index(200)].close()
        until(lambda: ask(process, "/api/stream") == 200, what="a place")


def test_a_person_has_places_of_their_own_whatever_the_address(tmp_path: Path, sqlite_url: str) -> None:
    tokens = "\n".join(f"{name} read {hashed(f'ddb_{name}')}" for name in ("alice", "bob"))
    with started(tmp_path, sqlite_url, DEPLOYDB_READ="token", DEPLOYDB_TOKENS=tokens) as process, ExitStack() as held:

        def listen(name: str) -> int:
            request = f"GET /api/stream HTTP/1.1\r\nAuthorization: Bearer ddb_{name}\r\n".encode() + END
            return status(held.enter_context(closing(connect(process, request))))

        assert [listen("alice") for _ in range(MOST_LISTENERS_EACH + 1)][-2:] == [200, 429]
        assert listen("bob") == 200


def test_an_export_is_whole_whatever_its_rows_weigh(tmp_path: Path, sqlite_url: str) -> None:
    with Scenario(sqlite_url) as world:
        for number in range(150):
            world.publish(f"1.{number}", note="x" * (900_000 if number % 30 == 0 else 10))
        with world.engine.connect() as connection:
            stored = list(connection.execute(sa.select(event.c.number).order_by(event.c.number.desc())).scalars())
    with started(tmp_path, sqlite_url) as process:
        with urllib.request.urlopen(f"{process.address}/api/events.jsonl", timeout=60) as answer:
            output = answer.read()
        assert [json.loads(line)["number"] for line in output.splitlines()] == stored


def test_requests_sent_ahead_are_bounded(tmp_path: Path, sqlite_url: str) -> None:
    stream = b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with started(tmp_path, sqlite_url) as process:
        with closing(
            connect(
                process, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 10 + b"GET /healthz HTTP/1.1\r\n" + END
            )
        ) as client:
            answer = b""
            while part := client.recv(65536):
                answer += part
            assert answer.count(b"HTTP/1.1 200") == 11
        with closing(connect(process, stream * 1000)) as client:
            until(lambda: has_ended(client), what="its end")
