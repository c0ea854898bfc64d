"""The state of all lanes, as metrics: deployments that ended, since when what runs is live, gates, and holds."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import get_args

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.overrides import Kind
from deploydb.http.metrics import LatestGauge
from deploydb.store.engine import reading
from deploydb.store.promotion import Ended, EndOutcome
from deploydb.store.queries.holds import holds_at
from deploydb.store.queries.lane_summary import live_lanes, waiting_gates

from .intervals import Every, seconds_since

LOOK_EVERY_SECONDS = 15.0
_UNKNOWN = "unknown"
"""The type of a promotion that the configuration has no longer."""


class LaneMetrics:
    """Looks now and then. Labels are names of the configuration: as many as it has lanes and types of promotions."""

    def __init__(self, engine: sa.Engine, registry: CollectorRegistry) -> None:
        self._engine = engine
        self._looks = Every(LOOK_EVERY_SECONDS)
        self._catalog: Catalog | None = None
        self._configured: set[tuple[str, str]] = set()
        self._ended = Counter(
            "deploydb_deployments_total",
            "Deployments that ended by a decision of this worker, by outcome: succeeded (every gate passed), failed "
            "(its strategy was followed), skipped.",
            ["service", "environment", "outcome"],
            registry=registry,
        )
        self._live = LatestGauge(
            Gauge(
                "deploydb_live_timestamp_seconds",
                "When what a lane runs came to run there, of several modules the latest; as of this worker's last "
                "look. Its age is time() less that.",
                ["service", "environment"],
                registry=registry,
            )
        )
        self._gates = LatestGauge(
            Gauge(
                "deploydb_gates_waiting",
                "Gates of open deployments that have no final answer, by type of promotion; as of this worker's last "
                "look.",
                ["type"],
                registry=registry,
            )
        )
        self._oldest_gate = LatestGauge(
            Gauge(
                "deploydb_gates_oldest_wait_seconds",
                "How long the oldest gate without a final answer waits, by type of promotion.",
                ["type"],
                registry=registry,
            )
        )
        self._holds = LatestGauge(
            Gauge(
                "deploydb_holds",
                "Holds in force, by kind: pin, veto, freeze, pause; as of this worker's last look.",
                ["kind"],
                registry=registry,
            )
        )

    def count(self, ended: Iterable[Ended]) -> None:
        """Count the deployments that a round has ended."""
        for end in ended:
            self._ended.labels(end.service, end.environment, end.outcome).inc()

    def look(self, catalog: Catalog, now: datetime) -> None:
        """While nothing is to be decided. `now`: by the database's clock."""
        if not self._looks.due():
            return
        if catalog is not self._catalog:
            self._configure(catalog)
        with reading(self._engine) as connection:
            lanes, gates, holds = live_lanes(connection), waiting_gates(connection), holds_at(connection, now)
        live = {(lane.service, lane.environment): lane.live_at.timestamp() for lane in lanes}
        self._live.show({lane: at for lane, at in live.items() if lane in self._configured})
        counts: dict[str, int] = defaultdict(int)
        oldest: dict[str, datetime] = {}
        for gate in gates:
            known = catalog.promotions.get(gate.promotion)
            type_ = known.type if known is not None else _UNKNOWN
            counts[type_] += gate.count
            oldest[type_] = min(oldest.get(type_, gate.since), gate.since)
        types = counts.keys() | {promotion.type for promotion in catalog.promotions.values()}
        self._gates.show({(type_,): counts[type_] for type_ in types})
        self._oldest_gate.show({(type_,): seconds_since(oldest.get(type_), now) for type_ in types})
        self._holds.show({(kind,): sum(hold.kind == kind for hold in holds) for kind in get_args(Kind)})

    def _configure(self, catalog: Catalog) -> None:
        """A series for each lane and outcome, for the reason that `ResultCounter` has."""
        self._catalog = catalog
        self._configured = {
            (service, environment) for service in catalog.services for environment in catalog.environments_of(service)
        }
        for lane in self._configured:
            for outcome in get_args(EndOutcome):
                self._ended.labels(*lane, outcome)
