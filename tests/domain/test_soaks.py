"""Soaks count by what was known, whatever time a source gives."""

from datetime import timedelta

from deploydb.domain.model.deployment import Status
from deploydb.domain.model.gate_reasons import Soaking
from tests.domain.given import NOON, chain
from tests.domain.scenario import Scenario, world


def soaking(*gates: str) -> Scenario:
    """1.0 runs in dev since noon, and has to soak for two hours there."""
    it = world(*chain("dev", "prod", dev=(*gates, "soak")))
    it.publish("1.0")
    it.evaluate()
    it.start("dev", "1.0")
    it.finish("dev", "1.0")
    it.evaluate()
    assert it.status("dev", "1.0") is Status.COMPLETED
    return it


def ends(it: Scenario) -> float:
    """The minutes after noon at which the soak ends."""
    reason = it.reason("dev", "1.0")
    assert isinstance(reason, Soaking)
    return (reason.until - NOON) / timedelta(minutes=1)


def test_a_backdated_report_ends_no_soak() -> None:
    it = soaking("smoke")
    it.evaluate(180)
    it.verify("dev", "1.0", when=NOON)
    it.evaluate()
    assert ends(it) == 300
    it.evaluate(120)
    assert it.status("dev", "1.0") is Status.SUCCESS


def test_a_backdated_failure_restarts_a_soak_when_it_is_known() -> None:
    it = soaking()
    it.evaluate(60)
    it.verify("dev", "1.0", job="load", outcome="failed", when=NOON)
    it.evaluate()
    assert ends(it) == 180


def test_an_incident_restarts_a_soak_when_its_end_is_known() -> None:
    it = soaking()
    it.incident("dev")
    it.evaluate(100)
    it.incident("dev", over=True, when=NOON + timedelta(minutes=1))
    it.evaluate()
    assert ends(it) == 220


def test_a_resolution_that_names_another_version_restarts_the_soak_too() -> None:
    it = soaking()
    it.incident("dev", version="1.0")
    it.evaluate(60)
    it.incident("dev", over=True, version="0.9")
    it.evaluate()
    assert ends(it) == 180


def test_another_version_in_between_restarts_the_soak() -> None:
    it = soaking()
    it.now += timedelta(minutes=60)
    it.observe("dev", "0.9", when=NOON + timedelta(minutes=10))
    it.observe("dev", "1.0", when=NOON + timedelta(minutes=20))
    it.evaluate()
    assert it.runs("dev") == "1.0"
    assert ends(it) == 180
    it.evaluate(30)
    assert ends(it) == 180
    it.observe("dev", "1.0")
    it.evaluate()
    assert ends(it) == 180
    it.observe("dev", "0.8", when=NOON + timedelta(minutes=5))
    it.evaluate()
    assert ends(it) == 180
    it.evaluate(90)
    assert it.status("dev", "1.0") is Status.SUCCESS


def test_another_version_that_is_heard_of_late_restarts_the_soak() -> None:
    it = soaking()
    it.now += timedelta(minutes=20)
    it.observe("dev", "1.0")
    it.evaluate(40)
    assert ends(it) == 120
    it.observe("dev", "0.9", when=NOON + timedelta(minutes=10))
    it.evaluate()
    assert it.runs("dev") == "1.0"
    assert ends(it) == 180


def test_another_sighting_of_the_same_version_leaves_the_soak_alone() -> None:
    it = soaking()
    it.observe("dev", "0.9", when=NOON - timedelta(minutes=10))
    it.evaluate(60)
    it.observe("dev", "1.0")
    it.evaluate()
    assert ends(it) == 120
