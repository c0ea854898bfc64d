"""What ran at a time, and what was believed at a time; what ran before, and what should run."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.catalog import Service as Configured
from tests.query.client import Service
from tests.scenario import NOON, Scenario, catalog

HOUR = timedelta(hours=1)
NO_GATES = (Stage(environment="dev"), Stage(environment="prod", after=After(environments=("dev",))))


def ran(service: Service, environment: str = "dev", **times: Any) -> list[tuple[str, str]]:
    """Version and status of what the lane ran."""
    asked = "".join(f"&{name}={quote(time.isoformat())}" for name, time in times.items())
    (lane,) = service.get(f"/api/status?service=foo&environment={environment}{asked}")["lanes"]
    return [(one["version"], one["status"]) for one in lane["running"]]


def release(world: Scenario, version: str) -> int:
    """Publish it and deploy it to dev. The deployment's id."""
    world.publish(version)
    world.evaluate()
    (command,) = [one for one in world.deploy() if one.environment == "dev"]
    return command.deployment


def test_what_ran_then_is_reported_with_how_far_it_was_verified(world: Scenario, service: Service) -> None:
    release(world, "1.0")
    world.now += HOUR
    world.tell(
        "verification.finished", service="foo", environment="dev", version="1.0", promotion="smoke", outcome="passed"
    )
    world.evaluate()
    world.now += HOUR
    release(world, "1.1")
    world.now += HOUR
    assert ran(service, at=NOON - HOUR) == []
    assert ran(service, at=NOON) == [("1.0", "COMPLETED")]
    assert ran(service, at=NOON + HOUR) == [("1.0", "SUCCESS")]
    assert ran(service, at=NOON + 2 * HOUR) == [("1.1", "COMPLETED")]
    assert ran(service) == [("1.1", "COMPLETED")]


def test_a_deployment_that_is_heard_of_late_changes_what_ran_and_not_what_was_believed(
    world: Scenario, service: Service
) -> None:
    release(world, "1.0")
    world.now += 3 * HOUR
    late = {
        "time": (NOON + 2 * HOUR).isoformat(),
        "artifact": {"group": "com.example", "name": "foo", "version": "0.9"},
    }
    world.tell("deployment.observed", service="foo", environment="dev", **late)
    world.evaluate()
    world.now += HOUR
    then = NOON + 2.5 * HOUR
    assert ran(service, at=then) == [("0.9", "COMPLETED")]
    assert ran(service, known_at=then) == [("1.0", "COMPLETED")]
    assert ran(service, at=then, known_at=NOON + 3 * HOUR) == [("0.9", "COMPLETED")]
    assert ran(service, at=NOON + HOUR, known_at=NOON + 3 * HOUR) == [("1.0", "COMPLETED")]


def test_what_is_heard_of_when_something_newer_runs_ran_before_it(world: Scenario, service: Service) -> None:
    world.tell("deployment.observed", service="foo", environment="dev", **seen("1.0", NOON))
    world.evaluate()
    world.tell("deployment.observed", service="foo", environment="dev", **seen("0.9", NOON - 2 * HOUR))
    world.evaluate()
    world.now += HOUR
    assert ran(service) == [("1.0", "COMPLETED")]
    assert ran(service, at=NOON - HOUR) == [("0.9", "COMPLETED")]
    assert ran(service, at=NOON - HOUR, known_at=NOON - HOUR) == []
    (lane,) = service.get("/api/status?service=foo&environment=dev")["lanes"]
    assert lane["running"][0]["previous"] == {
        "version": "0.9",
        "since": "2026-11-22T10:00:00+00:00",
        "until": "2026-11-22T12:00:00+00:00",
    }
    assert "deployment.ran" in {event["type"] for event in service.get("/api/events")["events"]}


def test_what_is_asked_of_the_future_is_refused(service: Service) -> None:
    code, message = service.refusal(f"/api/status?at={quote((NOON + HOUR).isoformat())}")
    assert (code, "at=2026-11-22T13:00:00+00:00 is still to come" in message) == (404, True)


def test_a_version_that_came_through_and_is_not_on_its_way_is_missed(world: Scenario, service: Service) -> None:
    world.catalog = catalog(stages=NO_GATES)
    release(world, "1.0")
    assert drift(service, "prod") == []  # it is being verified in dev
    world.tell(
        "verification.finished", service="foo", environment="dev", version="1.0", promotion="smoke", outcome="passed"
    )
    world.evaluate()
    assert drift(service, "prod") == []  # on its way
    (command,) = world.commands()
    world.tell("deployment.finished", command=command.id, outcome="failed", reason="no disk")
    world.evaluate()
    assert drift(service, "prod") == []  # failed, and still open: people look at it
    world.tell("hold.placed", kind="pin", service="foo", environment="prod", version="0.8", by="alice", reason="audit")
    world.evaluate()
    assert drift(service, "prod") == [("0.8", "pinned to 0.8 by alice: audit")]


