"""Deadlines of deployments, and reports that come after them."""

from datetime import timedelta

from msgspec.structs import replace

from deploydb.domain.model.catalog import Retry
from deploydb.domain.model.deployment import Deployment, FactOrder, Status
from deploydb.domain.model.evidence import Verification
from deploydb.domain.model.facts import DeploymentFinished
from deploydb.domain.model.outcome_reasons import (
    AttemptFailed,
    AttemptObsolete,
    Expired,
    ExpiryDeferred,
)
from deploydb.domain.model.reasons import FailedUpstream, FinishedLate
from tests.domain.failure_steps import back, go, running
from tests.domain.given import FOO, at, chain, foo
from tests.domain.scenario import Scenario, world


def test_without_a_deadline_a_deployment_is_waited_for_as_long_as_it_takes() -> None:
    it = world()
    it.catalog.environments["dev"] = replace(it.catalog.environments["dev"], deadline=None)
    it.publish("1.0")
    decisions = it.evaluate()
    assert decisions.recheck_at is None
    assert it.find("dev", "1.0").deadline is None
    for days in (1, 400):
        it.evaluate(days * 24 * 60)
        assert it.status("dev", "1.0") is Status.CREATED
    it.publish("2.0")
    it.evaluate()
    assert it.status("dev", "2.0") is Status.NOT_STARTED, "the lane has one active deployment"
    it.finish("dev", "1.0")
    it.evaluate()
    assert it.status("dev", "1.0") is Status.SUCCESS
    assert it.find("staging", "1.0").deadline is not None


def test_a_deadline_that_is_switched_off_counts_no_more_for_what_is_under_way() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    known = it.catalog.environments["dev"]
    it.catalog.environments["dev"] = replace(known, deadline=None)
    assert it.evaluate(24 * 60).recheck_at is None
    assert it.status("dev", "1.0") is Status.CREATED
    it.catalog.environments["dev"] = known
    it.evaluate()
    assert it.status("dev", "1.0") is Status.FAILED


def test_no_answer_by_the_deadline_ends_the_flow() -> None:
    it = world()
    it.publish("1.0")
    assert it.evaluate().recheck_at == at(60)
    it.start("dev", "1.0")
    it.evaluate(60)
    late = Expired(deadline=at(60), started=True)
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (Status.FAILED, late)
    assert (it.status("staging", "1.0"), it.reason("staging", "1.0")) == (
        Status.SKIPPED,
        FailedUpstream(environment="dev", reason=late),
    )
    assert (it.status("prod", "1.0"), it.reason("prod", "1.0")) == (
        Status.SKIPPED,
        FailedUpstream(environment="dev", reason=late),
    )


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


def test_nothing_expires_before_ingest_has_read_past_the_deadline() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.read_until = at(59)
    assert it.evaluate(600).recheck_at == at(600) + timedelta(seconds=1)
    waits = ExpiryDeferred(deadline=at(60))
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (Status.CREATED, waits)
    it.finish("dev", "1.0", when=at(50))
    it.evaluate()
    assert (it.status("dev", "1.0"), it.status("staging", "1.0")) == (Status.SUCCESS, Status.CREATED)


def test_once_ingest_has_read_past_it_the_deadline_counts() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.read_until = at(59)
    it.evaluate(61)
    it.read_until = at(60)
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.FAILED


def test_an_answer_from_before_the_deadline_undoes_an_expiry_that_nothing_has_followed() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.evaluate(60)
    assert (it.status("dev", "1.0"), it.status("prod", "1.0")) == (Status.FAILED, Status.SKIPPED)
    it.finish("dev", "1.0", when=at(59))
    it.evaluate(5)
    assert (it.status("dev", "1.0"), it.status("staging", "1.0")) == (Status.SUCCESS, Status.CREATED)
    assert it.status("prod", "1.0") is Status.NOT_STARTED


def test_an_expiry_that_a_newer_version_has_followed_stands() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.publish("1.1", published=1)
    it.evaluate(60)
    assert it.status("dev", "1.1") is Status.CREATED
    it.finish("dev", "1.0", when=at(59))
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.FAILED
    assert it.status("prod", "1.0") is Status.SKIPPED


def test_a_failure_from_before_the_deadline_says_why_and_is_counted_once() -> None:
    it = world(services=[foo(failure_strategy="ignore")])
    it.publish("1.0")
    it.evaluate()
    it.evaluate(60)
    it.finish("dev", "1.0", "failed", when=at(59), reason="exit 2")
    it.evaluate(1)
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (Status.FAILED, AttemptFailed(text="exit 2"))
    assert [failure.failure_response for failure in it.failures] == ["ignore"]


def test_an_expiry_that_was_tried_again_stands() -> None:
    it = world(services=[foo(retry=Retry(retries=1, backoff=timedelta(minutes=5)))])
    it.publish("1.0")
    it.evaluate()
    it.evaluate(60)
    first = it.commands[0].deployment.id
    it.evaluate(5)
    assert it.find("dev", "1.0").attempt == 2
    late = FactOrder(at(59), "cd", "late")
    it.ledger.put(replace(it.deployments[first], needs_evaluation=True, outcome="succeeded", finished=late))
    it.evaluate(1)
    assert it.deployments[first].status is Status.FAILED


def test_an_answer_that_arrives_with_the_deadline_counts() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.finish("dev", "1.0", when=at(59))
    it.evaluate(61)
    assert it.status("dev", "1.0") is Status.SUCCESS


def test_what_an_expiry_had_ruled_out_is_decided_at_once_with_its_approvals() -> None:
    it = world(*chain("dev", "prod"), entry={"prod": ("manual",)})
    it.publish("1.0")
    it.evaluate()
    it.speak("prod", "1.0", "alice")
    it.evaluate(61)
    assert it.status("prod", "1.0") is Status.SKIPPED
    it.finish("dev", "1.0", when=at(59))
    it.evaluate(1)
    assert it.status("prod", "1.0") is Status.CREATED


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
