"""The number of starved lanes, as a metric."""

from datetime import datetime

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Gauge

from deploydb.domain.model.catalog import Catalog
from deploydb.store.engine import reading
from deploydb.store.queries.starvation import starved_lanes

from .intervals import Every

_LOOK_EVERY_SECONDS = 30.0


class StarvedLanes:
    """Counts them now and then."""

    def __init__(self, engine: sa.Engine, registry: CollectorRegistry) -> None:
        self._engine = engine
        self._looks = Every(_LOOK_EVERY_SECONDS)
        self._gauge = Gauge(
            "deploydb_starved_lanes",
            "Lanes to which releases come and in which none has passed for long; as of this worker's last look.",
            registry=registry,
        )

    def look(self, catalog: Catalog, now: datetime) -> None:
        """After each round; the count is made twice a minute."""
        if not self._looks.due():
            return
        with reading(self._engine) as connection:
            self._gauge.set(len(starved_lanes(connection, catalog, now)))