def test_a_version_that_ended_is_expected_of_another_module_that_has_it(world: Scenario, service: Service) -> None:
    foo = Configured(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
    world.catalog = catalog(foo, stages=NO_GATES)
    world.publish("1.0", name="theme")  # of no service yet: it has no flow
    for version in ("1.0", "1.1"):
        world.publish(version)
        world.evaluate(minutes=1)
        world.deploy()
        world.deploy()
    both = Configured(ident="foo", artifacts=("com.example:foo", "com.example:theme"), pipelines=("main",))
    world.catalog = catalog(both, stages=NO_GATES)
    assert drift(service, "dev") == [("1.0", "it is the newest that has been published")]


def test_what_failed_and_is_still_open_is_in_its_lane_once(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy("failed")
    (dev, _) = service.get("/api/status")["lanes"]
    assert ([one["version"] for one in dev["pending"]], "failed" in dev) == (["1.0"], False)
    page = service.ask("/status?view=comfortable", accept="text/html").text
    assert page.count('title="FAILED: ') == 1


def test_what_was_put_there_by_hand_is_no_part_of_the_pipeline(world: Scenario, service: Service) -> None:
    deployment = release(world, "1.0")
    world.tell("verification.finished", deployment=deployment, promotion="smoke", outcome="passed")
    world.evaluate()
    world.deploy()
    world.now += HOUR
    world.tell("deployment.observed", service="foo", environment="prod", **seen("2.0-local", world.now))
    world.evaluate()
    assert drift(service, "prod") == [("1.0", "dev runs it with success; 2.0-local was put there by hand")]


def test_a_pin_is_kept_by_the_module_that_has_its_version(world: Scenario, service: Service) -> None:
    modules = ("com.example:foo", "com.example:theme")
    world.catalog = catalog(Configured(ident="foo", artifacts=modules, pipelines=("main",)), stages=NO_GATES)
    release(world, "1.0")
    world.evaluate()
    world.deploy()
    world.tell("hold.placed", kind="pin", service="foo", environment="prod", version="1.0", by="alice", reason="audit")
    assert ran(service, "prod") == [("1.0", "SUCCESS")]
    assert drift(service, "prod") == []


def drift(service: Service, environment: str) -> list[tuple[str, str]]:
    (lane,) = service.get(f"/api/status?environment={environment}")["lanes"]
    return [(one["expected"], one["reason"]["text"]) for one in lane["drift"]]


def seen(version: str, when: Any) -> dict[str, Any]:
    return {"artifact": {"group": "com.example", "name": "foo", "version": version}, "time": when.isoformat()}


def test_a_deployment_that_ran_again_and_failed_later_is_shown_as_it_was(world: Scenario, service: Service) -> None:
    first = release(world, "1.0")
    world.now += HOUR
    seen_then = seen("0.9", world.now)
    world.tell("deployment.observed", service="foo", environment="dev", **seen_then)
    world.evaluate()
    for outcome in ("succeeded", "failed"):
        world.now += HOUR
        world.tell("deployment.finished", deployment=first, outcome=outcome)
        world.evaluate(minutes=30)
    hours = [ran(service, at=NOON + hours * HOUR) for hours in (0.5, 1.5, 2.5)]
    assert hours == [[("1.0", "COMPLETED")], [("0.9", "COMPLETED")], [("1.0", "COMPLETED")]]
    assert ran(service, at=NOON + 3.6 * HOUR) == ran(service) == [("1.0", "FAILED")]
    assert ran(service, at=NOON + 3.6 * HOUR, known_at=NOON + 3.4 * HOUR) == [("1.0", "COMPLETED")]


def test_the_past_is_compared_with_now(world: Scenario, service: Service) -> None:
    for name, version, time in (("foo", "1.0", NOON), ("foo", "1.1", NOON + HOUR), ("bar", "2.0", NOON + HOUR)):
        world.now = time
        world.tell("deployment.observed", service=name, environment="dev", **seen(version, time))
        world.evaluate()
    world.now += HOUR
    body = service.get(f"/api/status?at={quote(NOON.isoformat())}&compare=now")
    changed = {(one["service"], one["environment"]): one["changed"] for one in body["lanes"] if "changed" in one}
    module = "com.example:foo"
    assert changed == {
        ("foo", "dev"): [{"module": module, "then": "1.0", "now": "1.1"}],
        ("bar", "dev"): [{"module": module, "then": None, "now": "2.0"}],
    }
    assert '"changed"' not in service.ask("/api/status?compare=now").text
    assert service.refusal(f"/api/status?at={quote(NOON.isoformat())}&compare=then")[0] == 400
    page = service.ask(f"/status?at={quote(NOON.isoformat())}&compare=now&show=changed", accept="text/html").text
    assert re.findall(r'<ins><span class="unseen">now </span>([^<]+)</ins>', page) == ["2.0", "1.1"]
    assert "Without comparison</a>" in page
    assert "changed</span>: runs another version now" in page
