"""Superseded versions that people choose all the same: by a retry, a pin or a promotion."""

from msgspec.structs import replace

from deploydb.domain.model.admission_reasons import BehindOrder, NewerIsLive, Superseded
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.retry_reasons import RetryForPin
from tests.domain.failure_steps import WORDS, obstacle
from tests.domain.given import catalog, chain, foo
from tests.domain.scenario import Scenario

NEWEST = tuple(replace(stage, while_verifying="replace") for stage in chain("dev", "prod"))
"""Stages in which a newer version takes the turn of one that people are asked about."""


def test_a_superseded_version_can_be_chosen_while_it_is_newer_than_what_runs() -> None:
    it = Scenario(catalog(*NEWEST, entry={"prod": ("manual",)}, services=[foo()]))
    for number, version in enumerate(("1.0", "1.1", "1.2")):
        it.publish(version, published=number)
        it.evaluate(1)
        it.deploy("dev", version)
    assert it.status("prod", "1.1") is Status.SKIPPED
    it.retry("prod", "1.1")
    it.evaluate(1)
    assert it.reason("prod", "1.2") == BehindOrder(version="1.1", order=WORDS)
    it.speak("prod", "1.1", "bob")
    it.evaluate(1)
    it.deploy("prod", "1.1")
    assert it.runs("prod") == "1.1"
    it.retry("prod", "1.0")
    it.evaluate(1)
    assert obstacle(it) == NewerIsLive(environment="prod", version="1.1", higher=True)


def test_a_superseded_version_comes_where_the_lane_is_pinned_to_it() -> None:
    it = Scenario(catalog(*NEWEST, entry={"prod": ("manual",)}, services=[foo()]))
    for number, version in enumerate(("1.0", "1.1")):
        it.publish(version, published=number)
        it.evaluate(1)
        it.deploy("dev", version)
    assert isinstance(it.reason("prod", "1.0"), Superseded)
    it.hold("pin", environment="prod", version="1.0")
    it.evaluate(1)
    again = it.find("prod", "1.0")
    assert (again.attempt, again.status) == (2, Status.NOT_STARTED)
    it.speak("prod", "1.0", "bob")
    it.evaluate(1)
    it.deploy("prod", "1.0")
    assert it.runs("prod") == "1.0"
    it.hold("pin", environment="prod", version="1.1")
    it.evaluate(1)
    it.speak("prod", "1.1", "bob")
    it.evaluate(1)
    it.deploy("prod", "1.1")
    it.hold("pin", environment="prod", version="1.0")
    it.evaluate(1)
    assert it.runs("prod") == "1.1", "a pin downgrades nothing"
    made = [one.deployment.status_reason for one in it.commands]
    assert not any(isinstance(reason, RetryForPin) for reason in made)


def test_a_superseded_version_comes_where_a_person_promotes_it() -> None:
    it = Scenario(catalog(*NEWEST, entry={"prod": ("manual",)}, services=[foo()]))
    for number, version in enumerate(("1.0", "1.1")):
        it.publish(version, published=number)
        it.evaluate(1)
        it.deploy("dev", version)
    assert isinstance(it.reason("prod", "1.0"), Superseded)
    it.evaluate(1)
    it.promote("prod", "1.0")
    it.evaluate(1)
    assert (it.find("prod", "1.0").attempt, it.status("prod", "1.0")) == (2, Status.NOT_STARTED)
    it.speak("prod", "1.0", "bob")
    it.evaluate(1)
    it.deploy("prod", "1.0")
    assert it.runs("prod") == "1.0"
    it.speak("prod", "1.1", "bob")
    it.evaluate(1)
    it.deploy("prod", "1.1")
    it.evaluate(1)
    assert it.find("prod", "1.0").attempt == 2, "an order is met once"
