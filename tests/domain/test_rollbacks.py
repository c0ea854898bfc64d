"""Rollbacks after a failure and by a person."""

import pytest

from deploydb.domain.model.admission_reasons import BeingDeployed, Frozen
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.outcome_reasons import AttemptFailed
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import Followed, RollbackOf, RollbackWaits
from deploydb.domain.model.rollback_reasons import NoRollbackTarget, RollbackFinal, RollingBack
from tests.domain.failure_steps import back, fail_in_prod, go, running
from tests.domain.given import at, catalog, chain, foo
from tests.domain.scenario import Scenario


def test_a_rollback_puts_the_last_version_back_that_succeeded_there() -> None:
    it = running("rollback")
    fail_in_prod(it)
    assert it.find("prod", "3.0").failure_response_detail == RollingBack(version="2.0")
    assert back(it) == [
        (
            "prod",
            "2.0",
            RollbackOf(version="3.0", target="2.0", deployed_at=at(8), failure=AttemptFailed(text="no disk")),
        )
    ]
    (put_back,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    assert put_back.cause == it.find("prod", "3.0").id
    assert put_back.active


def test_a_rollback_needs_no_gates_to_count_as_good() -> None:
    it = running("rollback")
    fail_in_prod(it)
    (put_back,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    it.finish_rollback(put_back)
    it.evaluate(1)
    assert it.deployments[put_back.id].status is Status.SUCCESS
    assert it.runs("prod") == "2.0"


@pytest.mark.parametrize("outcome", ["failed", "expired"])
def test_a_rollback_is_never_rolled_back(outcome: str) -> None:
    it = running("rollback")
    fail_in_prod(it)
    (put_back,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    if outcome == "failed":
        it.finish_rollback(put_back, "failed")
    it.evaluate(61)
    it.evaluate(61)
    assert len(back(it)) == 1
    assert [one.failure_response for one in it.failures] == ["rollback", "stop"]
    assert it.failures[-1].reason.response == RollbackFinal()


def test_a_failed_verification_rolls_back_too() -> None:
    it = running("rollback")
    it.publish("3.0", published=9)
    go(it, "3.0", "dev")
    it.deploy("prod", "3.0")
    it.verify("prod", "3.0", outcome="failed")
    it.evaluate(1)
    assert [(where, version) for where, version, _ in back(it)] == [("prod", "2.0")]


def test_a_rollback_takes_no_vetoed_version() -> None:
    it = running("rollback")
    it.hold("veto", version="2.0", reason="leaks")
    fail_in_prod(it)
    assert [(where, version) for where, version, _ in back(it)] == [("prod", "1.0")]


def test_a_rollback_without_a_target_says_so_and_stops() -> None:
    it = Scenario(catalog(*chain("dev", "prod"), services=[foo(failure_strategy="rollback")]))
    it.publish("1.0")
    it.evaluate(1)
    it.finish("dev", "1.0", "failed", reason="no disk")
    it.evaluate(1)
    assert [(one.failure_response, one.reason) for one in it.failures] == [
        ("stop", Followed(failure=AttemptFailed(text="no disk"), response=NoRollbackTarget()))
    ]


def test_a_full_rollback_goes_to_the_last_version_that_completed_the_pipeline() -> None:
    it = running("full_rollback")
    it.publish("2.5", published=5)
    go(it, "2.5", "dev")
    it.finish("prod", "2.5", "failed")
    it.evaluate(1)
    (first,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    assert (first.environment, first.release.artifact.version) == ("prod", "2.0")
    it.finish_rollback(first)
    it.publish("3.0", published=9)
    it.evaluate(1)
    it.finish("dev", "3.0", "failed")
    it.evaluate(1)
    assert [(where, version) for where, version, _ in back(it)] == [("prod", "2.0"), ("dev", "2.0")]


def test_a_person_has_the_version_before_put_back_or_the_one_they_name() -> None:
    it = running()
    it.want_back("prod")
    it.evaluate(1)
    assert [(where, version) for where, version, _ in back(it)] == [("prod", "1.0")]
    assert back(it)[0][2].requested == Comment(by="alice", comment="it is slow")
    it.want_back("prod", "0.1")
    it.evaluate(1)
    assert it.answers[-1].reason == (NoRollbackTarget(version="0.1"))


def test_a_rollback_goes_before_a_newer_version_that_waits() -> None:
    it = running("rollback")
    it.publish("3.0", published=9)
    go(it, "3.0", "dev")
    it.publish("4.0", published=10)
    go(it, "4.0", "dev")
    assert it.reason("prod", "4.0") == BeingDeployed(version="3.0", deployment=it.find("prod", "3.0").id)
    it.finish("prod", "3.0", "failed")
    it.evaluate(1)
    (put_back,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    assert it.reason("prod", "4.0") == BeingDeployed(version="2.0", deployment=put_back.id)
    it.finish_rollback(put_back)
    it.evaluate(1)
    assert it.status("prod", "4.0") is Status.CREATED


def test_a_rollback_that_waits_keeps_its_reason() -> None:
    it = running("rollback")
    it.publish("3.0", published=9)
    go(it, "3.0", "dev")
    it.hold("freeze", environment="prod", reason="holidays")
    it.finish("prod", "3.0", "failed", reason="no disk")
    it.evaluate(1)
    (put_back,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    why = RollbackOf(version="3.0", target="2.0", deployed_at=at(8), failure=AttemptFailed(text="no disk"))
    assert put_back.status_reason == RollbackWaits(
        rollback=why, awaits=(Frozen(by="alice", service="foo", environment="prod", comment="holidays"),)
    )
    it.hold("freeze", environment="prod", lift=True)
    it.evaluate(1)
    assert back(it) == [("prod", "2.0", why)]
