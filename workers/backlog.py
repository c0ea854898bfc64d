"""Work that waits before a decision, as metrics: requests for evaluation, and messages that ingest has not read."""

from datetime import datetime

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Gauge

from deploydb.store.engine import reading
from deploydb.store.ingest_watermark import read_until
from deploydb.store.queries.operations import unevaluated

from .intervals import Every, seconds_since

LOOK_EVERY_SECONDS = 5.0


class Backlog:
    """Counts now and then, under load too. Costs what waits."""

    def __init__(self, engine: sa.Engine, registry: CollectorRegistry) -> None:
        self._engine = engine
        self._looks = Every(LOOK_EVERY_SECONDS)
        self._requests = Gauge(
            "deploydb_evaluation_backlog",
            "Requests for evaluation that wait, without those of services that are set aside; as of this worker's last "
            "look.",
            registry=registry,
        )
        self._oldest = Gauge(
            "deploydb_evaluation_oldest_request_age_seconds",
            "Age of the oldest request for evaluation that waits, 0 for none.",
            registry=registry,
        )
        self._lag = Gauge(
            "deploydb_ingest_lag_seconds",
            "How long ago the time is until when ingest has recorded all of its queue, 0 where it never ran; above a "
            "few seconds with ingest away, too.",
            registry=registry,
        )

    def look(self, now: datetime) -> None:
        """After each round. `now`: by the database's clock."""
        if not self._looks.due():
            return
        with reading(self._engine) as connection:
            waiting, read = unevaluated(connection), read_until(connection)
        self._requests.set(waiting.count)
        self._oldest.set(seconds_since(waiting.oldest_at, now))
        self._lag.set(seconds_since(read.until if read is not None else None, now))
