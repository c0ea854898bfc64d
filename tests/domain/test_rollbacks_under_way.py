"""A rollback that is under way already, and one that no longer is."""

from datetime import timedelta

import pytest

from deploydb.domain.model.catalog import Retry
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.rollback_reasons import RollbackUnderWay
from tests.domain.failure_steps import go
from tests.domain.test_going_back import finish_rollbacks, roll_back, rolled_back, three


def test_what_is_rolled_back_already_is_not_rolled_back_again() -> None:
    it = three(strategy="rollback", fail_on_incident=True)
    it.want_back("prod", runs="3.0")
    it.want_back("prod", runs="3.0")
    it.evaluate(1)
    (rollback,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    under_way = RollbackUnderWay(version="2.0", deployment=rollback.id)
    it.incident("prod")
    it.want_back("prod", runs="3.0")
    it.evaluate(1)
    assert it.status("prod", "3.0") is Status.FAILED
    assert [one.reason for one in it.answers][1:] == [under_way, under_way]
    finish_rollbacks(it)
    it.evaluate(1)
    assert rolled_back(it) == ["2.0"]
    roll_back(it)
    assert rolled_back(it) == ["2.0", "1.0"], "once it is done, another one is made"


@pytest.mark.parametrize("asks", ["a person", "an incident"])
def test_a_rollback_that_fails_and_is_tried_again_is_not_made_beside_it(asks: str) -> None:
    retry = Retry(retries=1, backoff=timedelta(minutes=5))
    it = three(strategy="rollback", fail_on_incident=True, retry=retry)
    it.want_back("prod")
    it.evaluate(1)
    (rollback,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    it.finish_rollback(rollback, "failed")
    if asks == "a person":
        it.want_back("prod")
    else:
        it.incident("prod")
    it.evaluate(1)
    (_, again) = [one for one in it.deployments.values() if one.kind == "rollback"]
    if asks == "a person":
        assert it.answers[-1].reason == RollbackUnderWay(version="2.0", deployment=again.id)
    it.evaluate(6)
    finish_rollbacks(it)
    assert (rolled_back(it), it.runs("prod")) == (["2.0", "2.0"], "2.0")


def test_a_rollback_that_comes_too_late_is_none_under_way() -> None:
    it = three(strategy="rollback")
    it.hold("freeze", environment="prod")
    it.want_back("prod", "2.0")
    it.evaluate(1)
    it.observe("prod", "3.1")
    it.now += timedelta(minutes=1)
    it.want_back("prod", "2.0", runs="3.1")
    it.evaluate(1)
    it.hold("freeze", environment="prod", lift=True)
    it.evaluate(1)
    assert rolled_back(it) == ["2.0"]


def test_nor_does_it_stand_for_that_of_the_failure_of_what_overtook_it() -> None:
    it = three(strategy="rollback", fail_on_incident=True)
    it.publish("4.0", published=15)
    go(it, "4.0", "dev")
    it.want_back("prod", runs="3.0")
    it.evaluate(1)
    it.incident("prod", version="4.0")
    it.finish("prod", "4.0")
    it.want_back("prod", runs="3.0")
    it.evaluate(1)
    assert it.status("prod", "4.0") is Status.FAILED
    assert rolled_back(it) == ["3.0"]
