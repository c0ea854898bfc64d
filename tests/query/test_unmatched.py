"""Facts that match nothing are visible: in their list, and where they explain a wait."""

from typing import Any

import pytest
from msgspec.structs import replace

from deploydb.query import near_misses
from tests.query.client import Service
from tests.query.why_steps import answer, to_prod, to_staging
from tests.query.why_steps import world as world
from tests.scenario import Scenario


def report(world: Scenario, environment: str = "staging", promotion: str = "smoke", **fields: Any) -> None:
    lane = {"service": "foo", "environment": environment, "version": "1.4.0"} | fields
    world.tell("verification.finished", **lane, promotion=promotion, outcome="passed")
    world.evaluate()


def test_a_report_for_an_unknown_environment_is_listed_with_the_nearest_name(service: Service, world: Scenario) -> None:
    to_staging(world)
    report(world, "Staging")
    (fact,) = service.get("/api/unmatched")["unmatched"]
    assert (fact["type"], fact["environment"], fact["promotion"]) == ("verification.finished", "Staging", "smoke")
    assert fact["why"] == "no deployment of foo 1.4.0 to Staging; did you mean staging?"
    assert service.get("/api/unmatched?environment=Staging")["unmatched"] == [fact]
    assert service.get("/api/unmatched?environment=staging")["unmatched"] == []


def test_a_report_for_an_unknown_promotion_is_unmatched_too(service: Service, world: Scenario) -> None:
    to_staging(world)
    report(world, promotion="smok")
    (fact,) = service.get("/api/unmatched")["unmatched"]
    assert fact["why"] == "no promotion smok of foo in staging; did you mean smoke?"
    assert fact["deployment"] == 2
    assert service.get("/api/operations")["unmatched"] == 1
    (entry,) = service.get("/api/inbox?kind=unmatched")["entries"]
    assert entry["text"].startswith(
        "1 fact matches nothing: no promotion smok of foo in staging; did you mean smoke? (verif"
    )


def test_a_vote_for_an_unknown_promotion_is_unmatched_when_the_release_is_through(
    service: Service, world: Scenario
) -> None:
    to_prod(world)
    assert service.get("/api/unmatched")["unmatched"] == []
    world.tell("approval.given", deployment=3, promotion="goo", by="alice")
    world.evaluate()
    (fact,) = service.get("/api/unmatched?service=foo")["unmatched"]
    assert (fact["promotion"], fact["environment"]) == ("goo", "prod")


def test_a_promotion_that_was_asked_and_is_no_longer_configured_is_not_unmatched(
    service: Service, world: Scenario
) -> None:
    to_staging(world)
    report(world)
    world.catalog.services["foo"] = replace(world.catalog.services["foo"], promotions=())
    assert service.get("/api/unmatched")["unmatched"] == []


def test_an_early_fact_is_listed_until_its_deployment_is_there(service: Service, world: Scenario) -> None:
    report(world, "dev")
    assert len(service.get("/api/unmatched")["unmatched"]) == 1
    to_staging(world)
    assert service.get("/api/unmatched")["unmatched"] == []


def test_why_shows_the_report_under_another_name(service: Service, world: Scenario) -> None:
    to_staging(world)
    report(world, "Staging")
    assert answer(service).endswith("; smoke reported for Staging; this environment is staging")
    (miss,) = service.get("/api/why/foo/prod")["nearMisses"]
    assert miss["code"] == "reported_elsewhere"
    assert miss["params"] == {
        "what": "smoke",
        "field": "environment",
        "reported": "Staging",
        "expected": "staging",
        "source": "tests",
    }
    report(world)
    assert "nearMisses" not in service.get("/api/why/foo/prod")


def test_why_shows_other_spellings_of_service_version_and_promotion(service: Service, world: Scenario) -> None:
    to_staging(world)
    report(world, promotion="smoke-test")
    report(world, version="v1.4.0")
    report(world, service="Foo")
    report(world, version="1.4.1")
    report(world, "dev2", promotion="other")
    assert [miss["text"] for miss in service.get("/api/why/foo/prod")["nearMisses"]] == [
        "smoke reported for Foo; this service is foo",
        "smoke reported for v1.4.0; this version is 1.4.0",
        "smoke-test reported; this promotion is smoke",
    ]


def test_the_newest_of_near_misses_are_shown_whatever_is_misspelt(
    service: Service, world: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_misses, "_LOOKED_BACK", 3)
    to_staging(world)
    for version in ("v1.4.0", "V1.4.0", "1-4.0"):
        report(world, version=version)
    report(world, promotion="smoke-test")
    for other in range(4):  # about another service: they take no place
        report(world, "qa", service="bar", version=f"{other}")
    misses = service.get("/api/why/foo/prod")["nearMisses"]
    assert [miss["params"]["reported"] for miss in misses] == ["smoke-test", "V1.4.0", "v1.4.0"]


def test_a_near_miss_is_shown_however_many_facts_about_others_came_after_it(
    service: Service, world: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_misses, "_LOOKED_BACK", 1)
    to_staging(world)
    report(world, "Staging")
    report(world, version="v1.4.0")
    report(world, service="Foo")
    report(world, "qa", service="bar", version="2")
    misses = service.get("/api/why/foo/prod")["nearMisses"]
    assert [miss["params"]["reported"] for miss in misses] == ["Foo", "v1.4.0", "Staging"]


def test_why_shows_a_finish_that_was_reported_for_another_name(service: Service, world: Scenario) -> None:
    world.publish("1.4.0")
    world.evaluate()
    world.tell("deployment.finished", service="foo", environment="DEV", version="1.4.0", outcome="succeeded")
    world.evaluate()
    assert answer(service, "dev").endswith("; the finish reported for DEV; this environment is dev")
