"""A success that is reported after the deadline."""

from datetime import timedelta

from deploydb.domain.model.catalog import Retry
from deploydb.domain.model.deployment import Deployment, FactOrder, Status
from deploydb.domain.model.evidence import Verification
from deploydb.domain.model.facts import DeploymentFinished
from deploydb.domain.model.outcome_reasons import (
    AttemptObsolete,
    Expired,
)
from deploydb.domain.model.reasons import FinishedLate
from tests.domain.failure_steps import back, go, running
from tests.domain.given import FOO, at, chain, foo
from tests.domain.scenario import Scenario, world


def test_a_success_after_the_deadline_is_taken_in_and_the_flow_goes_on() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.evaluate(60)
    assert (it.status("dev", "1.0"), it.status("prod", "1.0")) == (Status.FAILED, Status.SKIPPED)
    it.finish("dev", "1.0")
    made = it.evaluate(1)
    late = FinishedLate(expired=Expired(deadline=at(60), started=False))
    assert next(one.reason for one in made.decisions if getattr(one, "what", "") == "resumed") == late
    assert (it.status("dev", "1.0"), it.runs("dev")) == (Status.SUCCESS, "1.0")
    assert (it.status("staging", "1.0"), it.status("prod", "1.0")) == (Status.CREATED, Status.NOT_STARTED)


def test_a_late_success_is_judged_by_its_gates() -> None:
    it = running("rollback")
    expire_in_prod(it, at_once=False)
    late = it.find("prod", "3.0")
    it.finish("prod", "3.0")
    it.evaluate(1)
    assert (it.status("prod", "3.0"), it.runs("prod"), back(it)) == (Status.COMPLETED, "3.0", [])
    waiting = next(one for one in it.deployments.values() if one.kind == "rollback")
    assert (waiting.status, waiting.status_reason) == (Status.SKIPPED, AttemptObsolete(deployment=late.id))
    it.hold("freeze", lift=True, environment="prod")
    it.verify("prod", "3.0", outcome="failed")
    it.evaluate(1)
    assert [to for _, to, _ in back(it)] == ["2.0"]


def test_a_success_that_a_rollback_has_overtaken_stays_failed_but_does_run_there() -> None:
    it = running("rollback")
    expire_in_prod(it)
    (rollback,) = (one for one in it.deployments.values() if one.kind == "rollback")
    it.finish_rollback(rollback)
    it.evaluate(1)
    assert it.runs("prod") == "2.0"
    it.finish("prod", "3.0")
    it.evaluate(1)
    assert (it.status("prod", "3.0"), it.runs("prod")) == (Status.FAILED, "3.0")
    assert isinstance(it.reason("prod", "3.0"), FinishedLate)
    it.want_back("prod", runs="3.0")
    it.evaluate(1)
    assert [to for _, to, _ in back(it)] == ["2.0", "2.0"]


def test_a_success_that_another_release_has_overtaken_stays_failed_once_that_one_is_over() -> None:
    it = world(*chain("dev"), services=[foo(failure_strategy="ignore")])
    it.publish("1.0")
    it.evaluate()
    it.evaluate(60)
    it.publish("2.0", published=1)
    it.evaluate(5)
    it.evaluate(5)
    it.finish("dev", "1.0")
    it.evaluate(1)
    assert isinstance(it.reason("dev", "1.0"), FinishedLate)
    it.finish("dev", "2.0", when=it.now - timedelta(minutes=4))
    it.evaluate(1)
    assert (it.status("dev", "2.0"), it.status("dev", "1.0")) == (Status.COMPLETED, Status.FAILED)
    assert it.runs("dev") == "1.0"


def test_what_finished_after_a_rollback_is_accepted_by_a_retry() -> None:
    it = running("rollback")
    expire_in_prod(it)
    (rollback,) = (one for one in it.deployments.values() if one.kind == "rollback")
    it.finish_rollback(rollback)
    it.evaluate(1)
    it.finish("prod", "3.0")
    it.evaluate(1)
    it.retry("prod", "3.0")
    it.evaluate(1)
    it.deploy("prod", "3.0")
    it.verify("prod", "3.0")
    it.evaluate(1)
    assert (it.status("prod", "3.0"), it.runs("prod")) == (Status.SUCCESS, "3.0")


