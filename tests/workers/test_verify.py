"""`verify` on each database, asking a real web server on loopback; the facts are put back as ingest does."""

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from deploydb.configuration import load
from deploydb.domain.model.catalog import Catalog, Service
from deploydb.domain.model.promotions import (
    MetricPromotion,
    Promotion,
    WebhookPromotion,
)
from deploydb.domain.wording import text
from deploydb.egress import Client, EgressPolicy
from deploydb.http.health import Health
from deploydb.store import external_checks
from deploydb.store.record import record
from deploydb.store.tables import event, external_check, outbox, verdict
from deploydb.telemetry import open_log
from tests.cluster import write_config
from tests.scenario import Scenario, catalog
from tests.servers import until
from tests.web import Web, result, web
from workers.loop import RetryPolicy, run
from workers.signals import Signals
from workers.verify import CONCURRENCY, GRACE_SECONDS, PER_HOST, Verify

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

    def said(self, promotion: str = "web") -> list[tuple[str, str]]:
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
        return Verify(
            engine=self.world.engine,
            live=self.live,  # type: ignore[arg-type]
            outgoing=Client(EgressPolicy.parse(allow)),
            signals=signals,
            log=open_log("debug", name="verify", stream=self.log),
            registry=registry,
        )

    @contextmanager
    def working(self, allow: str = "127.0.0.1") -> Iterator[CollectorRegistry]:
        """A worker's loop in a thread, stopped as SIGTERM does at the end."""
        signals, health, registry = Signals(), Health(), CollectorRegistry()
        verify = self.worker(signals, registry, allow)
        patience = RetryPolicy(
            signals=signals, health=health, log=open_log("debug", name="verify", stream=self.log), registry=registry
        )
        errors: list[BaseException] = []

        def work() -> None:
            try:
                run(verify, signals=signals, patience=patience, log=open_log("debug", name="v", stream=self.log))
                verify.close()
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield registry
        finally:
            signals.stop()
            thread.join(timeout=10)
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


def test_a_webhook_that_answers_as_expected_after_two_503_passes(bench: Bench) -> None:
    bench.configure(bench.webhook("/check/{service}?version={version}"))
    bench.web.reply("/check/foo", 503, 503, 200)
    bench.deployed("1.0 +&")
    with bench.working() as registry:
        bench.until_done()
    assert bench.web.paths() == ["/check/foo?version=1.0%20%2B%26"] * 3
    assert bench.facts() == [("errored", "503, expected 200"), ("passed", "200")]
    assert registry.get_sample_value("deploydb_checks_total", {"result": "errored"}) == 2
    assert registry.get_sample_value("deploydb_checks_total", {"result": "passed"}) == 1
    bench.heard()
    assert bench.said() == [("PASS", "web passed: 200")]
    assert bench.world.statuses("1.0 +&")["dev"] == "SUCCESS"


@pytest.mark.parametrize("version", ["..", ".", "../..", "..\\\\"])
def test_a_version_that_moves_the_path_is_not_asked_with(bench: Bench, version: str) -> None:
    bench.configure(bench.webhook("/check/{version}/ready", retries=0))
    bench.deployed(version)
    with bench.working():
        until(lambda: bench.facts() != [], what="it is said")
    assert bench.facts() == [("errored", "its URL has the path segment . or ..")]
    assert bench.web.asked == []


def test_each_stage_of_the_asking_is_told_in_words(bench: Bench) -> None:
    bench.configure(bench.webhook(interval=timedelta(hours=1)))
    bench.web.reply("/check", 503)
    bench.deployed()
    assert bench.said() == [("PENDING", f"waits for web: {bench.web.url}/check is being asked")]
    with bench.working():
        until(lambda: bench.facts() != [], what="the first answer")
    bench.heard()
    assert bench.said() == [("ERROR", "web has no answer yet: 503, expected 200; it is asked again")]


def test_a_webhook_that_never_answers_as_expected_fails_after_its_retries_and_quotes_the_answer(bench: Bench) -> None:
    bench.configure(bench.webhook(retries=2, expect=(200, 204)))
    bench.web.reply("/check", (500, b"out of \x1b[2Jmemory\n" + b"x" * 2000))
    bench.deployed()
    with bench.working():
        bench.until_done()
    assert len(bench.web.asked) == 3
    (errored, failed) = bench.facts()
    assert errored == ("errored", "500, expected 200 or 204")
    assert failed[0] == "failed"
    assert failed[1].startswith("500, expected 200 or 204, after 3 attempts: out of \\x1b[2Jmemory\\nxxx")
    assert len(failed[1]) < 1200
    bench.heard()
    assert bench.world.statuses("1.0")["dev"] == "FAILED"


