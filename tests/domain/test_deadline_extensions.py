"""Starts that are reported extend the deadline of a deployment, up to a limit."""

from datetime import timedelta

from msgspec.structs import replace

from deploydb.domain.model.deployment import Status
from deploydb.domain.model.facts import DeploymentStarted
from deploydb.domain.model.outcome_reasons import DeadlineExtended, Expired
from tests.domain.given import at
from tests.domain.scenario import Scenario, world


def patient() -> Scenario:
    """A deployment has an hour, at most three."""
    it = world()
    for name, environment in list(it.catalog.environments.items()):
        it.catalog.environments[name] = replace(environment, deadline_at_most=timedelta(hours=3))
    it.publish("1.0")
    it.evaluate()
    return it


def test_each_start_extends_the_deadline_up_to_a_limit() -> None:
    it = patient()
    deadlines = []
    for _ in range(4):
        it.now += timedelta(minutes=50)
        it.start("dev", "1.0")
        it.evaluate()
        deadlines.append(it.find("dev", "1.0").deadline)
    assert deadlines == [at(110), at(160), at(180), at(180)]
    assert it.status("dev", "1.0") is Status.FAILED  # 200 minutes after its command
    assert it.reason("dev", "1.0") == Expired(deadline=at(180), started=True)


def test_an_extension_is_a_decision_with_its_reason() -> None:
    it = patient()
    it.now += timedelta(minutes=10)
    it.start("dev", "1.0")
    (extended,) = it.evaluate().decisions
    assert (extended.what, extended.reason) == ("extended", DeadlineExtended(started=at(10), deadline=at(70)))
    it.finish("dev", "1.0", when=at(65))
    it.evaluate(56)
    assert it.status("dev", "1.0") is Status.SUCCESS


def test_a_start_of_a_clock_that_is_ahead_counts_once_when_its_time_has_come() -> None:
    it = patient()
    it.merge(it.find("dev", "1.0"), DeploymentStarted(id="x", source="cd", time=at(4), deployment=1))
    made = it.evaluate(1)
    assert (made.decisions, made.recheck_at) == ((), at(4))
    it.evaluate(3)
    assert it.find("dev", "1.0").deadline == at(64)


def test_a_start_extends_a_deadline_that_was_over_when_it_was_read() -> None:
    it = patient()
    it.now += timedelta(minutes=55)
    it.read_until = it.now
    it.evaluate(50)  # what was sent in time may wait to be read
    assert it.find("dev", "1.0").active
    for minute in (50, 100):
        it.merge(it.find("dev", "1.0"), DeploymentStarted(id=f"s{minute}", source="cd", time=at(minute), deployment=1))
    it.read_until = it.now
    it.evaluate()
    assert it.find("dev", "1.0").deadline == at(160)


def test_without_a_limit_a_start_extends_nothing() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.now += timedelta(minutes=50)
    it.start("dev", "1.0")
    it.evaluate()
    assert it.find("dev", "1.0").deadline == at(60)
