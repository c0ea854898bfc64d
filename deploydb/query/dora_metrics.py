"""The four figures of DORA as metrics, by service: those of `deploydb dora --service` over its usual window."""

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
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
"""The first scrape after it has the history of the window read, beside it; each is answered from memory."""
RETRY_AFTER_SECONDS = 30.0
"""After a measurement that failed."""
SERVICES_AT_ONCE = 100
"""Whose history is read in one transaction: within the time limit of a statement, however many are configured."""
_CLOSE_WITHIN_SECONDS = 1.0
OVER = timedelta(days=30)


class _Measured(Struct, frozen=True, kw_only=True):
    at: datetime
    figures: Mapping[str, Figures | None]


class DoraMetrics(Collector):
    """Labels are configured services alone. A service without samples has no series of what is measured from them.

    A scrape waits for no measurement: one that is due is begun in a thread, and shown once it is whole.
    """

    def __init__(self, sources: Sources, registry: CollectorRegistry, log: Log) -> None:
        self._sources = sources
        self._log = log
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._due_at = float("-inf")
        self._measured: _Measured | None = None
        registry.register(self)

    def close(self) -> None:
        """Begin no measurement any more, and end one that runs after the services that it reads."""
        self._closing.set()
        with self._lock:
            running = self._thread
        if running is not None:
            running.join(_CLOSE_WITHIN_SECONDS)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        self._begin_if_due()
        measured = self._measured
        measured_at = GaugeMetricFamily(
            "deploydb_dora_measured_timestamp_seconds",
            "When the figures of DORA were measured, in seconds since 1970; no series before the first time.",
            value=measured.at.timestamp() if measured is not None else None,
        )
        frequency = GaugeMetricFamily(
            "deploydb_dora_deployments_per_day",
            "Deployments to production a day, of the last 30 days; as of the last measurement.",
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
        for service, figures in (measured.figures if measured is not None else {}).items():
            frequency.add_metric([service], (figures.frequency.value or 0.0) if figures is not None else 0.0)
            if figures is None:
                continue
            if figures.failure_rate.value is not None:
                failures.add_metric([service], figures.failure_rate.value)
            for family, spread in ((lead_time, figures.lead_time), (recovery, figures.recovery)):
                for percentile, value in (("50", spread.p50), ("90", spread.p90)):
                    if value is not None:
                        family.add_metric([service, percentile], value)
        yield from (measured_at, frequency, lead_time, failures, recovery)

    def _begin_if_due(self) -> None:
        with self._lock:
            runs = self._thread is not None and self._thread.is_alive()
            if runs or self._closing.is_set() or time.monotonic() < self._due_at:
                return
            self._thread = threading.Thread(target=self._measure, name="DORA figures", daemon=True)
            self._thread.start()

    def _measure(self) -> None:
        """Keep the figures of before where the database does not answer in time."""
        pause = RETRY_AFTER_SECONDS
        try:
            measured = self._figures()
            if measured is not None:
                self._measured, pause = measured, MEASURE_EVERY_SECONDS
        except DeployDBError as error:
            self._log.warning("DORA figures are not measured", problem=str(error))
        except Exception as error:  # the next measurement may succeed
            self._log.error("DORA figures are not measured", exc_info=error)
        self._due_at = time.monotonic() + pause

    def _figures(self) -> _Measured | None:
        """Those of all services, by some at a time; None where it is closed meanwhile."""
        catalog, now = self._sources.catalog(), self._sources.clock()
        services, lanes = sorted(catalog.services), production_lanes(catalog)
        found: dict[str, Figures] = {}
        for first in range(0, len(services), SERVICES_AT_ONCE):
            if self._closing.is_set():
                return None
            some = frozenset(services[first : first + SERVICES_AT_ONCE])
            theirs = {lane for lane in lanes if lane[0] in some}
            with reading(self._sources.engine) as connection:
                history = production_history(connection, theirs, now - OVER, now, some)
            found |= history.figures_by_service()
        return _Measured(at=now, figures={service: found.get(service) for service in services})