def test_a_post_has_the_values_as_json_text(bench: Bench) -> None:
    body = '{"service": "{service}", "version": "{version}", "n": {deployment}}'
    bench.configure(bench.webhook(method="POST", body=body, headers=(("X-Token", "abc"),)))
    bench.web.reply("/check", 200)
    bench.deployed('1"\\')
    with bench.working():
        bench.until_done()
    method, _, sent, headers = bench.web.asked[0]
    assert (method, headers["x-token"]) == ("POST", "abc")
    assert sent == b'{"service": "foo", "version": "1\\"\\\\", "n": 1}'


def test_a_hanging_endpoint_delays_no_other_probe_and_not_the_end(bench: Bench) -> None:
    bench.configure(bench.webhook("/hang", ident="slow"), bench.webhook())
    bench.web.reply("/check", 200)
    bench.deployed()
    with bench.working():
        until(lambda: bench.facts() == [("passed", "200")], seconds=5, what="the one that answers")
        until(lambda: "/hang" in bench.web.paths(), what="the other is asked")
        stopped_at = time.monotonic()
    assert time.monotonic() - stopped_at < GRACE_SECONDS + 2
    (slow,) = [row for row in bench.world.rows(external_check) if row.promotion == "slow"]
    assert (slow.done_at, slow.attempts) == (None, 0)
    assert slow.due_at <= datetime.now(UTC), "given back, so that another worker asks at once"


def test_one_host_gets_so_many_questions_at_a_time_and_others_are_asked_meanwhile(bench: Bench) -> None:
    many = [bench.webhook("/hang", ident=f"slow{number:02}") for number in range(CONCURRENCY + 5)]
    with web() as other:
        other.reply("/check", 200)
        bench.configure(*many, bench.webhook(url=f"http://localhost:{other.url.rpartition(':')[2]}/check"))
        bench.deployed()
        with bench.working("127.0.0.0/8,::1"):
            until(lambda: ("passed", "200") in bench.facts(), seconds=8, what="the other host is asked")
            assert 0 < bench.web.paths().count("/hang") <= PER_HOST


def test_a_worker_that_dies_between_the_answer_and_its_end_asks_again_and_it_counts_once(bench: Bench) -> None:
    bench.configure(bench.webhook())
    bench.web.reply("/check", 200)
    bench.deployed()
    (dead,) = external_checks.lease(bench.world.engine, datetime.now(UTC), limit=10, duration=lambda _: SOON)
    with bench.working():
        bench.until_done()
    assert len(bench.web.asked) == 1
    late = external_checks.Settlement(lease=dead, due_at=None, last_report_key="passed")
    assert not external_checks.settle(bench.world.engine, late, datetime.now(UTC), exchange="deploydb.events")
    assert bench.facts() == [("passed", "200")]
    bench.heard(times=2)
    assert [row.type for row in bench.world.rows(event)].count("verification.finished") == 1


def test_two_workers_side_by_side_ask_each_probe_once(bench: Bench) -> None:
    promotions = [bench.webhook(f"/check/{number}", ident=f"web{number}") for number in range(12)]
    bench.configure(*promotions)
    for number in range(12):
        bench.web.reply(f"/check/{number}", 200)
    bench.deployed()
    with bench.working(), bench.working():
        bench.until_done()
    assert sorted(bench.web.paths()) == sorted(f"/check/{number}" for number in range(12))
    assert len(bench.facts()) == 12


def test_what_is_not_allowed_is_not_asked_says_what_to_set_and_never_fails_for_it(bench: Bench) -> None:
    bench.configure(bench.webhook(retries=0))
    bench.deployed()
    with bench.working(allow="private") as registry:
        asked = "deploydb_checks_total"
        until(lambda: (registry.get_sample_value(asked, {"result": "errored"}) or 0) >= 3, what="three attempts")
    refused = "127.0.0.1 is a loopback address: not asked; to allow it, set DEPLOYDB_OUTGOING_ALLOW=127.0.0.1"
    assert bench.facts() == [("errored", refused)]
    assert bench.web.asked == []
    assert not bench.done()


def test_a_metric_passes_at_once_without_a_duration(bench: Bench) -> None:
    bench.configure(bench.metric(query='sum(errors{version="{version}", job=~"{service}.*"})'))
    bench.web.vector("0.07", "0.005")
    bench.deployed('1.0"\\x')
    with bench.working():
        bench.until_done()
    assert bench.web.queries() == ['sum(errors{version="1.0\\"\\\\x", job=~"foo.*"})'] * 2
    errored, passed = bench.facts()
    assert errored[0] == "errored"
    assert errored[1].startswith("0.07 at ")
    assert errored[1].endswith("UTC, must be below 0.01")
    assert passed == ("passed", "0.005, below 0.01")


def test_a_version_writes_no_promql_wherever_it_stands(bench: Bench) -> None:
    query = """errors{a="{version}", b='{version}', c=`{version}`, d=~"{version}"}"""
    bench.configure(bench.metric(query=query))
    bench.web.vector("0.005")
    bench.deployed("""'"`}.""")
    with bench.working():
        bench.until_done()
    (asked,) = bench.web.queries()
    assert asked == """errors{a="'\\"`}.", b='\\'"`}.', c="'\\"`}.", d=~"'\\"`\\\\}\\\\."}"""


