"""The life of a worker: sessions, steps, retry_policy, stopping; and what it says of itself meanwhile."""

import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from deploydb.domain.model.errors import Misconfigured, NotAllowed, Transient
from deploydb.telemetry import Log, open_log
from workers.health import HealthServer, WorkerHealth
from workers.loop import RetryPolicy, run
from workers.signals import Signals


class Scripted:
    """A worker whose steps are given: each is an error to raise, or a call."""

    def __init__(
        self, *steps: Exception | Callable[[], None], idle: bool = True, refusal: Exception | None = None
    ) -> None:
        self._refusal = refusal
        self.idle = idle
        self.sessions = 0
        self.reloads = 0
        self.open = False
        self._steps = iter(steps)

    @contextmanager
    def session(self) -> Iterator[Callable[[], None]]:
        self.sessions += 1
        if self._refusal is not None:
            raise self._refusal
        self.open = True
        try:
            yield self._step
        finally:
            self.open = False

    def reload(self) -> None:
        self.reloads += 1

    def _step(self) -> None:
        step = next(self._steps)
        if isinstance(step, Exception):
            raise step
        step()


class Surroundings:
    def __init__(self) -> None:
        self.output = io.StringIO()
        self.log: Log = open_log("info", name="test", stream=self.output)
        self.signals = Signals()
        self.health = WorkerHealth()
        self.registry = CollectorRegistry()
        self.retry_policy = RetryPolicy(signals=self.signals, health=self.health, log=self.log, registry=self.registry)

    def run(self, worker: Scripted) -> None:
        run(worker, signals=self.signals, retry_policy=self.retry_policy, log=self.log)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]


@pytest.fixture
def around() -> Surroundings:
    return Surroundings()


def test_a_transient_error_opens_a_new_session_and_is_logged_once(around: Surroundings) -> None:
    worker = Scripted(Transient("broker away"), Transient("broker away"), lambda: None, around.signals.stop)
    around.run(worker)
    assert worker.sessions == 3
    assert not worker.open
    statement = [(line["event"], line.get("error")) for line in around.lines()]
    assert statement == [("trying again", "broker away"), ("working again", None), ("stopped", None)]
    assert around.registry.get_sample_value("deploydb_worker_transient_errors_total") == 2


def test_a_worker_that_is_not_ready_says_why_and_is_ready_again_after_a_step(around: Surroundings) -> None:
    seen: list[tuple[bool, tuple[str, ...]]] = []

    def look() -> None:
        seen.append((around.health.ready().ready, around.health.ready().reasons))

    worker = Scripted(look, Transient("database away"), look, look, around.signals.stop)
    assert around.health.ready().reasons == ("starting: not connected yet",)
    around.run(worker)
    assert seen == [(True, ()), (False, ("database away",)), (True, ())]


def test_a_misconfigured_worker_ends(around: Surroundings) -> None:
    worker = Scripted(Misconfigured("no such queue"))
    with pytest.raises(Misconfigured, match="no such queue"):
        around.run(worker)
    assert not worker.open


def test_a_login_that_is_refused_ends_a_worker_at_the_start_and_is_waited_out_later(around: Surroundings) -> None:
    with pytest.raises(NotAllowed, match="wrong password"):
        around.run(Scripted(refusal=NotAllowed("wrong password")))
    seen: list[tuple[str, ...]] = []
    worker = Scripted(lambda: None, NotAllowed("wrong password"), lambda: None, around.signals.stop)
    around.retry_policy.on_failure(lambda: seen.append(around.health.ready().reasons))
    around.run(worker)
    assert worker.sessions == 2
    assert seen == [("wrong password",)]


def test_an_error_of_the_operating_system_is_waited_out(around: Surroundings) -> None:
    worker = Scripted(ConnectionResetError("reset by peer"), lambda: None, around.signals.stop)
    around.run(worker)
    assert worker.sessions == 2


