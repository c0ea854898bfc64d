"""What `doctor` finds in the database, as metrics: unmatched facts, starved lanes, clocks ahead."""

from datetime import datetime

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Gauge

from deploydb.domain.model.catalog import Catalog
from deploydb.store.clock_skew import recently_skewed
from deploydb.store.engine import reading
from deploydb.store.queries.starvation import starved_lanes
from deploydb.store.queries.unmatched import recently_unmatched

from .intervals import Every

_LOOK_EVERY_SECONDS = 30.0


class Findings:
    """Counts them now and then, without their names: those are for `doctor`, the pages and the log."""

    def __init__(self, engine: sa.Engine, registry: CollectorRegistry) -> None:
        self._engine = engine
        self._looks = Every(_LOOK_EVERY_SECONDS)
        self._unmatched = Gauge(
            "deploydb_unmatched_facts",
            "Facts of the last seven days about unknown deployments (of which at most 1,000 are counted), for "
            "unknown promotions, or of releases that no pipeline takes; as of this worker's last look.",
            registry=registry,
        )
        self._starved = Gauge(
            "deploydb_starved_lanes",
            "Lanes to which releases come and in which none has passed for long; as of this worker's last look.",
            registry=registry,
        )
        self._skewed = Gauge(
            "deploydb_skewed_clocks",
            "Sources whose clocks were ahead in the last day of the log; as of this worker's last look.",
            registry=registry,
        )
        self._ahead = Gauge(
            "deploydb_skewed_clocks_most_ahead_seconds",
            "How far ahead the worst of these clocks was, 0 for none; `deploydb doctor` and the log name it.",
            registry=registry,
        )

    def look(self, catalog: Catalog, now: datetime) -> None:
        """While nothing is to be decided; the counts are made twice a minute."""
        if not self._looks.due():
            return
        with reading(self._engine) as connection:
            self._unmatched.set(recently_unmatched(connection, catalog))
            self._starved.set(len(starved_lanes(connection, catalog, now)))
            skewed = recently_skewed(connection)
        self._skewed.set(len(skewed))
        self._ahead.set(max((skew.ahead.total_seconds() for skew in skewed), default=0.0))