def test_a_metric_must_stay_there_for_its_time_without_a_break(bench: Bench) -> None:
    bench.configure(bench.metric(for_=timedelta(seconds=1.5)))
    bench.web.vector("0.001", "0.001", "0.5", "0.002")
    bench.deployed()
    with bench.working():
        bench.until_done()
    assert len(bench.web.asked) >= 5
    *_, held, broke, again, passed = [reason for _, reason in bench.facts()]
    assert held.startswith("below 0.01 since ")
    assert held.endswith("UTC, must stay so for 1s")
    assert broke.startswith("0.5 at ")
    assert again.startswith("below 0.01 since ")
    assert passed == "0.002, below 0.01 for 1s"


def test_a_metric_that_does_not_get_there_in_time_fails_with_its_last_value(bench: Bench) -> None:
    bench.configure(bench.metric(timeout=timedelta(seconds=2)))
    bench.web.vector("0.5")
    bench.deployed()
    with bench.working():
        bench.until_done()
    assert bench.facts()[-1] == ("failed", "not within 2s: 0.5 at last, must be below 0.01")
    assert len(bench.facts()) == 2
    bench.heard()
    assert bench.world.statuses("1.0")["dev"] == "FAILED"


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, result("vector", []), "the query gives no value"),
        (200, result("vector", [{"value": [1, "1"]}, {"value": [1, "2"]}]), "the query gives 2 values, expected one"),
        (200, result("scalar", [1.5, "NaN"]), "the query gives NaN"),
        (200, result("matrix", []), "the query gives a matrix, expected one value"),
        (400, b'{"status":"error","errorType":"bad_data","error":"parse error"}', "Prometheus: 400: parse error"),
        (502, b"<html>", "Prometheus: 502, and no answer of its API"),
        (200, b"[" * 100_000, "Prometheus: 200, and no answer of its API"),
        (200, b" " * 2_000_000, "Prometheus: the answer is longer than 1024 KiB"),
        (200, result("scalar", [1, "words"]), "Prometheus: 200, and no answer of its API"),
    ],
)
def test_what_is_no_value_is_no_answer_yet(bench: Bench, status: int, body: bytes, reason: str) -> None:
    bench.configure(bench.metric())
    bench.web.reply("/api/v1/query", (status, body), (200, result("scalar", [1, "0"])))
    bench.deployed()
    with bench.working():
        bench.until_done()
    errored, passed = bench.facts()
    assert errored[0] == "errored"
    assert errored[1].startswith(reason)
    assert passed == ("passed", "0, below 0.01")


def test_a_deployment_that_is_over_is_no_longer_asked(bench: Bench) -> None:
    bench.configure(bench.webhook())
    bench.web.reply("/check", 200)
    bench.deployed()
    bench.world.tell("verification.finished", deployment=1, promotion="web", outcome="passed")
    bench.world.evaluate()
    assert bench.world.statuses("1.0")["dev"] == "SUCCESS"
    with bench.working():
        bench.until_done()
    assert (bench.web.asked, bench.facts()) == ([], [])
    assert "no longer asked: the deployment is over" in bench.log.getvalue()


def test_a_promotion_that_is_not_configured_here_is_said_once_and_waits(bench: Bench) -> None:
    bench.configure(bench.webhook())
    bench.deployed()
    bench.live.catalog = catalog()
    with bench.working():
        until(_says(bench, "not asked: no such webhook or metric is configured"), what="the log to say so")
    assert (bench.web.asked, bench.facts(), bench.done()) == ([], [], False)


def test_a_process_ends_well_within_ten_seconds_beside_a_hanging_endpoint(bench: Bench, tmp_path: Path) -> None:
    files = {
        "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main]\npromotions: [web]\n",
        "pipelines/main.yml": "environments:\n  dev:\n",
        "environments/dev.yml": "description: Development\n",
        "promotions/web.yml": f"type: WebhookPromotion\nurl: {bench.web.url}/hang\ntimeout: 5m\n",
    }
    config = write_config(tmp_path / "config", files)
    known = load(config).catalog
    assert known is not None
    bench.world.catalog = known
    bench.deployed()
    environment = {
        "DEPLOYDB_DATABASE_URL": bench.database_url,
        "DEPLOYDB_CONFIG": str(config),
        "DEPLOYDB_OUTGOING_ALLOW": "127.0.0.1",
    }
    command = [sys.executable, "-m", "workers", "verify", "--no-port"]
    with subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: bench.web.paths() == ["/hang"], what="the endpoint to be asked")
            process.terminate()
            _, log = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 0, log
    assert json.loads(log.splitlines()[-1])["event"] == "given back"
    (slow,) = bench.world.rows(external_check)
    assert slow.due_at <= datetime.now(UTC)


def _says(bench: Bench, text: str) -> Callable[[], bool]:
    return lambda: text in bench.log.getvalue()