def test_a_stopping_worker_finishes_its_step_and_closes_its_session(around: Surroundings) -> None:
    done: list[str] = []

    def step() -> None:
        around.signals.stop()
        done.append("whole")

    worker = Scripted(step)
    around.run(worker)
    assert done == ["whole"]
    assert not worker.open


def test_a_worker_with_something_under_way_goes_on_until_it_is_idle(around: Surroundings) -> None:
    def finish() -> None:
        worker.idle = True

    worker = Scripted(around.signals.stop, lambda: None, Transient("blink"), finish, idle=False)
    around.run(worker)
    assert worker.idle


def test_a_stopping_worker_while_the_broker_is_away_ends_at_once(around: Surroundings) -> None:
    def fail() -> None:
        around.signals.stop()
        raise Transient("broker away")

    worker = Scripted(fail)
    around.run(worker)
    assert worker.sessions == 1
    assert around.lines()[-2]["event"] == "stopped while waiting"


def test_sighup_reloads_once_before_the_next_step(around: Surroundings) -> None:
    worker = Scripted(around.signals.hang_up, lambda: None, lambda: None, around.signals.stop)
    around.run(worker)
    assert worker.reloads == 1


def test_a_worker_waiting_between_attempts_keeps_something_alive(around: Surroundings) -> None:
    kept: list[str] = []
    for attempt in around.retry_policy.attempts(meanwhile=lambda: kept.append("alive")):
        with attempt:
            if attempt.retry_state.attempt_number < 3:
                raise Transient("away")
    assert len(kept) >= 2


def _get(server: HealthServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{server.host}:{server.port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_probes_and_metrics_are_served(around: Surroundings) -> None:
    with HealthServer(around.health, around.registry, host="127.0.0.1", port=0, log=around.log) as server:
        starting = '{"ready":false,"reasons":["starting: not connected yet"],"warnings":[]}'
        assert _get(server, "/readyz") == (503, starting)
        around.health.succeeded()
        around.health.report("configuration", warnings=["config/services/a.yml:1:1: broken"])
        assert _get(server, "/readyz") == (
            200,
            '{"ready":true,"reasons":[],"warnings":["configuration: config/services/a.yml:1:1: broken"]}',
        )
        assert _get(server, "/healthz") == (200, '{"alive":true}')
        assert _get(server, "/nowhere")[0] == 404
        status, body = _get(server, "/metrics")
        assert status == 200
        assert "deploydb_worker_transient_errors_total 0.0" in body


def test_a_port_that_is_taken_is_reported_with_what_to_do(around: Surroundings) -> None:
    with (
        HealthServer(around.health, around.registry, host="127.0.0.1", port=0, log=around.log) as server,
        pytest.raises(Misconfigured, match=rf"cannot listen on 127.0.0.1:{server.port}: .*--no-port"),
    ):
        HealthServer(around.health, around.registry, host="127.0.0.1", port=server.port, log=around.log)


def test_a_loop_that_does_not_come_round_is_neither_ready_nor_alive() -> None:
    now = [1000.0]
    health = WorkerHealth(clock=lambda: now[0])
    health.succeeded()
    now[0] += 3
    assert health.ready().ready
    now[0] += 1
    assert health.ready().reasons == ("no progress for 4 s: a step hangs, or is slow",)
    assert health.alive
    health.beat()
    assert health.ready().ready
    now[0] += 130
    assert not health.alive


def test_each_source_reports_reasons_and_warnings_for_itself_alone() -> None:
    health = WorkerHealth()
    health.succeeded()
    health.report("broker", reasons=["blocked by an alarm"])
    health.report("services", reasons=["foo is set aside"], warnings=["bar is slow"])
    assert health.ready().reasons == ("broker: blocked by an alarm", "services: foo is set aside")
    assert health.ready().warnings == ("services: bar is slow",)
    health.report("services")
    health.succeeded()
    assert health.ready().reasons == ("broker: blocked by an alarm",)
    health.report("broker")
    assert health.ready().ready
