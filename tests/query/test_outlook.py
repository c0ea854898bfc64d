"""What is neither there nor on its way, and what failed: every answer says the same of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from deploydb.domain.gates import GateContext, Promotion
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.catalog import Service as Configured
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import CustomReason
from tests.query.answers import lane, verdicts
from tests.query.client import Service
from tests.scenario import Scenario, catalog

STAGES = (
    Stage(environment="dev"),
    Stage(environment="staging", after=After(environments=("dev",))),
    Stage(environment="prod", after=After(environments=("staging",))),
)
ENVIRONMENTS = ("dev", "staging", "prod")


def foo(**more: Any) -> Configured:
    return Configured(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("smoke",), **more)


@pytest.fixture
def world(world: Scenario) -> Scenario:
    world.catalog = catalog(foo(), stages=STAGES)
    return world


def verify(world: Scenario, environment: str, version: str, outcome: str = "passed") -> None:
    lane = {"service": "foo", "environment": environment, "version": version}
    world.tell("verification.finished", **lane, promotion="smoke", outcome=outcome)
    world.evaluate(minutes=1)


def release(world: Scenario, version: str, *, until: str = "prod") -> None:
    """The version is deployed and verified in each stage."""
    world.publish(version)
    world.evaluate(minutes=1)
    for environment in ENVIRONMENTS[: ENVIRONMENTS.index(until) + 1]:
        world.deploy()
        verify(world, environment, version)


def test_a_release_that_failed_upstream_will_not_come_and_says_so_everywhere(world: Scenario, service: Service) -> None:
    release(world, "1.0")
    world.publish("1.1")
    world.evaluate(minutes=1)
    world.deploy()
    verify(world, "dev", "1.1", "failed")
    failed_at = world.now.isoformat()
    world.now += timedelta(days=230)
    (pending,) = lane(service, "prod")["pending"]
    assert pending["outlook"]["text"] == "will not come: failed in dev: smoke failed"
    assert pending["outlook"]["since"] == failed_at
    assert set(verdicts(service, "prod", "1.1").values()) == {"will not come"}
    assert set(verdicts(service, "staging", "1.1").values()) == {"will not come"}
    assert set(verdicts(service, "dev", "1.1").values()) == {"failed"}
    (found,) = service.get("/api/where/com.example:foo:1.1")["artifacts"]
    assert {one["environment"]: one["state"] for one in found["places"]}["prod"] == "not there"
    prod = service.get("/api/plan/foo?version=1.1")["stages"][-1]
    assert (prod["entered"], prod["verified"]) == (None, None)


def test_a_release_that_a_person_holds_is_held_everywhere(world: Scenario, service: Service) -> None:
    world.tell("hold.placed", kind="freeze", environment="prod", by="alice", reason="holidays")
    release(world, "1.0", until="staging")
    assert verdicts(service, "prod", "1.0") == dict.fromkeys(("why", "where", "plan", "flow", "status"), "held")
    world.tell("hold.lifted", kind="freeze", environment="prod", by="alice")
    world.evaluate()
    assert set(verdicts(service, "prod", "1.0").values()) == {None}


def test_a_release_that_was_refused_at_the_entry_will_not_come(world: Scenario, service: Service) -> None:
    world.catalog = catalog(foo(), stages=STAGES, promotions=(ManualPromotion(ident="go"),), entry={"prod": ("go",)})
    release(world, "1.0", until="staging")
    world.tell("approval.refused", service="foo", environment="prod", version="1.0", promotion="go", by="bob")
    world.evaluate()
    assert set(verdicts(service, "prod", "1.0").values()) == {"will not come"}


class Never(Promotion, frozen=True, kw_only=True):
    """A gate of its own that has failed."""

    def evaluate(self, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
        reason = CustomReason(name="too_large", text="{megabytes} MB are too many", values={"megabytes": 900})
        return context.verdict(self.ident, GateStatus.FAIL, reason)


def test_a_release_that_failed_a_gate_of_its_own_at_the_entry_will_not_come(world: Scenario, service: Service) -> None:
    world.catalog = catalog(foo(), stages=STAGES, promotions=(Never(ident="size"),), entry={"prod": ("size",)})
    release(world, "1.0", until="staging")
    assert set(verdicts(service, "prod", "1.0").values()) == {"will not come"}


def test_a_superseded_release_will_not_come(world: Scenario, service: Service) -> None:
    world.tell("hold.placed", kind="pause", service="foo", by="alice", reason="moving")
    for version in ("1.0", "1.1"):
        world.publish(version)
        world.evaluate(minutes=1)
    assert set(verdicts(service, "dev", "1.0").values()) == {"will not come"}
    assert set(verdicts(service, "dev", "1.1").values()) == {"held"}


def test_after_a_rollback_the_lane_shows_what_failed_and_what_was_done(world: Scenario, service: Service) -> None:
    world.catalog = catalog(foo(failure_strategy="rollback"), stages=STAGES)
    release(world, "1.0")
    release(world, "1.1", until="staging")
    world.deploy()
    verify(world, "prod", "1.1", "failed")
    world.deploy()
    prod = lane(service, "prod")
    assert [(one["version"], one["status"]) for one in prod["running"]] == [("1.0", "SUCCESS")]
    (failed,) = prod["failed"]
    assert (failed["version"], failed["response"]) == ("1.1", "rollback")
    assert failed["detail"]["text"] == "rolled back to 1.0"
    assert failed["reason"]["text"] == "smoke failed"
    assert prod["drift"] == []
    release(world, "1.2")
    assert "failed" not in lane(service, "prod")


def test_open_incidents_are_in_their_lane(world: Scenario, service: Service) -> None:
    release(world, "1.0")
    world.tell("incident.detected", service="foo", environment="prod", incident="INC-1", reason="down")
    world.evaluate()
    (incident,) = lane(service, "prod")["incidents"]
    assert (incident["name"], incident["reason"]) == ("INC-1", "down")
    assert "incidents" not in lane(service, "dev")
    world.tell("incident.resolved", service="foo", environment="prod", incident="INC-1")
    world.evaluate()
    assert "incidents" not in lane(service, "prod")


def test_what_people_ordered_is_no_drift(world: Scenario, service: Service) -> None:
    for version in ("1.0", "1.1", "1.2"):
        release(world, version)
    for target in ("1.1", "1.0"):
        lane_ = {"service": "foo", "environment": "prod", "by": "alice", "reason": "slow"}
        world.tell("rollback.requested", **lane_, version=target)
        world.evaluate(minutes=1)
        world.evaluate(minutes=1)
        world.deploy()
    assert [one["version"] for one in lane(service, "prod")["running"]] == ["1.0"]
    assert lane(service, "prod")["drift"] == []
    world.publish("1.3")
    world.tell("hotfix.declared", service="foo", version="1.3", by="sue", reason="fire", skip=["staging"])
    world.evaluate(minutes=1)
    world.deploy()
    verify(world, "dev", "1.3")
    world.deploy()
    assert [one["version"] for one in lane(service, "staging")["running"]] == ["1.2"]
    assert lane(service, "staging")["drift"] == []


def test_another_attempt_of_what_runs_is_held_everywhere(world: Scenario, service: Service) -> None:
    release(world, "1.0")
    world.tell("hold.placed", kind="freeze", environment="prod", by="alice", reason="holidays")
    world.tell("retry.requested", service="foo", environment="prod", version="1.0", by="bob", reason="half the pods")
    world.evaluate(minutes=1)
    assert verdicts(service, "prod", "1.0") == dict.fromkeys(("why", "where", "plan", "flow", "status"), "held")
    answer = service.get("/api/why/foo/prod?version=1.0")["answer"]
    assert answer.startswith("1.0 is in prod since 2026-11-22 ")
    assert "; another attempt: at its door prod is frozen by alice" in answer
    world.tell("hold.lifted", kind="freeze", environment="prod", by="alice")
    world.evaluate(minutes=1)
    world.deploy("failed")
    assert set(verdicts(service, "prod", "1.0").values()) == {"failed"}
    answer = service.get("/api/why/foo/prod?version=1.0")["answer"]
    assert "; another attempt failed: " in answer
