"""Health, metrics, and what clients see when the database or the service itself is in trouble."""

from pathlib import Path
from threading import Event

import pytest

from deploydb.http import health
from deploydb.query.resources import health as looks
from tests.query.client import Service
from tests.scenario import Scenario
from tests.servers import PostgreSQL

HEALTHY = '{"database":{"healthy":true},"migrations":{"healthy":true},"configuration":{"healthy":true}}'


def test_each_check_by_name(service: Service) -> None:
    answer = service.ask("/healthcheck")
    assert (answer.status_code, answer.text) == (200, HEALTHY)
    assert service.get("/healthz") == {"alive": True}
    assert service.get("/readyz") == {"ready": True, "reasons": [], "warnings": []}


def test_a_broken_configuration_is_unhealthy_and_still_ready(embedded: Service) -> None:
    embedded.problems.append("config/services/foo.yml:3:1: expected a list")
    answer = embedded.ask("/healthcheck")
    assert answer.status_code == 500
    assert answer.json()["configuration"] == {
        "healthy": False,
        "message": "broken, the last good one is in use: config/services/foo.yml:3:1: expected a list",
    }
    assert embedded.get("/readyz")["ready"]
    assert embedded.get("/api/services")


def test_a_database_without_the_tables_is_not_ready(tmp_path: Path) -> None:
    with Scenario(f"sqlite:///{tmp_path}/empty.db") as world, Service(world) as service:
        checks = service.ask("/healthcheck")
        assert checks.status_code == 500
        assert checks.json()["database"] == {"healthy": True}
        assert checks.json()["migrations"] == {
            "healthy": False,
            "message": "the database is empty: run `deploydb db migrate`",
        }
        assert service.ask("/readyz").status_code == 503
        assert service.refusal("/api/deployments") == (503, "the database cannot be asked at the moment: try again")


@pytest.mark.servers
def test_while_the_database_is_away_the_answer_is_to_try_again_and_then_it_goes_on(own_postgresql: PostgreSQL) -> None:
    url = own_postgresql.create_database("away")
    with Scenario(url) as world, Service(world) as service:
        own_postgresql.stop()
        answer = service.ask("/api/deployments/1")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "127.0.0.1" not in answer.text
        checks = service.ask("/healthcheck")
        assert checks.status_code == 500
        assert checks.json()["database"] == {"healthy": False, "message": "the database is away or busy"}
        assert service.get("/healthz") == {"alive": True}
        assert service.get("/api/services")
        own_postgresql.start()
        assert service.refusal("/api/deployments/1")[0] == 503  # there again, and empty


def test_a_look_at_the_database_that_never_ends_is_seen_by_liveness(
    embedded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = Event()
    monkeypatch.setattr(health, "ANSWER_WITHIN_SECONDS", 0.1)
    monkeypatch.setattr(health, "STUCK_SECONDS", 0.0)
    monkeypatch.setattr(looks, "require_current", lambda _engine: ends.wait())
    try:
        assert embedded.ask("/healthz").status_code == 200
        assert embedded.ask("/readyz").status_code == 503
        assert embedded.ask("/healthz").status_code == 503
    finally:
        ends.set()


def test_an_error_of_ours_tells_the_client_nothing_of_the_inside(
    embedded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall_over(*_: object, **__: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr("deploydb.query.resources.artifacts.artifact_by_id", fall_over)
    code, message = embedded.refusal("/api/artifacts/1")
    assert code == 500
    assert "secret" not in message
    assert "Traceback" not in message


def test_requests_are_counted_by_route_and_status(embedded: Service) -> None:
    for path in ("/api/artifacts/1", "/api/artifacts/2", "/api/artifacts/x", "/api/services", "/no/such/path"):
        embedded.ask(path)
    embedded.ask("/api/services", method="POST")
    answer = embedded.ask("/metrics").text
    for line in (
        'deploydb_query_requests_total{route="/api/artifacts/{id}",status="404"} 2.0',
        'deploydb_query_requests_total{route="/api/artifacts/{id}",status="400"} 1.0',
        'deploydb_query_requests_total{route="/api/services",status="200"} 1.0',
        'deploydb_query_requests_total{route="/api/services",status="405"} 1.0',
        'deploydb_query_requests_total{route="none",status="404"} 1.0',
        'deploydb_query_request_seconds_count{route="/api/services",status="200"} 1.0',
    ):
        assert line in answer.splitlines()
