"""What follows a failure, as it is configured."""

from datetime import timedelta

import pytest

from deploydb.domain.model.admission_reasons import GroupFull, InLine, NotBefore
from deploydb.domain.model.catalog import After, Parallel, Retry, Stage
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.gate_reasons import IncidentOpen
from deploydb.domain.model.outcome_reasons import AttemptFailed
from deploydb.domain.model.reason_parts import IncidentReport
from deploydb.domain.model.reasons import FailedBeside, Followed
from deploydb.domain.model.rollback_reasons import RollingBack
from tests.domain.failure_steps import back, fail_in_prod, running
from tests.domain.scenario import world


def test_stop_leaves_things_as_they_are_and_tells_people_once() -> None:
    it = running("stop")
    fail_in_prod(it)
    it.evaluate(60)
    assert back(it) == []
    assert [(one.failure_response, one.reason) for one in it.failures] == [("stop", AttemptFailed(text="no disk"))]
    assert it.find("prod", "3.0").needs_evaluation


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
        assert it.reason("dev", "3") == InLine()
    for version in order:
        it.deploy("dev", version)
    assert [one.deployment.release.artifact.version for one in it.commands] == order
