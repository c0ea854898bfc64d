"""Is my commit in prod?"""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.query.client import Service
from tests.scenario import Scenario, catalog

COMMIT = "4f9c1d2e3a4b5c6d7e8f90112233445566778899"
DIGEST = "sha256:" + "ab" * 32
PURL = "pkg:maven/com.example/foo@1.0"


@pytest.fixture(autouse=True)
def released(world: Scenario) -> None:
    """1.0 runs in dev and prod."""
    world.catalog = catalog()
    world.publish("1.0", artifact={"commit": COMMIT, "digest": DIGEST, "purl": PURL})
    world.evaluate()
    for _ in range(2):
        (command,) = world.deploy()
        world.tell("verification.finished", deployment=command.deployment, promotion="smoke", outcome="passed")
        world.evaluate()


def states(service: Service, what: str) -> list[tuple[str, str, str]]:
    (found,) = service.get(f"/api/where/{quote(what)}")["artifacts"]
    return [(place["environment"], place["state"], place["status"]) for place in found["places"]]


@pytest.mark.parametrize("what", [COMMIT, COMMIT[:7], COMMIT.upper(), DIGEST, PURL, "com.example:foo:1.0", "1.0"])
def test_it_is_found_by_any_of_its_names(service: Service, what: str) -> None:
    assert states(service, what) == [("dev", "runs", "SUCCESS"), ("prod", "runs", "SUCCESS")]


def test_the_whole_answer(service: Service) -> None:
    body = service.get(f"/api/where/{COMMIT}")
    assert (body["what"], body["more"]) == (COMMIT, False)
    (found,) = body["artifacts"]
    assert {key: found[key] for key in ("id", "module", "version", "commit", "digest", "purl", "publishedAt")} == {
        "id": 1,
        "module": "com.example:foo",
        "version": "1.0",
        "commit": COMMIT,
        "digest": DIGEST,
        "purl": PURL,
        "publishedAt": "2026-11-22T12:00:00+00:00",
    }
    assert found["places"][1] == {
        "service": "foo",
        "environment": "prod",
        "state": "runs",
        "deployment": 2,
        "status": "SUCCESS",
        "reason": {
            "code": "gates_passed",
            "params": {"reasons": [{"code": "jobs_passed", "reports": [{"job": "smoke"}]}]},
            "text": "smoke passed",
        },
        "since": "2026-11-22T12:00:00+00:00",
        "until": None,
        "now": None,
    }


def test_what_was_replaced_is_reported_with_what_runs_instead(world: Scenario, service: Service) -> None:
    world.now += timedelta(hours=1)
    world.publish("1.1", artifact={"commit": "5" * 40})
    world.evaluate()
    world.deploy()
    (found,) = service.get(f"/api/where/{COMMIT}")["artifacts"]
    dev: dict[str, Any] = found["places"][0]
    assert (dev["state"], dev["until"]) == ("ran", "2026-11-22T13:00:00+00:00")
    assert dev["now"] == {"version": "1.1", "since": "2026-11-22T13:00:00+00:00", "newer": True}
    assert states(service, "1.1") == [("dev", "runs", "COMPLETED"), ("prod", "coming", "NOT_STARTED")]


def test_what_never_came_is_reported_with_the_reason(world: Scenario, service: Service) -> None:
    world.now += timedelta(hours=1)
    world.publish("1.1")
    world.evaluate()
    world.deploy("failed")
    assert states(service, "1.1") == [("dev", "failed", "FAILED"), ("prod", "not there", "NOT_STARTED")]
    world.now += timedelta(hours=1)
    world.publish("1.2")
    world.evaluate()
    world.deploy()
    assert states(service, "1.1") == [("dev", "failed", "FAILED"), ("prod", "skipped", "SKIPPED")]


def test_a_beginning_that_several_commits_have_finds_each(world: Scenario, service: Service) -> None:
    world.publish("1.1", artifact={"commit": COMMIT[:39] + "f"})
    world.publish("1.2", artifact={"commit": "4f9c1d3" + "0" * 33})
    found = service.get(f"/api/where/{COMMIT[:8]}")["artifacts"]
    assert [one["version"] for one in found] == ["1.1", "1.0"]
    assert [one["version"] for one in service.get(f"/api/where/{COMMIT[:39]}f")["artifacts"]] == ["1.1"]


@pytest.mark.parametrize(
    "what",
    ["4f9c1d3", "4f9c1d2f", "9.9", "com.example:foo:9.9", "pkg:maven/x/y@1", "pkg:" + "x" * 3000, "a:b", "::", "%"],
)
def test_an_unknown_name_says_how_to_ask(service: Service, what: str) -> None:
    code, message = service.refusal(f"/api/where/{quote(what)}")
    assert code == 404
    assert "GROUP:NAME:VERSION" in message
