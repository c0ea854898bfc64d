"""Attempts that people ask for: of what failed, was skipped, or runs."""

from datetime import timedelta

import pytest

from deploydb.domain.model.admission_reasons import BeingDeployed, NewerIsLive
from deploydb.domain.model.catalog import Retry
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.reasons import AlreadyWaiting, SkippedUpstream, UpstreamRetried
from deploydb.domain.model.retry_reasons import GateSkipped, NoAttempt, RetryOrdered, UnknownGates
from tests.domain.failure_steps import WORDS, answer, back, fail_in_prod, go, obstacle, running
from tests.domain.given import BAR, FOO, MANUAL, catalog, chain, foo
from tests.domain.scenario import Scenario


def test_what_failed_is_attempted_again_under_the_same_gates() -> None:
    it = running()
    fail_in_prod(it)
    it.retry("prod", "3.0")
    it.evaluate(1)
    assert answer(it) == RetryOrdered(attempt=2, order=WORDS)
    again = it.find("prod", "3.0")
    assert (again.attempt, again.status, again.ordered) == (2, Status.CREATED, answer(it))
    assert again.trigger_reason.ordered == answer(it)
    it.deploy("prod", "3.0")
    assert it.status("prod", "3.0") is Status.COMPLETED
    it.verify("prod", "3.0")
    it.evaluate(1)
    assert (it.status("prod", "3.0"), it.runs("prod")) == (Status.SUCCESS, "3.0")


def test_gates_that_the_order_names_are_passed_by_and_kept_with_it() -> None:
    it = running()
    fail_in_prod(it)
    it.retry("prod", "3.0", "smoke")
    it.evaluate(1)
    it.deploy("prod", "3.0")
    assert it.status("prod", "3.0") is Status.SUCCESS
    verdict = it.ledger.verdicts(it.find("prod", "3.0").id)["exit", "smoke"]
    assert verdict.reason == GateSkipped(promotion="smoke", order=WORDS)
    it.retry("prod", "3.0", "smok")
    it.evaluate(1)
    assert obstacle(it) == UnknownGates(names=("smok",), known=("smoke",))


def test_an_order_that_skips_an_entry_gate_lets_it_in() -> None:
    it = Scenario(catalog(*chain("dev"), entry={"dev": ("manual",)}, services=[foo()]))
    it.publish("1.0")
    it.publish("1.1", published=1)
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.SKIPPED
    it.retry("dev", "1.0", "manual")
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.CREATED
    assert it.status("dev", "1.1") is Status.NOT_STARTED


def test_a_stage_that_is_attempted_again_opens_those_behind_it() -> None:
    it = Scenario(catalog(*chain("dev", "staging", "prod"), services=[foo()]))
    it.publish("1.0")
    it.evaluate(1)
    it.evaluate(61)  # it expires
    it.publish("1.1", published=70)
    it.evaluate(1)
    it.deploy("dev", "1.1")
    assert it.status("prod", "1.0") is Status.SKIPPED
    it.retry("dev", "1.0")
    it.evaluate(1)
    assert isinstance(obstacle(it), NewerIsLive)
    it.publish("1.2", published=80)
    it.evaluate(1)
    it.finish("dev", "1.2", "failed")
    it.evaluate(1)
    it.publish("1.3", published=90)
    it.evaluate(1)
    it.finish("dev", "1.3", "failed")
    it.evaluate(1)
    assert it.status("prod", "1.2") is Status.SKIPPED
    it.retry("dev", "1.2")
    made = it.evaluate(1)
    resumed = [one.reason for one in made.decisions if getattr(one, "what", "") == "resumed"]
    assert resumed == [UpstreamRetried(environment="dev", reason=answer(it))] * 2
    for environment, version in (
        ("staging", "1.1"),
        ("dev", "1.2"),
        ("staging", "1.2"),
        ("prod", "1.1"),
        ("prod", "1.2"),
    ):
        it.deploy(environment, version)
    assert it.runs("prod") == "1.2"


def test_what_runs_is_deployed_again_and_what_came_through_stays_through() -> None:
    it = running()
    it.publish("3.0", published=9)
    go(it, "3.0", "dev")
    it.retry("dev", "3.0")
    it.hold("pause", environment="dev")
    it.evaluate(1)
    assert it.find("dev", "3.0").status is Status.NOT_STARTED
    assert it.status("prod", "3.0") is Status.CREATED, "its way to prod goes on"
    it.hold("pause", environment="dev", lift=True)
    it.evaluate(1)
    it.deploy("dev", "3.0")
    it.verify("dev", "3.0")
    it.evaluate(1)
    assert (it.find("dev", "3.0").attempt, it.status("dev", "3.0")) == (2, Status.SUCCESS)


