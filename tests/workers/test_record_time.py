"""What is recorded at a later attempt is found by its time, however much was recorded meanwhile."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploydb.domain.model.errors import Transient
from deploydb.store.arrival import Arrival
from deploydb.store.engine import open_engine, reading
from deploydb.store.queries.events import Filter, events_before
from deploydb.store.queries.log_positions import OUT_OF_ORDER
from deploydb.store.record import Recorded, record
from deploydb.store.tables import event
from tests.workers.in_process import InProcess, published, until
from workers import ingest


def test_a_batch_that_is_recorded_late_is_found_by_when_it_was(
    embedded_url: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, free = threading.Event(), threading.Event()

    def busy(*given: object) -> Recorded:
        tried.set()
        if not free.is_set():
            raise Transient("busy")
        return record(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest, "record", busy)
    with InProcess(embedded_url, sqlite_url, tmp_path) as workshop:
        workshop.publish(published("1.0"))
        workshop.start("ingest")
        assert tried.wait(20)
        engine = open_engine(sqlite_url, name="tests")
        now = datetime.now(UTC)
        bodies = [published(f"0.{number}", name="others") for number in range(OUT_OF_ORDER + 500)]
        others = [Arrival.of(body, arrived_at=now) for body in bodies]
        record(engine, others, now + timedelta(milliseconds=1))
        free.set()
        until(lambda: workshop.rows(sa.select(event).where(event.c.id == "foo-1.0")), "the batch to be recorded")
        with reading(engine) as connection:
            found, *_ = events_before(connection, None, Filter(since=now + timedelta(milliseconds=2)), limit=10)
        assert [one.id for one in found] == ["foo-1.0"]
        engine.dispose()
