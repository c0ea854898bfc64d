"""The four figures of DORA as metrics, by service: those of `deploydb dora --service` over its usual window."""

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from deploydb.domain.dora import Figures
from deploydb.domain.model.errors import DeployDBError
from deploydb.domain.production import production_lanes
from deploydb.query.response_cache import Sources
from deploydb.store.engine import reading
from deploydb.store.queries.dora import production_history
from deploydb.telemetry import Log

MEASURE_EVERY_SECONDS = 300.0
"""The first scrape after it costs the history of the window; the others are answered from memory."""
OVER = timedelta(days=30)


class DoraMetrics(Collector):
    """Labels are configured services alone. A service without samples has no series of what is measured from them."""

    def __init__(self, sources: Sources, registry: CollectorRegistry, log: Log) -> None:
        self._sources = sources
        self._log = log
        self._lock = threading.Lock()
        self._measured_at = float("-inf")
        self._figures: Mapping[str, Figures | None] = {}
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with self._lock:
            if time.monotonic() - self._measured_at >= MEASURE_EVERY_SECONDS:
                self._measure()
                self._measured_at = time.monotonic()
            measured = self._figures
        frequency = GaugeMetricFamily(
            "deploydb_dora_deployments_per_day",
            "Deployments to production a day, of the last 30 days; as of the last look, at most 5 minutes ago.",
            labels=["service"],
        )
        lead_time = GaugeMetricFamily(
            "deploydb_dora_lead_time_seconds",
            "From a release's publication until production ran it or a newer one: the percentile 50 or 90.",
            labels=["service", "percentile"],
        )
        failures = GaugeMetricFamily(
            "deploydb_dora_change_failure_ratio",
            "The part of the deployments to production that failed, from 0 to 1.",
            labels=["service"],
        )
        recovery = GaugeMetricFamily(
            "deploydb_dora_recovery_seconds",
            "From a failure or an incident in production until it was over: the percentile 50 or 90.",
            labels=["service", "percentile"],
        )
        for service, figures in measured.items():
            frequency.add_metric([service], (figures.frequency.value or 0.0) if figures is not None else 0.0)
            if figures is None:
                continue
            if figures.failure_rate.value is not None:
                failures.add_metric([service], figures.failure_rate.value)
            for family, spread in ((lead_time, figures.lead_time), (recovery, figures.recovery)):
                for percentile, value in (("50", spread.p50), ("90", spread.p90)):
                    if value is not None:
                        family.add_metric([service, percentile], value)
        yield from (frequency, lead_time, failures, recovery)

    def _measure(self) -> None:
        """Keep the figures of before where the database does not answer in time."""
        try:
            catalog, now = self._sources.catalog(), self._sources.clock()
            with reading(self._sources.engine) as connection:
                history = production_history(connection, production_lanes(catalog), now - OVER, now)
        except DeployDBError as error:
            self._log.warning("DORA figures are not measured", problem=str(error))
            return
        found = history.figures_by_service()
        self._figures = {service: found.get(service) for service in catalog.services}
