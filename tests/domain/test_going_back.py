"""Rollbacks after rollbacks, far back, and of what runs no more."""

from datetime import timedelta

import pytest

from deploydb.domain.model.catalog import Retry
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.rollback_reasons import NoRollbackTarget, OtherRuns
from tests.domain.failure_steps import back, go, running
from tests.domain.given import BAR, FOO, catalog, chain, foo
from tests.domain.scenario import Scenario


def rolled_back(it: Scenario) -> list[str]:
    """The versions that rollbacks put into prod."""
    return [version for where, version, _ in back(it) if where == "prod"]


def roll_back(it: Scenario, version: str | None = None) -> None:
    """A person wants a rollback, and the orchestrator is done with it."""
    it.want_back("prod", version)
    it.evaluate(1)
    finish_rollbacks(it)


def finish_rollbacks(it: Scenario) -> None:
    """The orchestrator is done with what is rolled back."""
    for known in list(it.deployments.values()):
        if known.kind == "rollback" and known.active:
            it.finish_rollback(known)
    it.evaluate(1)


def three(**service: object) -> Scenario:
    it = running(**service)
    it.publish("3.0", published=9)
    go(it, "3.0", "dev", "prod")
    return it


def test_a_second_rollback_goes_further_back() -> None:
    it = three()
    for _ in range(2):
        roll_back(it)
    assert (rolled_back(it), it.runs("prod")) == (["2.0", "1.0"], "1.0")
    roll_back(it)
    assert it.answers[-1].reason == NoRollbackTarget(rolled_back=("2.0", "3.0"))
    roll_back(it, "3.0")
    assert it.runs("prod") == "3.0"


def test_a_failure_is_not_rolled_back_to_what_was_rolled_back_from() -> None:
    it = three(strategy="rollback")
    roll_back(it)
    it.publish("4.0", published=15)
    go(it, "4.0", "dev")
    it.finish("prod", "4.0", "failed")
    it.evaluate(1)
    assert rolled_back(it) == ["2.0", "2.0"]
    roll_back(it, "3.0")
    it.publish("5.0", published=20)
    go(it, "5.0", "dev")
    it.finish("prod", "5.0", "failed")
    it.evaluate(1)
    assert rolled_back(it)[-1] == "3.0", "it was named, and succeeded again"


def fail_in_prod(it: Scenario, version: str, published: int) -> None:
    """A release comes to prod, fails there, and is rolled back."""
    it.publish(version, published=published)
    go(it, version, "dev")
    it.finish("prod", version, "failed")
    it.evaluate(1)
    finish_rollbacks(it)


def test_what_was_put_back_and_failed_then_is_put_back_by_name_alone() -> None:
    it = three(strategy="rollback", fail_on_incident=True)
    fail_in_prod(it, "4.0", 15)
    it.incident("prod")
    it.evaluate(1)
    fail_in_prod(it, "5.0", 20)
    assert rolled_back(it) == ["3.0", "2.0"]
    roll_back(it, "3.0")
    assert it.runs("prod") == "3.0"


def test_what_an_open_incident_names_is_put_back_by_name_alone_where_an_incident_is_a_failure() -> None:
    it = three(strategy="rollback", fail_on_incident=True)
    it.incident("prod", version="2.0")
    for _ in range(2):
        roll_back(it)
    assert rolled_back(it) == ["1.0"]
    assert it.answers[-1].reason == NoRollbackTarget(rolled_back=("3.0",), failed=("2.0",))
    it.incident("prod", version="2.0", over=True)
    roll_back(it)
    assert rolled_back(it) == ["1.0", "2.0"]
    other = three()
    other.incident("prod", version="2.0")
    roll_back(other)
    assert rolled_back(other) == ["2.0"]


def test_what_a_retry_brought_through_every_stage_is_a_target_of_a_full_rollback() -> None:
    it = running("full_rollback")
    it.publish("3.0", published=9)
    it.evaluate(1)
    it.finish("dev", "3.0", "failed")
    it.evaluate(1)
    finish_rollbacks(it)
    it.retry("dev", "3.0")
    go(it, "3.0", "dev", "prod")
    fail_in_prod(it, "4.0", 15)
    assert rolled_back(it) == ["3.0"]


def test_a_target_is_found_however_long_ago_the_module_changed() -> None:
    it = Scenario(catalog(*chain("prod"), services=[foo(artifacts=(FOO, BAR))]))
    for number in range(2):
        it.publish(f"1.{number}", module=BAR, published=number)
        it.evaluate(1)
        it.deploy("prod", f"1.{number}")
    for number in range(60):
        it.publish(f"2.{number}", published=10 + number)
        it.evaluate(1)
        it.deploy("prod", f"2.{number}")
    it.want_back("prod", runs="1.1")
    it.evaluate(1)
    assert rolled_back(it) == ["1.0"]


