"""Why at a time of the past."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from tests.query.client import Service
from tests.query.why_steps import smoke, to_staging
from tests.query.why_steps import world as world
from tests.scenario import Scenario


def then(service: Service, at: str, version: str = "1.4.0", environment: str = "prod") -> Any:
    return service.get(f"/api/why/foo/{environment}?version={version}&at={quote(at)}")


def test_its_explanation_then(world: Scenario, service: Service) -> None:
    to_staging(world)
    world.now += timedelta(minutes=10)
    smoke(world, 2)
    world.evaluate(hours=2)
    world.tell("approval.given", deployment=2, promotion="go", by="alice")
    world.evaluate(minutes=5)
    world.deploy()
    answer = then(service, "2026-11-22T13:01:00+01:00")
    assert "releasing" not in answer
    assert answer["at"] == "2026-11-22T12:01:00+00:00"
    assert answer["answer"] == (
        "1.4.0 is not in prod: in staging it waits for smoke to report; soaks once smoke passed (soak)"
    )
    answer = then(service, "2026-11-22T12:30:00Z")
    assert answer["answer"] == "1.4.0 is not in prod: in staging it soaks for 2h, until 2026-11-22 14:10:00 UTC (soak)"
    staging = answer["stages"][1]
    assert (staging["status"], staging["gates"][0]["verdict"]) == ("COMPLETED", "PASS")
    assert staging["gates"][0]["decidedAt"] == "2026-11-22T12:10:00+00:00"
    assert staging["gates"][0]["catalog"] == "test"
    assert len(staging["gates"][0]["inputs"]) == 1
    assert then(service, "2026-11-22T12:30:00Z", environment="staging")["answer"].startswith(
        "1.4.0 is in staging since 2026-11-22 12:00:00 UTC and is not verified yet: soaks"
    )


def test_a_bar_of_the_past_is_as_far_as_it_was_then(world: Scenario, service: Service) -> None:
    world.publish("1.4.0")
    world.evaluate()
    world.evaluate(minutes=30)
    page = service.ask("/why/foo/dev?version=1.4.0&at=2026-11-22T12:10:00Z", accept="text/html").text
    assert 'max="3600" value="600"' in page


def test_a_time_before_anything_or_that_is_none(world: Scenario, service: Service) -> None:
    to_staging(world)
    assert service.refusal("/api/why/foo/prod?at=2026-11-22T11:00:00Z") == (
        404,
        "at 2026-11-22T11:00:00+00:00 nothing was known of any foo in prod",
    )
    assert service.refusal("/api/why/foo/prod?at=yesterday")[0] == 400
    assert service.refusal("/api/why/foo/prod?at=2026-11-22T11:00:00")[0] == 400
    assert service.refusal("/api/why/foo/prod?at=2036-11-22T11:00:00Z")[0] == 404


def test_the_file_then_is_the_one_that_stood_before_another_was_accepted(world: Scenario, service: Service) -> None:
    to_staging(world)
    file = {"group": "com.example", "name": "foo", "version": "1.4.0"}
    before = then(service, "2026-11-22T12:00:00Z")["digest"]
    world.now += timedelta(minutes=10)
    world.tell("artifact.published", artifact=file | {"digest": "sha256:other"}, source="other")
    world.now += timedelta(minutes=10)
    world.tell("artifact.accepted", artifact=file | {"digest": "sha256:other"}, by="ann", reason="moved")
    world.evaluate(minutes=10)
    assert before != "sha256:other"
    assert then(service, "2026-11-22T12:15:00Z")["digest"] == before
    assert then(service, "2026-11-22T12:25:00Z")["digest"] == "sha256:other"
    assert service.get("/api/why/foo/prod?version=1.4.0")["digest"] == "sha256:other"
