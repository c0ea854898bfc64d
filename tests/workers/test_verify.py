"""`verify` on each database, against a real web server on loopback; the facts are put back as ingest does."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploydb.configuration import load
from deploydb.domain.gates.checked import Check, CheckedPromotion, Judged
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.requests import Answer, NoAnswer, Request
from deploydb.store import external_checks
from deploydb.store.tables import event, external_check
from tests.cluster import write_config
from tests.scenario import catalog
from tests.servers import until
from tests.servers.process import BUSY
from tests.web import web
from tests.workers.verify_bench import SOON, Bench
from tests.workers.verify_bench import bench as bench
from workers.verify import CONCURRENCY, GRACE_SECONDS, PER_HOST


def test_a_webhook_that_answers_as_expected_after_two_503_passes(bench: Bench) -> None:
    bench.configure(bench.webhook("/check/{service}?version={version}"))
    bench.web.reply("/check/foo", 503, 503, 200)
    bench.deployed("1.0 +&")
    with bench.working() as registry:
        bench.until_done()
    assert bench.web.paths() == ["/check/foo?version=1.0%20%2B%26"] * 3
    assert bench.facts() == [("pending", "503, expected 200"), ("passed", "200")]
    assert registry.get_sample_value("deploydb_checks_total", {"result": "pending"}) == 2
    assert registry.get_sample_value("deploydb_checks_total", {"result": "passed"}) == 1
    bench.heard()
    assert bench.verdicts() == [("PASS", "web passed: 200")]
    assert bench.world.statuses("1.0 +&")["dev"] == "SUCCESS"


@pytest.mark.parametrize("version", ["..", ".", "../..", "..\\\\"])
def test_a_version_that_moves_the_path_is_not_asked_with(bench: Bench, version: str) -> None:
    bench.configure(bench.webhook("/check/{version}/ready", retries=0))
    bench.deployed(version)
    with bench.working():
        until(lambda: bench.facts() != [], what="the result is published")
    assert bench.facts() == [("errored", "its URL has the path segment . or ..")]
    assert bench.web.asked == []


def test_each_stage_of_the_check_has_its_reason(bench: Bench) -> None:
    bench.configure(bench.webhook(interval=timedelta(hours=1)))
    bench.web.reply("/check", 503)
    bench.deployed()
    assert bench.verdicts() == [("PENDING", f"waits for web: {bench.web.url}/check is being asked")]
    with bench.working():
        until(lambda: bench.facts() != [], what="the first answer")
    bench.heard()
    assert bench.verdicts() == [("PENDING", "web: not yet: 503, expected 200")]


def test_a_webhook_that_never_answers_as_expected_fails_after_its_retries_and_quotes_the_answer(bench: Bench) -> None:
    bench.configure(bench.webhook(retries=2, expect=(200, 204)))
    bench.web.reply("/check", (500, b"out of \x1b[2Jmemory\n" + b"x" * 2000))
    bench.deployed()
    with bench.working():
        bench.until_done()
    assert len(bench.web.asked) == 3
    (pending, failed) = bench.facts()
    assert pending[0] == "pending"
    assert pending[1].startswith("500, expected 200 or 204: out of \\x1b[2Jmemory\\nxxx")
    assert failed[0] == "failed"
    assert failed[1].startswith("500, expected 200 or 204, after 3 attempts: out of \\x1b[2Jmemory\\nxxx")
    assert len(failed[1]) < 1200
    bench.heard()
    assert bench.world.statuses("1.0")["dev"] == "FAILED"


def test_a_post_has_the_values_as_json_text(bench: Bench) -> None:
    body = '{"service": "{service}", "version": "{version}", "n": {deployment}}'
    bench.configure(bench.webhook(method="POST", body=body, headers={"X-Token": "abc"}))
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
        until(lambda: bench.facts() == [("passed", "200")], seconds=15, what="the one that answers")
        until(lambda: "/hang" in bench.web.paths(), what="the other is asked")
        stopped_at = time.monotonic()
    assert time.monotonic() - stopped_at < GRACE_SECONDS + 2 * BUSY
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
            until(lambda: ("passed", "200") in bench.facts(), seconds=15, what="the other host is asked")
            assert 0 < bench.web.paths().count("/hang") <= PER_HOST


def test_a_worker_that_dies_between_the_answer_and_its_end_asks_again_and_it_counts_once(bench: Bench) -> None:
    bench.configure(bench.webhook())
    bench.web.reply("/check", 200)
    bench.deployed()
    (dead,) = external_checks.lease(bench.world.engine, datetime.now(UTC), limit=10, duration=lambda _: SOON)
    with bench.working():
        bench.until_done()
    assert len(bench.web.asked) == 1
    late = external_checks.CheckResult(lease=dead, due_at=None, last_report_key="passed")
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


def test_a_promotion_that_is_not_configured_here_is_logged_once_and_waits(bench: Bench) -> None:
    bench.configure(bench.webhook())
    bench.deployed()
    bench.live.catalog = catalog()
    with bench.working():
        until(_says(bench, "not asked: no such webhook or metric is configured"), what="the log to say so")
    assert (bench.web.asked, bench.facts(), bench.done()) == ([], [], False)


class Broken(CheckedPromotion, frozen=True, kw_only=True):
    """A gate of which every member breaks, but for its request when that is given."""

    asks: Request | None = None

    @property
    def answer_within(self) -> timedelta:
        raise KeyError("timeout")

    def request(self, deployment: Deployment) -> Request:
        if self.asks is None:
            raise KeyError("address")
        return self.asks

    def judge(self, check: Check, answer: Answer | NoAnswer, now: datetime) -> Judged:
        raise KeyError("status")


def test_a_gate_that_breaks_reports_it_and_stops_no_other_check(bench: Bench) -> None:
    unsent = Request(url=f"{bench.web.url}/odd", headers=(("X-Odd", "a\nb"),))
    bench.configure(Broken(ident="a"), Broken(ident="b", asks=unsent), bench.webhook())
    bench.web.reply("/check", 503, 200)
    bench.deployed()
    with bench.working():
        until(lambda: len(bench.facts()) == 4, what="all of them report")
    broken = ("errored", "the answer could not be judged: KeyError: 'status'")
    assert sorted(bench.facts()) == [broken, broken, ("passed", "200"), ("pending", "503, expected 200")]


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
            _, log = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, log
    assert json.loads(log.splitlines()[-1])["event"] == "given back"
    (slow,) = bench.world.rows(external_check)
    assert slow.due_at <= datetime.now(UTC)


def _says(bench: Bench, text: str) -> Callable[[], bool]:
    return lambda: text in bench.log.getvalue()
