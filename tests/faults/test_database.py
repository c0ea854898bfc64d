"""A database that is silent, only reads, or refuses: sessions end by a limit of ours, and no pool keeps a bad one."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from deploydb.domain.model.errors import NotAllowed, Transient
from deploydb.store import notifications, silence_limit
from deploydb.store.engine import open_engine, reading, transact
from tests.faults.proxy import Proxy
from tests.servers import PostgreSQL
from tests.servers.process import BUSY

pytestmark = pytest.mark.servers

ONE = sa.select(sa.literal(1))


@pytest.fixture
def proxy(postgresql: PostgreSQL) -> Iterator[Proxy]:
    with Proxy(postgresql.port) as made:
        yield made


@pytest.fixture
def engine(proxy: Proxy, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """Through the proxy, with short limits."""
    monkeypatch.setattr(silence_limit, "MARGIN_SECONDS", 0.5)
    url = sa.make_url(postgresql_url).set(port=proxy.port).render_as_string(hide_password=False)
    made = open_engine(url, name="tests", statement_timeout=0.5)
    yield made
    made.dispose()


def _ask(connection: sa.Connection) -> int:
    return int(connection.execute(ONE).scalar_one())


def test_a_question_to_a_silent_database_ends_and_the_next_one_is_answered(engine: sa.Engine, proxy: Proxy) -> None:
    assert transact(engine, _ask) == 1
    proxy.go_silent()
    began = time.monotonic()
    with pytest.raises(Transient, match="silent"):
        transact(engine, _ask)
    assert time.monotonic() - began < 5 * BUSY
    proxy.speak_again()
    assert transact(engine, _ask) == 1


def test_a_commit_that_a_silent_database_does_not_answer_ends(engine: sa.Engine, proxy: Proxy) -> None:
    def work(connection: sa.Connection) -> None:
        connection.execute(ONE)
        proxy.go_silent()

    with pytest.raises(Transient, match="silent"):
        transact(engine, work)


def test_an_answer_that_takes_longer_than_the_limit_arrives_whole(engine: sa.Engine) -> None:
    rows = sa.text("SELECT repeat('x', 1000), pg_sleep(0.01) FROM generate_series(1, 300)")
    with reading(engine) as connection:
        connection.execute(sa.text("SET statement_timeout = 0"))
        assert len(connection.execute(rows).all()) == 300


def test_a_waiter_on_a_lost_connection_says_transient(engine: sa.Engine, proxy: Proxy) -> None:
    proxy.go_silent()
    with pytest.raises(Transient):
        notifications.Listener(engine, notifications.MARKS)


def test_a_waiter_whose_connection_is_closed_says_transient(engine: sa.Engine) -> None:
    with notifications.Listener(engine, notifications.MARKS) as waker:
        waker.close()
        with pytest.raises(Transient):
            waker.wait(timedelta(0))


def test_every_connection_has_keepalives(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=socket.dup(driver.pgconn.socket)) as peer_socket:
            names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
            assert [peer_socket.getsockopt(socket.IPPROTO_TCP, name) for name in names] == [10, 5, 2, 10_000]


def test_a_database_that_only_reads_for_a_moment_leaves_no_session_behind(
    engine: sa.Engine, postgresql: PostgreSQL, postgresql_url: str
) -> None:
    """As a failover does: what connected meanwhile stays read-only although the server is not."""
    name = sa.make_url(postgresql_url).database
    postgresql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        with reading(engine) as first, reading(engine) as second:
            assert (_ask(first), _ask(second)) == (1, 1)
        with pytest.raises(Transient, match="read-only"):
            transact(engine, _write)
    finally:
        postgresql.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    transact(engine, _write)


def _write(connection: sa.Connection) -> None:
    connection.execute(sa.text("CREATE TABLE IF NOT EXISTS written (n int)"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "wrong"}, "password authentication failed"),
        ({"username": "nemo"}, "authentication failed|does not exist"),
        ({"database": "atlantis"}, "does not exist"),
    ],
)
def test_a_login_that_is_refused_is_no_outage(postgresql_url: str, change: dict[str, str], words: str) -> None:
    url = sa.make_url(postgresql_url).set(**change).render_as_string(hide_password=False)  # type: ignore[arg-type]
    engine = open_engine(url, name="tests")
    with pytest.raises(NotAllowed, match=f"({words}).*; check DEPLOYDB_DATABASE_URL"):
        transact(engine, _ask)


def test_a_pool_whose_connections_are_all_in_use_is_an_outage(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploydb.store.engine._POOL_TIMEOUT_SECONDS", 0.1)
    engine = open_engine(postgresql_url, name="tests", connections=1)
    with reading(engine), pytest.raises(Transient, match="every connection of the pool was in use"):
        transact(engine, _ask)
    engine.dispose()


def test_as_many_connections_as_are_asked_for_and_no_more(postgresql_url: str) -> None:
    engine = open_engine(postgresql_url, name="tests", connections=20)
    together = threading.Barrier(20)

    def work(connection: sa.Connection) -> None:
        connection.execute(ONE)
        together.wait(20)

    threads = [threading.Thread(target=transact, args=(engine, work)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not together.broken
    assert engine.pool.checkedin() == 20  # type: ignore[attr-defined]
    engine.dispose()


def test_a_session_in_use_while_its_pool_is_disposed_is_closed_when_it_is_given_back(postgresql_url: str) -> None:
    engine = open_engine(postgresql_url, name="tests")
    with reading(engine) as connection:
        session = connection.connection.driver_connection
        assert session is not None
        engine.dispose()
        assert connection.execute(ONE).scalar_one() == 1
    assert session.closed
