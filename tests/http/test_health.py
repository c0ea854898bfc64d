"""Looks at servers and disks, for readiness: each in time, each for itself."""

import threading

import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.testclient import TestClient

from deploydb.domain.model.errors import Transient
from deploydb.http import health
from deploydb.http.health import Health
from deploydb.http.metrics import add_readiness, metrics_route
from deploydb.redaction import redacted
from workers.health import WorkerHealth


@pytest.mark.parametrize("kind", [Health, WorkerHealth])
def test_a_look_that_does_not_answer_in_time_is_a_reason_and_none_once_it_does(
    kind: type[Health], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "ANSWER_WITHIN_SECONDS", 0.1)
    monkeypatch.setattr(health, "FRESH_SECONDS", 0.0)
    answers = threading.Event()
    looking = kind()
    if isinstance(looking, WorkerHealth):
        looking.succeeded()
    looking.check("database", lambda: answers.wait() and None)
    assert looking.ready().reasons == ("database: no answer within 0 s",)
    monkeypatch.setattr(health, "STUCK_SECONDS", 0.0)
    assert not looking.alive
    answers.set()
    monkeypatch.setattr(health, "ANSWER_WITHIN_SECONDS", 20)
    assert looking.ready().ready
    assert looking.alive


def test_the_error_of_a_look_is_its_reason_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = [Transient("the database is away"), OSError("no space left")]

    def fail() -> None:
        if errors:
            raise errors.pop(0)

    looking = Health()
    looking.check("database", fail)
    assert looking.ready().reasons == ("database: the database is away",)
    assert looking.ready().reasons == ("database: the database is away",)
    monkeypatch.setattr(health, "FRESH_SECONDS", 0.0)
    assert looking.ready().reasons == ("database: no space left",)
    assert looking.ready().ready


def test_slow_looks_are_waited_for_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ANSWER_WITHIN_SECONDS", 20)
    together = threading.Barrier(2)
    looking = Health()
    looking.check("database", lambda: together.wait(10) and None)
    looking.check("broker", lambda: together.wait(10) and None)
    assert looking.ready().ready


def test_a_defect_of_a_look_is_a_reason_without_secrets_and_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(health, "FRESH_SECONDS", 0.0)
    looking, registry = Health(redact=lambda text: redacted(text, ["secret-word"])), CollectorRegistry()
    looking.check("database", lambda: {}["secret-word"])
    add_readiness(registry, looking)
    client = TestClient(Starlette(routes=[*looking.routes(), metrics_route(registry)]))
    scraped = client.get("/metrics")
    assert (scraped.status_code, scraped.text.splitlines()[-1]) == (200, "deploydb_ready 0.0")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["database: the look at it failed: KeyError('***')"]
    (logged,) = (record for record in caplog.records if record.name == health.__name__)
    assert logged.getMessage() == "the look at database failed"
    assert logged.exc_info is not None
