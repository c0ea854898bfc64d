"""What follows a failure, as it is configured."""

from datetime import timedelta

import pytest

from deploydb.domain.model.admission_reasons import BeingDeployed, Frozen, GroupFull, InLineBehind, NotBefore
from deploydb.domain.model.catalog import (
    After,
    Parallel,
    Retry,
    Stage,
)
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.gate_reasons import IncidentOpen
from deploydb.domain.model.reason_parts import Comment, IncidentReport
from deploydb.domain.model.reasons import (
    AttemptFailed,
    FailedBeside,
    Followed,
    NoRollbackTarget,
    RollbackFinal,
    RollbackOf,
    RollbackWaits,
    RollingBack,
)
from tests.domain.scenario import (
    Scenario,
    at,
    catalog,
    chain,
    foo,
    world,
)


def running(strategy: str = "stop", **service: object) -> Scenario:
    """1.0 and then 2.0 went through dev and prod, with success; a smoke test must pass in each."""
    it = Scenario(
        catalog(*chain("dev", "prod"), services=[foo(failure_strategy=strategy, promotions=("smoke",), **service)])
    )
    for number, version in enumerate(("1.0", "2.0")):
        it.publish(version, published=number)
        go(it, version, "dev", "prod")
    return it


def go(it: Scenario, version: str, *environments: str) -> None:
    it.evaluate(1)
    for environment in environments:
        it.deploy(environment, version)
        it.verify(environment, version)
        it.evaluate(1)


def fail_in_prod(it: Scenario, version: str = "3.0", reason: str = "no disk") -> None:
    it.publish(version, published=9)
    go(it, version, "dev")
    it.finish("prod", version, "failed", reason=reason)
    it.evaluate(1)


def back(it: Scenario) -> list[tuple[str, str, str]]:
    """The rollbacks that were commanded: where, to which version, and why."""
    return [
        (one.deployment.environment, one.deployment.release.artifact.version, one.reason)
        for one in it.commands
        if one.kind == "rollback"
    ]


def test_stop_leaves_things_as_they_are_and_tells_people_once() -> None:
    it = running("stop")
    fail_in_prod(it)
    it.evaluate(60)
    assert back(it) == []
    assert [(one.failure_response, one.reason) for one in it.failures] == [("stop", AttemptFailed(text="no disk"))]
    assert it.find("prod", "3.0").needs_evaluation


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


def test_an_ignored_failure_is_recorded_and_the_release_goes_on() -> None:
    it = running("ignore")
    it.publish("3.0", published=9)
    it.evaluate(1)
    it.finish("dev", "3.0", "failed", reason="flaky")
    it.evaluate(1)
    assert it.status("dev", "3.0") is Status.FAILED
    assert it.status("prod", "3.0") is Status.CREATED
    assert [one.failure_response for one in it.failures] == ["ignore"]


def test_an_attempt_is_retried_with_a_doubling_pause_before_the_failure_counts() -> None:
    it = running("rollback", retry=Retry(retries=2, backoff=timedelta(minutes=5)))
    fail_in_prod(it)
    first = it.find("prod", "3.0")
    assert (first.attempt, first.status) == (2, Status.NOT_STARTED)
    assert first.status_reason == NotBefore(attempt=2, at=it.now + timedelta(minutes=5))
    assert it.failures == []
    it.evaluate(5)
    assert (it.commands[-1].reason.attempt, it.commands[-1].reason.promoted_from[0].environment) == (2, "dev")
    it.finish("prod", "3.0", "failed")
    it.evaluate(0)
    it.evaluate(9)
    assert it.status("prod", "3.0") is Status.NOT_STARTED
    it.evaluate(1)
    it.finish("prod", "3.0", "failed")
    it.evaluate(1)
    assert [one.failure_response for one in it.failures] == ["rollback"]
    assert [known.attempt for known in it.deployments.values() if known.release.artifact.version == "3.0"] == [
        1,
        1,
        2,
        3,
    ]


def test_a_retry_that_succeeds_is_a_success() -> None:
    it = running("rollback", retry=Retry(retries=1, backoff=timedelta(minutes=5)))
    fail_in_prod(it)
    it.evaluate(5)
    it.deploy("prod", "3.0")
    it.verify("prod", "3.0")
    it.evaluate(1)
    assert it.status("prod", "3.0") is Status.SUCCESS
    assert it.failures == []


def test_an_incident_is_a_failure_where_it_is_configured_to_be() -> None:
    it = running("rollback", fail_on_incident=True)
    it.incident("prod")
    it.evaluate(1)
    assert it.status("prod", "2.0") is Status.FAILED
    assert [(where, version) for where, version, _ in back(it)] == [("prod", "1.0")]
    assert it.failures[0].reason == Followed(
        failure=IncidentOpen(incidents=(IncidentReport(name="INC-1", text="errors"),)),
        response=RollingBack(version="1.0"),
    )


def test_an_incident_that_is_over_is_forgiven_where_people_were_to_look() -> None:
    it = running("stop", fail_on_incident=True)
    it.incident("prod")
    it.evaluate(1)
    assert it.status("prod", "2.0") is Status.FAILED
    it.incident("prod", over=True)
    it.evaluate(1)
    assert it.status("prod", "2.0") is Status.SUCCESS


def test_an_incident_is_no_failure_by_default() -> None:
    it = running("rollback")
    it.incident("prod")
    it.evaluate(1)
    assert it.status("prod", "2.0") is Status.SUCCESS
    assert back(it) == []


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


REGIONS = (
    Stage(environment="dev"),
    *(Stage(environment=name, after=After(environments=("dev",))) for name in ("eu", "us", "ap")),
)


def test_one_region_at_a_time_and_none_after_one_that_failed() -> None:
    it = world(*REGIONS, parallel=(Parallel(environments=("eu", "us", "ap"), most=1),))
    it.publish("1.0")
    it.evaluate(1)
    it.deploy("dev", "1.0")
    assert it.status("eu", "1.0") is Status.CREATED
    assert it.reason("us", "1.0") == GroupFull(busy=("eu",), most=1, environments=("eu", "us", "ap"))
    it.deploy("eu", "1.0")
    assert it.status("us", "1.0") is Status.CREATED
    it.finish("us", "1.0", "failed", reason="no disk")
    it.evaluate(1)
    assert it.reason("ap", "1.0") == FailedBeside(version="1.0", environment="us", reason=AttemptFailed(text="no disk"))


@pytest.mark.parametrize(("supersede", "order"), [("newest", ["1", "3"]), ("queue", ["1", "2", "3"])])
def test_who_waits_at_a_door_goes_in_turn_or_only_the_newest(supersede: str, order: list[str]) -> None:
    it = world(Stage(environment="dev", supersede=supersede))
    for number in (1, 2, 3):
        it.publish(str(number), published=number)
        it.evaluate(1)
    if supersede == "queue":
        assert it.reason("dev", "3") == InLineBehind(version="2")
    for version in order:
        it.deploy("dev", version)
    assert [one.deployment.release.artifact.version for one in it.commands] == order


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
