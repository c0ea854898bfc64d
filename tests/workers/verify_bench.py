"""A scenario whose service asks for promotions, a web server, and `verify` workers."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from prometheus_client import CollectorRegistry

from deploydb.domain.gates.metric import MetricPromotion
from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.gates.webhook import WebhookPromotion
from deploydb.domain.model.catalog import Catalog, Service
from deploydb.domain.wording import text
from deploydb.egress import Client, EgressPolicy
from deploydb.store.record import record
from deploydb.store.tables import external_check, outbox, verdict
from deploydb.telemetry import open_log
from tests.scenario import Scenario, catalog
from tests.servers import until
from tests.web import Web, web
from workers.health import WorkerHealth
from workers.loop import RetryPolicy, run
from workers.process import Process
from workers.signals import Signals
from workers.verify import Verify

SOON = timedelta(milliseconds=100)


class Still:
    """A configuration that a test changes."""

    def __init__(self, known: Catalog) -> None:
        self.catalog = known

    def refresh(self, force: bool = False) -> bool:
        return force and False


class Bench:
    """A world whose service foo asks for some promotions in dev, a web server, and workers."""

    def __init__(self, database_url: str, server: Web) -> None:
        self.database_url = database_url
        self.web = server
        self.world = Scenario(database_url)
        self.world.now = datetime.now(UTC)
        self.live = Still(self.world.catalog)
        self.log = io.StringIO()
        self._published = 0

    def configure(self, *promotions: Promotion) -> None:
        foo = Service(
            ident="foo",
            artifacts=("com.example:foo",),
            pipelines=("main",),
            promotions=tuple(promotion.ident for promotion in promotions),
        )
        self.live.catalog = self.world.catalog = catalog(foo, promotions=promotions)

    def webhook(self, path: str = "/check", **fields: Any) -> WebhookPromotion:
        fields = {"interval": SOON, "timeout": timedelta(seconds=20)} | fields
        return WebhookPromotion(**{"ident": "web", "url": self.web.url + path} | fields)

    def metric(self, **fields: Any) -> MetricPromotion:
        given = {"ident": "errors", "prometheus": self.web.url, "query": "errors", "below": 0.01, "interval": SOON}
        return MetricPromotion(**given | fields)

    def deployed(self, version: str = "1.0") -> None:
        """A version runs in dev, and its gates ask."""
        self.world.publish(version)
        self.world.now = datetime.now(UTC)
        self.world.evaluate()
        self.world.deploy()

    def facts(self) -> list[tuple[str, str]]:
        """What verify has published so far, outcome and reason."""
        return [(fact.outcome, fact.reason) for fact in self._facts()]  # type: ignore[attr-defined]

    def _facts(self) -> list[object]:
        rows = [row for row in self.world.rows(outbox) if row.exchange == "deploydb.events"]
        return [self.world.arrival(row.body.encode()).fact for row in rows]

    def heard(self, *, times: int = 1) -> None:
        """Ingest and promotion see what was published."""
        now = self.world.now = datetime.now(UTC)
        bodies = [row.body.encode() for row in self.world.rows(outbox) if row.exchange == "deploydb.events"]
        record(self.world.engine, [self.world.arrival(body) for body in bodies for _ in range(times)], now)
        self.world.evaluate()

    def verdicts(self, promotion: str = "web") -> list[tuple[str, str]]:
        """The verdicts on it, as people read them."""
        return [
            (row.outcome, text(row.reason))
            for row in self.world.rows(verdict)
            if row.promotion == promotion and row.outcome
        ]

    def done(self) -> bool:
        return all(row.done_at is not None for row in self.world.rows(external_check))

    def until_done(self) -> None:
        until(self.done, what="every probe to be done")

    def worker(self, signals: Signals, registry: CollectorRegistry, allow: str) -> Verify:
        log = open_log("debug", name="verify", stream=self.log)
        around = Mock(spec=Process, signals=signals, log=log, registry=registry)
        outgoing = Client(EgressPolicy.parse(allow))
        return Verify(around, engine=self.world.engine, live=self.live, outgoing=outgoing)  # type: ignore[arg-type]

    @contextmanager
    def working(self, allow: str = "127.0.0.1") -> Iterator[CollectorRegistry]:
        """A worker's loop in a thread, stopped as SIGTERM does at the end."""
        signals, health, registry = Signals(), WorkerHealth(), CollectorRegistry()
        verify = self.worker(signals, registry, allow)
        retry_policy = RetryPolicy(
            signals=signals, health=health, log=open_log("debug", name="verify", stream=self.log), registry=registry
        )
        errors: list[BaseException] = []

        def work() -> None:
            try:
                run(
                    verify, signals=signals, retry_policy=retry_policy, log=open_log("debug", name="v", stream=self.log)
                )
                verify.close()
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield registry
        finally:
            signals.stop()
            thread.join(timeout=60)
            assert not thread.is_alive()
            assert errors == []


@pytest.fixture
def bench(database_url: str) -> Iterator[Bench]:
    with web() as server:
        made = Bench(database_url, server)
        try:
            yield made
        finally:
            server.released.set()
            until(lambda: not any(thread.name.startswith("asks ") for thread in threading.enumerate()), what="the end")
            made.world.engine.dispose()
