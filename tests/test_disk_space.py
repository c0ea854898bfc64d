"""A disk that takes no more: seen before it is written to, and in the words of SQLite."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploydb.broker.address import EmbeddedAddress
from deploydb.broker.embedded.file import translate_errors
from deploydb.broker.open import open_outbound, provision
from deploydb.broker.topology import topology
from deploydb.disk_space import Unwritable, require_room
from deploydb.domain.model.errors import Unusable
from deploydb.store.engine import open_engine, transact

FULL = "PRAGMA max_page_count = 1"
ONLY_READ = "PRAGMA query_only = on"
WRITE = "CREATE TABLE big (body BLOB)"


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process may grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_folder_that_takes_no_more_is_unwritable_until_it_does(tmp_path: Path) -> None:
    with no_room(), pytest.raises(Unwritable, match=r"nothing can be written to .*: File too large"):
        require_room(tmp_path)
    require_room(tmp_path)
    tmp_path.rmdir()
    with pytest.raises(Unwritable, match="No such file"):
        require_room(tmp_path)


def test_the_embedded_broker_would_take_nothing_on_a_full_disk(embedded_url: str) -> None:
    provision(embedded_url, topology({}))
    with open_outbound(embedded_url, name="tests") as outbound:
        outbound.ping()
        with no_room(), pytest.raises(Unwritable, match="nothing can be written"):
            outbound.ping()
        outbound.ping()


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        (FULL, Unwritable, "cannot be written: .*is full; free space on its disk"),
        (ONLY_READ, Unusable, "readonly database; the file and its folder must be there and writable"),
    ],
)
def test_a_full_disk_and_a_read_only_one_are_distinguished(
    tmp_path: Path, state: str, error: type[Exception], words: str
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/store.db", name="tests")

    def store(connection: sa.Connection) -> None:
        connection.exec_driver_sql(state)
        connection.exec_driver_sql(WRITE)

    with pytest.raises(error, match=words):
        transact(engine, store)
    engine.dispose()
    broker = sqlite3.connect(tmp_path / "broker.db", isolation_level=None)
    broker.execute(state)
    with pytest.raises(error, match=words), translate_errors(EmbeddedAddress(path=tmp_path / "broker.db")):
        broker.execute(WRITE)
    broker.close()