def test_what_is_being_verified_can_be_deployed_again() -> None:
    it = running()
    it.publish("3.0", published=9)
    it.evaluate(1)
    it.deploy("dev", "3.0")
    it.retry("dev", "3.0")
    it.evaluate(1)
    assert (it.find("dev", "3.0").attempt, it.status("dev", "3.0")) == (2, Status.CREATED)


def test_an_order_is_retried_like_any_other_attempt() -> None:
    it = running(retry=Retry(retries=1, backoff=timedelta(minutes=5)))
    fail_in_prod(it)
    it.evaluate(5)
    it.finish("prod", "3.0", "failed")
    it.evaluate(1)
    assert it.find("prod", "3.0").attempt == 2
    it.retry("prod", "3.0", "smoke")
    it.evaluate(1)
    it.finish("prod", "3.0", "failed")
    it.evaluate(1)
    last = it.find("prod", "3.0")
    assert (last.attempt, last.ordered) == (4, RetryOrdered(attempt=3, order=WORDS, skip=("smoke",)))
    it.evaluate(5)
    it.finish("prod", "3.0", "failed")
    it.evaluate(1)
    assert it.find("prod", "3.0").attempt == 4


def test_a_failed_rollback_is_attempted_again_as_a_rollback() -> None:
    it = running("rollback")
    fail_in_prod(it)
    (first,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    it.finish_rollback(first, "failed")
    it.evaluate(1)
    it.retry("prod", "2.0")
    it.evaluate(1)
    assert [(where, version) for where, version, _ in back(it)] == [("prod", "2.0")] * 2
    second = max(it.deployments.values(), key=lambda one: one.id)
    assert (second.kind, second.attempt, second.cause) == ("rollback", 2, first.id)


def test_what_was_rolled_back_can_be_attempted_again() -> None:
    it = running("rollback")
    fail_in_prod(it)
    (put_back,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    it.finish_rollback(put_back)
    it.evaluate(1)
    it.retry("prod", "3.0")
    it.evaluate(1)
    it.deploy("prod", "3.0")
    assert it.runs("prod") == "3.0"


def test_an_order_that_cannot_be_met_is_answered() -> None:
    it = running()
    it.publish("3.0", published=9)
    it.retry("prod", "9.9")
    it.retry("nowhere", "1.0")
    it.evaluate(1)
    assert [one.reason.obstacle for one in it.answers[-2:]] == [NoAttempt()] * 2
    it.retry("prod", "3.0")
    it.retry("dev", "3.0")
    it.evaluate(1)
    waiting = it.find("prod", "3.0")
    assert [one.reason.obstacle for one in it.answers[-2:]] == [
        AlreadyWaiting(deployment=waiting.id, reason=waiting.status_reason),
        BeingDeployed(version="3.0", deployment=it.find("dev", "3.0").id),
    ]


def test_a_stage_that_the_release_cannot_reach_is_named() -> None:
    it = Scenario(catalog(*chain("dev", "prod"), entry={"dev": ("manual",)}, services=[foo()]))
    it.publish("1.0")
    it.publish("1.1", published=1)
    it.evaluate(1)
    it.retry("prod", "1.0")
    it.evaluate(1)
    assert isinstance(obstacle(it), SkippedUpstream)


def test_an_order_names_the_module_where_several_have_the_version() -> None:
    it = Scenario(catalog(*chain("dev"), services=[foo(artifacts=(FOO, BAR))]))
    for module in (FOO, BAR):
        it.publish("1.0", module=module)
    for _ in (BAR, FOO):
        it.evaluate(1)
        known = next(one for one in it.deployments.values() if one.active)
        it.finish("dev", "1.0", "failed", module=known.release.artifact.module)
        it.evaluate(1)
    it.retry("dev", "1.0")
    it.evaluate(1)
    assert obstacle(it) == NoAttempt(modules=(BAR, FOO))
    it.retry("dev", "1.0", module=FOO)
    it.evaluate(1)
    assert it.find("dev", "1.0", FOO).attempt == 2


@pytest.mark.parametrize("gate", ["manual"])
def test_a_veto_holds_an_order_like_any_release(gate: str) -> None:
    it = Scenario(catalog(*chain("dev"), services=[foo(promotions=(gate,))], promotions=[MANUAL]))
    it.publish("1.0")
    it.evaluate(1)
    it.finish("dev", "1.0", "failed")
    it.evaluate(1)
    it.hold("veto", version="1.0")
    it.retry("dev", "1.0")
    it.evaluate(1)
    assert it.find("dev", "1.0").status is Status.NOT_STARTED
    it.hold("veto", version="1.0", lift=True)
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.CREATED


def test_a_stage_that_is_attempted_again_keeps_no_lane_behind_it_waiting() -> None:
    it = Scenario(catalog(*chain("dev", "staging")))
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.deploy("staging", "1.0")
    it.retry("staging", "1.0")
    it.retry("dev", "1.0")
    it.evaluate()
    assert [it.status(there, "1.0") for there in ("dev", "staging")] == [Status.CREATED, Status.CREATED]
