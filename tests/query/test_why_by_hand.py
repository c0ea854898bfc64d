"""Why, of versions that people put there, or sent past stages, by hand."""

from tests.query.client import Service
from tests.query.why_steps import answer, to_staging
from tests.query.why_steps import world as world
from tests.scenario import Scenario


def test_a_deployment_without_a_command_is_shown_as_it_was_seen(world: Scenario, service: Service) -> None:
    seen = {"group": "com.example", "name": "foo", "version": "0.9"}
    world.tell("deployment.observed", service="foo", environment="prod", artifact=seen, by="bob", reason="hotfix")
    world.evaluate()
    assert answer(service) == "0.9 is in prod since 2026-11-22 12:00:00 UTC: observed, by bob: hotfix"
    assert service.get("/api/why/foo/prod?version=0.9")["stages"][0]["gates"] == []


def test_a_version_that_was_put_there_by_hand_is_there(world: Scenario, service: Service) -> None:
    world.publish("1.4.0")
    world.evaluate()
    seen = {"group": "com.example", "name": "foo", "version": "1.4.0"}
    world.tell("deployment.observed", service="foo", environment="prod", artifact=seen, by="bob", reason="fire")
    world.evaluate()
    assert answer(service) == "1.4.0 is in prod since 2026-11-22 12:00:00 UTC: observed, by bob: fire"


def test_what_a_hotfix_passes_by_holds_nothing(world: Scenario, service: Service) -> None:
    to_staging(world)
    world.tell("hold.placed", kind="pin", service="foo", environment="prod", version="1.0", by="alice", reason="audit")
    world.tell("hotfix.declared", service="foo", version="1.4.0", by="sue", reason="fire", skip=["dev", "staging"])
    world.evaluate()
    assert answer(service) == "1.4.0 is not in prod: at its door pinned to 1.0 by alice: audit"
    world.publish("1.5.0")
    world.tell("hotfix.declared", service="foo", version="1.5.0", by="sue", reason="fire", skip=["staging"])
    world.evaluate()
    world.deploy()
    assert answer(service) == "1.5.0 is not in prod: in dev it waits for smoke to report"


def test_what_a_person_promotes_past_holds_nothing_in_that_lane_and_everything_elsewhere(
    world: Scenario, service: Service
) -> None:
    to_staging(world)
    world.tell("hold.placed", kind="pin", service="foo", environment="prod", version="1.0", by="alice", reason="audit")
    lane = {"service": "foo", "environment": "prod", "version": "1.4.0"}
    world.tell("promotion.requested", **lane, by="sue", reason="fire", skip=["staging"])
    world.evaluate()
    assert answer(service) == "1.4.0 is not in prod: at its door pinned to 1.0 by alice: audit"
    assert "and is not verified yet: waits for smoke" in service.get("/api/why/foo/staging")["answer"]
