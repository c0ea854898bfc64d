"""The number of facts that match nothing, as a metric."""

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Gauge

from deploydb.domain.model.catalog import Catalog
from deploydb.store.engine import reading
from deploydb.store.queries.unmatched import misnamed_reports, unmatched_count

from .intervals import Every

_LOOK_EVERY_SECONDS = 30.0


class UnmatchedFacts:
    """Counts them now and then."""

    def __init__(self, engine: sa.Engine, registry: CollectorRegistry) -> None:
        self._engine = engine
        self._looks = Every(_LOOK_EVERY_SECONDS)
        self._gauge = Gauge(
            "deploydb_unmatched_facts",
            "Facts about unknown deployments, or for unknown promotions; as of this worker's last look.",
            registry=registry,
        )

    def look(self, catalog: Catalog) -> None:
        """After each round; the count is made twice a minute."""
        if not self._looks.due():
            return
        with reading(self._engine) as connection:
            self._gauge.set(unmatched_count(connection) + len(misnamed_reports(connection, catalog)))
