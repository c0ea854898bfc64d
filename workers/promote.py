"""Promote: what has changed, or is due, weighed against the catalog and written down as decisions.

Needs no broker. Woken by the database when something was recorded, and by the clock when a soak, a deadline or a
timeout is due; both are rows, so nothing is remembered here that a kill -9 could lose.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from socket import gethostname
from typing import Literal, get_args

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from deploydb.configuration import LiveCatalog
from deploydb.configuration.differences import differences
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.environment_names import under
from deploydb.http.metrics import ResultCounter
from deploydb.store import notifications
from deploydb.store.catalog_listings import answer, enter
from deploydb.store.clock import DatabaseClock
from deploydb.store.configurations import record_configuration
from deploydb.store.environment_names import names_of
from deploydb.store.promotion import evaluate, mark_open, next_due
from deploydb.store.schema import require_current
from deploydb.store.unplaced_flows import mark_untaken

from .backlog import Backlog
from .findings import Findings
from .intervals import LOOK_AT_FILES_EVERY_SECONDS, SHORTEST_WAIT, Every, wait_until
from .lane_metrics import LaneMetrics
from .loop import Worker
from .process import Process
from .stalled_work import StalledWork

LIMIT = 500


ReloadResult = Literal["taken", "broken"]


class PromoteMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.services = Counter("deploydb_evaluations_total", "Evaluations of one service each.", registry=registry)
        self.flows = Counter("deploydb_promote_flows_total", "Flows opened.", registry=registry)
        self.commands = Counter("deploydb_promote_commands_total", "Commands decided.", registry=registry)
        self.broken = Counter(
            "deploydb_evaluation_errors_total",
            "Evaluations that failed. The service is set aside and tried again, with growing pauses up to a minute.",
            registry=registry,
        )
        self.round_seconds = Histogram(
            "deploydb_evaluation_duration_seconds",
            "One round that evaluated something: claim, load, decide, commit.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30),
            registry=registry,
        )
        self.problems = Gauge(
            "deploydb_configuration_problems",
            "Problems in the configuration on disk; above 0, the last good one stays in force.",
            registry=registry,
        )
        self.reloads: ResultCounter[ReloadResult] = ResultCounter(
            Counter(
                "deploydb_configuration_reloads_total",
                "Changes of the configuration on disk, by result: taken, or broken.",
                ["result"],
                registry=registry,
            ),
            get_args(ReloadResult),
        )


class Promote(Worker):
    """Evaluates services. Any number of these work side by side, each service in one of them at a time."""

    def __init__(self, around: Process, *, engine: sa.Engine, live: LiveCatalog) -> None:
        self._engine = engine
        self._live = live
        self._health = around.health
        self._log = around.log
        self._tracer = around.tracer
        self._metrics = PromoteMetrics(around.registry)
        self._clock = DatabaseClock(engine)
        self._files = Every(LOOK_AT_FILES_EVERY_SECONDS)
        self._problems: tuple[str, ...] = ()
        self._marked: Catalog | None = None
        self._answers = Every(LOOK_AT_FILES_EVERY_SECONDS)
        self._stalled = StalledWork(engine, around.health, around.registry)
        self._findings = Findings(engine, around.registry)
        self._backlog = Backlog(engine, around.registry)
        self._lanes = LaneMetrics(engine, around.registry)
        self._apart = False

    @contextmanager
    def session(self) -> Iterator[Callable[[], None]]:
        require_current(self._engine)
        with notifications.Listener(self._engine, notifications.MARKS) as waker:
            yield partial(self._step, waker)

    def reload(self) -> None:
        """Read the configuration again, whether its files look changed or not."""
        self._refresh(force=True)

    def _step(self, waker: notifications.Listener) -> None:
        if self._files.due():
            self._refresh(force=False)
        catalog = self._live.catalog
        now = self._clock()
        answers = self._answers.due()
        if self._marked is not catalog:
            # at the start too: the catalog may have changed while no worker ran
            enter(self._engine, catalog, now)
            record_configuration(
                self._engine, catalog, self._live.files, now, host=gethostname(), differences=differences
            )
            marked = mark_open(self._engine, now, catalog)
            self._marked, answers = catalog, True
            self._log.info("configuration in force", digest=catalog.digest, open_services=marked)
        if answers:
            answer(self._engine, catalog, now)
            mark_untaken(self._engine, catalog, now)
        began = time.perf_counter()
        evaluated = evaluate(self._engine, catalog, now, limit=LIMIT, apart=self._apart, tracer=self._tracer)
        for span in evaluated.spans:
            span.end()
        # while another session has rows locked, waiting for them would hold up all other services each time
        self._apart = bool(evaluated.untaken)
        for service, error in evaluated.broken:
            self._metrics.broken.inc()
            self._log.error("the evaluation of a service failed, it is set aside", service=service, exc_info=error)
        self._lanes.count(evaluated.ended)
        self._stalled.look(evaluated)
        self._backlog.look(self._clock())
        if evaluated.services:
            self._metrics.services.inc(evaluated.services)
            self._metrics.flows.inc(evaluated.flows)
            self._metrics.commands.inc(evaluated.commands)
            self._metrics.round_seconds.observe(time.perf_counter() - began)
            self._log.debug(
                "evaluated", services=evaluated.services, flows=evaluated.flows, commands=evaluated.commands
            )
            if evaluated.more:
                return
        named = under(catalog, names_of(self._engine))
        self._findings.look(named, now)
        self._lanes.look(named, now)
        waker.wait(SHORTEST_WAIT if evaluated.more else wait_until(next_due(self._engine), self._clock()))

    def _refresh(self, *, force: bool) -> None:
        taken = self._live.refresh(force=force)
        problems = tuple(str(problem) for problem in self._live.problems)
        self._metrics.problems.set(len(problems))
        if problems != self._problems:
            self._problems = problems
            self._health.report("configuration", warnings=problems)
            if problems:
                self._metrics.reloads.count("broken")
            for problem in problems:
                self._log.error("configuration is broken, the last good one stays in force", problem=problem)
        if taken:
            self._metrics.reloads.count("taken")
        elif force and not problems:
            self._log.info("configuration read again, unchanged")
