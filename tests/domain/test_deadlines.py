"""Deadlines of deployments, and reports that come after them."""

from datetime import timedelta

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import DeploymentTransitioned
from deploydb.domain.model.catalog import Retry
from deploydb.domain.model.deployment import FactOrder, Status
from deploydb.domain.model.outcome_reasons import (
    AttemptFailed,
    DeadlineDropped,
    Expired,
    ExpiryDeferred,
)
from deploydb.domain.model.reasons import FailedUpstream
from tests.domain.given import at, chain, foo
from tests.domain.scenario import world


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
    decided = it.evaluate(24 * 60)
    assert decided.recheck_at is None
    assert [one.reason for one in decided.decisions if isinstance(one, DeploymentTransitioned)] == [
        DeadlineDropped(environment="dev")
    ]
    assert it.find("dev", "1.0").deadline is None, "it is stored nowhere"
    it.catalog.environments["dev"] = known
    it.evaluate()
    assert it.status("dev", "1.0") is Status.CREATED, "a new time counts for the commands after it"


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
