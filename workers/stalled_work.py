"""What keeps promotion from some of its work: services that are set aside, and rows that another session has locked."""

import time
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Gauge

from deploydb.http.health import Health
from deploydb.store.claims import oldest_request
from deploydb.store.engine import reading
from deploydb.store.promotion import Evaluated
from deploydb.store.set_aside import set_aside_services

from .intervals import Every

LOCKED_AFTER = timedelta(seconds=2)
"""A worker's round takes a fraction of this: a row that is locked for longer is locked by somebody else."""
LOOK_EVERY_SECONDS = 1.0
MOST = 20
"""How many services are named."""


class StalledWork:
    """Reports to `/readyz` by "evaluation". The clock is our own: the database's rows may have another."""

    def __init__(
        self,
        engine: sa.Engine,
        health: Health,
        registry: CollectorRegistry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._health = health
        self._clock = clock
        self._looks = Every(LOOK_EVERY_SECONDS, clock)
        self._untaken: dict[str, float] = {}
        self._oldest: tuple[int, float] | None = None
        self._gauge = Gauge(
            "deploydb_evaluation_set_aside_services",
            "Services whose evaluation failed, and which are tried again or parked; as of this worker's last look.",
            registry=registry,
        )

    def look(self, evaluated: Evaluated) -> None:
        """After each round: note what it could not take, and once a second report what stands still."""
        now = self._clock()
        self._untaken = {service: self._untaken.get(service, now) for service in sorted(evaluated.untaken)}
        if not self._looks.due():
            return
        with reading(self._engine) as connection:
            aside = set_aside_services(connection)
            oldest = oldest_request(connection)
        if oldest is None or self._oldest is None or oldest != self._oldest[0]:
            self._oldest = (oldest, now) if oldest is not None else None
        self._gauge.set(len(aside))
        tried = [one for one in aside if one.parked is None]
        reasons = [one.words for one in tried[:MOST]]
        if len(tried) > MOST:
            reasons.append(f"{len(tried) - MOST} other services are set aside")
        waits = now - min([now, *self._untaken.values(), *([self._oldest[1]] if self._oldest is not None else [])])
        if waits >= LOCKED_AFTER.total_seconds():
            named = f" ({', '.join(list(self._untaken)[:MOST])})" if self._untaken else ""
            reasons.append(f"evaluation requests wait for {waits:.0f} s: rows are locked by another session{named}")
        warnings = [one.words for one in aside if one.parked is not None][:MOST]
        self._health.report("evaluation", reasons=reasons, warnings=warnings)