def test_a_late_success_ends_the_wait_for_another_attempt() -> None:
    it, first, second = expired()
    assert (second.attempt, second.status) == (2, Status.NOT_STARTED)
    finish(it, first.id)
    it.evaluate(1)
    assert it.deployments[first.id].status is Status.SUCCESS
    assert it.deployments[second.id].status_reason == AttemptObsolete(deployment=first.id)
    assert it.status("staging", "1.0") is Status.CREATED
    it.evaluate(10)
    assert len(it.commands) == 2


def test_the_other_attempt_is_needed_again_where_the_late_success_is_taken_back() -> None:
    it, first, second = expired("smoke")
    finish(it, first.id)
    it.evaluate(1)
    assert it.deployments[first.id].status is Status.COMPLETED
    it.now += timedelta(minutes=1)
    finish(it, first.id, "failed")
    it.evaluate(1)
    assert (it.deployments[first.id].failure_response, it.deployments[second.id].status) == (
        "retry",
        Status.NOT_STARTED,
    )
    it.evaluate(5)
    assert it.deployments[second.id].status is Status.CREATED


def test_a_failed_gate_of_a_late_success_is_no_reason_for_the_other_attempt() -> None:
    it, first, second = expired("smoke")
    finish(it, first.id)
    it.evaluate(1)
    it.ledger.statements.report(
        first.id, Verification(promotion="smoke", outcome="failed", at=FactOrder(it.now, "ci", "1"), event=99)
    )
    it.ledger.put(it.deployments[first.id])
    it.evaluate(1)
    assert (it.deployments[first.id].status, it.deployments[first.id].failure_response) == (Status.FAILED, "stop")
    assert it.deployments[second.id].status is Status.SKIPPED
    assert it.status("staging", "1.0") is Status.NOT_STARTED


def test_a_late_success_of_what_has_been_tried_again_changes_nothing_that_runs() -> None:
    it = world(services=[foo(retry=Retry(retries=1, backoff=timedelta(minutes=5)))])
    it.publish("1.0")
    it.evaluate()
    it.evaluate(60)
    it.evaluate(5)
    first, second = (one for one in it.deployments.values() if one.environment == "dev")
    finish(it, second.id)
    it.evaluate(1)
    it.now += timedelta(minutes=1)
    finish(it, first.id)
    it.evaluate(1)
    assert it.deployments[first.id].status is Status.FAILED
    assert it.running["dev", FOO].deployment == second.id


def expire_in_prod(it: Scenario, *, at_once: bool = True) -> None:
    """3.0 has no answer in prod by its deadline; its rollback is commanded `at_once`, or waits for the end of a
    freeze."""
    it.publish("3.0", published=9)
    go(it, "3.0", "dev")
    if not at_once:
        it.hold("freeze", environment="prod")
    it.evaluate(60)
    assert it.status("prod", "3.0") is Status.FAILED
    assert bool(back(it)) is at_once


def finish(it: Scenario, ident: int, outcome: str = "succeeded") -> None:
    """The orchestrator is done with an attempt."""
    fact = DeploymentFinished(id=it._id(), source="cd", time=it.now, deployment=ident, outcome=outcome)
    it.merge(it.deployments[ident], fact)


def expired(*promotions: str) -> tuple[Scenario, Deployment, Deployment]:
    """1.0 has had no answer in dev by its deadline, and waits for its retry: the first attempt and the second."""
    it = world(services=[foo(retry=Retry(retries=1, backoff=timedelta(minutes=5)), promotions=promotions)])
    it.publish("1.0")
    it.evaluate()
    it.evaluate(60)
    first, second = (one for one in it.deployments.values() if one.environment == "dev")
    return it, first, second