@pytest.mark.parametrize("named", [True, False])
def test_a_rollback_does_not_undo_the_fix_that_came_before_it_was_taken(named: bool) -> None:
    it = three()
    asked_at = it.now
    it.publish("3.1", published=10)
    go(it, "3.1", "dev", "prod")
    later, it.now = it.now, asked_at
    it.want_back("prod", runs="3.0" if named else None)
    it.now = later
    it.evaluate(1)
    ran = it.running["prod", FOO]
    refused = OtherRuns(environment="prod", version="3.0" if named else None, running="3.1", live_at=ran.live_at)
    assert (it.answers[-1].reason, rolled_back(it)) == (refused, [])


def test_a_rollback_that_waits_does_not_undo_the_fix_that_came_meanwhile() -> None:
    it = three(strategy="rollback")
    it.hold("freeze", environment="prod")
    it.incident("prod", "I-1")
    it.want_back("prod")
    it.evaluate(1)
    (rollback,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    it.observe("prod", "3.1")
    it.evaluate(1)
    ended = it.deployments[rollback.id]
    assert (ended.status, type(ended.status_reason)) == (Status.SKIPPED, OtherRuns)
    it.hold("freeze", environment="prod", lift=True)
    it.evaluate(1)
    assert rolled_back(it) == []


@pytest.mark.parametrize("outcome", ["failed", "expired"])
def test_a_rollback_that_is_retried_does_not_undo_the_fix_that_came_while_it_was_tried(outcome: str) -> None:
    it = three(strategy="rollback", retry=Retry(retries=1, backoff=timedelta(minutes=5)))
    it.want_back("prod")
    it.evaluate(1)
    (rollback,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    it.evaluate(5)
    it.observe("prod", "3.1")
    if outcome == "failed":
        it.evaluate(1)
        it.finish_rollback(it.deployments[rollback.id], "failed")
    it.evaluate(61)
    it.evaluate(6)
    (again,) = [one for one in it.deployments.values() if one.kind == "rollback" and one.attempt == 2]
    assert (again.status, type(again.status_reason)) == (Status.SKIPPED, OtherRuns)
    assert (rolled_back(it), it.runs("prod")) == (["2.0"], "3.1")


def test_what_was_put_there_by_hand_and_is_rolled_back_comes_by_order_alone() -> None:
    it = three()
    it.publish("4.0", published=15)
    it.evaluate(1)
    it.observe("prod", "4.0")
    it.evaluate(1)
    roll_back(it)
    go(it, "4.0", "dev")
    assert (it.status("prod", "4.0"), it.runs("prod")) == (Status.SKIPPED, "3.0")
    it.promote("prod", "4.0")
    it.evaluate(1)
    it.deploy("prod", "4.0")
    assert it.runs("prod") == "4.0"


def test_an_attempt_that_was_ended_by_a_rollback_is_no_answer_to_a_later_failure() -> None:
    it = three(strategy="rollback", fail_on_incident=True)
    it.hold("pause", environment="prod")
    it.retry("prod", "3.0")
    it.evaluate(1)
    it.want_back("prod")
    it.evaluate(1)
    assert it.status("prod", "3.0") is Status.SKIPPED
    (rollback,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    it.finish_rollback(rollback, "failed")
    it.evaluate(1)
    it.incident("prod")
    it.evaluate(1)
    assert rolled_back(it) == ["2.0", "2.0"]


def test_a_rollback_that_is_retried_passes_the_freeze_by_the_same_word() -> None:
    retry = Retry(retries=1, backoff=timedelta(minutes=5))
    stages = chain("dev", "prod")
    known = catalog(
        *stages,
        services=[foo(retry=retry, failure_strategy="stop")],
        groups={"sre": frozenset({"sue"})},
        freeze_overriders=("sre",),
    )
    it = Scenario(known)
    for number, version in enumerate(("1.0", "2.0")):
        it.publish(version, published=number)
        it.evaluate(1)
        it.deploy("dev", version)
        it.deploy("prod", version)
    it.hold("freeze", environment="prod")
    it.want_back("prod")
    it.evaluate(1)
    (rollback,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    it.override_of(rollback, "sue")
    it.evaluate(1)
    it.finish_rollback(it.deployments[rollback.id], "failed")
    it.evaluate(1)
    it.evaluate(5)
    assert rolled_back(it) == ["1.0", "1.0"]


def test_people_who_have_approved_the_exit_are_not_asked_again_by_a_retry() -> None:
    retry = Retry(retries=1, backoff=timedelta(minutes=5))
    it = Scenario(catalog(*chain("dev"), services=[foo(retry=retry, promotions=("manual",))]))
    it.publish("1.0")
    it.evaluate(1)
    it.speak("dev", "1.0", "bob")
    it.finish("dev", "1.0", "failed")
    it.evaluate(1)
    it.evaluate(5)
    it.deploy("dev", "1.0")
    assert (it.find("dev", "1.0").attempt, it.status("dev", "1.0")) == (2, Status.SUCCESS)
