"""Releases that come more often than a stage verifies one: by default some get through, and the newest comes next."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from deploydb.domain.calendar.window import Window
from deploydb.domain.gates.expression import ExpressionPromotion
from deploydb.domain.gates.window import WindowPromotion
from deploydb.domain.model.admission_reasons import InLine, Superseded
from deploydb.domain.model.catalog import Stage
from deploydb.domain.model.deployment import Status
from tests.domain.given import MANUAL, SMOKE, chain
from tests.domain.scenario import Scenario, world


def ten_hours(it: Scenario, slow: str, answer: str) -> set[str]:
    """A release each 15 minutes, and in the slow stage an answer after 40 minutes. What reached prod."""
    asked: dict[str, int] = {}
    for minute in range(600):
        if minute % 15 == 0:
            it.publish(f"1.{minute // 15}", published=minute)
        it.evaluate(1)
        for known in [one for one in it.deployments.values() if one.active]:
            it.deploy(known.environment, known.release.artifact.version)
        for known in [one for one in it.deployments.values() if one.environment == slow and one.needs_evaluation]:
            version = known.release.artifact.version
            if ("entry", answer) in it.ledger.verdicts(known.id) or known.status is Status.COMPLETED:
                asked.setdefault(version, minute)
            if minute - asked.get(version, minute) >= 40 and answer == "manual":
                it.speak(slow, version, "bob")
            elif minute - asked.get(version, minute) >= 40:
                it.verify(slow, version)
    prod = [one for one in it.deployments.values() if one.environment == "prod"]
    return {one.release.artifact.version for one in prod if one.live_at is not None}


@pytest.mark.parametrize("answer", ["smoke", "manual"])
def test_a_job_of_40_minutes_after_the_deployment_lets_releases_through(answer: str) -> None:
    it = world(*chain("dev", "prod", dev=(answer,)))
    assert len(ten_hours(it, "dev", answer)) >= 10


@pytest.mark.parametrize("answer", ["smoke", "manual"])
def test_a_job_of_40_minutes_at_an_entry_lets_releases_through(answer: str) -> None:
    it = world(*chain("dev", "prod"), entry={"prod": (answer,)})
    assert len(ten_hours(it, "prod", answer)) >= 10


def test_replace_is_a_choice_and_starves_the_lane() -> None:
    it = world(*(replace(stage, while_verifying="replace") for stage in chain("dev", "prod", dev=("smoke",))))
    assert ten_hours(it, "dev", "smoke") == set()
    it = world(
        *(replace(stage, while_verifying="replace") for stage in chain("dev", "prod")), entry={"prod": ("smoke",)}
    )
    assert ten_hours(it, "prod", "smoke") == set()


def test_an_age_at_an_entry_lets_releases_through() -> None:
    old = 'now - artifact.published_at > duration("40m")'

    def is_old(variables: Mapping[str, Any]) -> bool:
        return bool(variables["now"] - variables["artifact"]["published_at"] > timedelta(minutes=40))

    age = ExpressionPromotion(ident="age", expression=old, rule=is_old, by_age=True)
    it = world(*chain("dev", "prod"), entry={"prod": ("age",)}, promotions=(age,))
    assert len(ten_hours(it, "prod", "age")) >= 10


def waiting(*entry: str, promotions: tuple[object, ...] = (SMOKE, MANUAL), stage: Stage | None = None) -> Scenario:
    """1.0 has come to the entry; then 1.1 and 1.2 do."""
    it = world(stage or Stage(environment="dev"), entry={"dev": entry}, promotions=promotions)
    for number in range(3):
        it.publish(f"1.{number}", published=number)
        it.evaluate(1)
    return it


def test_at_an_entry_the_oldest_whose_gates_run_keeps_its_turn_and_the_newest_is_next() -> None:
    it = waiting("smoke")
    assert it.status("dev", "1.0") is Status.NOT_STARTED
    assert it.reason("dev", "1.1") == Superseded(version="1.2", higher=True)
    assert it.reason("dev", "1.2") == InLine()
    it.verify("dev", "1.0")
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.CREATED
    it.publish("1.3", published=3)
    it.evaluate(1)
    assert it.reason("dev", "1.2") == Superseded(version="1.3", higher=True)
    it.deploy("dev", "1.0")
    it.verify("dev", "1.3")
    it.evaluate(1)
    assert it.status("dev", "1.3") is Status.CREATED


def test_the_newest_does_not_wait_for_a_turn_where_people_have_approved_it() -> None:
    it = waiting("manual")
    it.speak("dev", "1.2", "bob")
    it.evaluate(1)
    assert it.status("dev", "1.2") is Status.CREATED
    assert it.reason("dev", "1.0") == Superseded(version="1.2", higher=True)


def test_a_release_that_is_refused_loses_its_turn() -> None:
    it = waiting("manual")
    it.speak("dev", "1.0", "bob", given=False)
    it.evaluate(1)
    assert it.reason("dev", "1.0") == Superseded(version="1.2", higher=True)
    it.speak("dev", "1.2", "bob")
    it.evaluate(1)
    assert it.status("dev", "1.2") is Status.CREATED


@pytest.mark.parametrize("held", ["pause", "freeze"])
def test_a_turn_lasts_through_a_hold(held: str) -> None:
    it = waiting("smoke")
    it.hold(held, environment="dev")
    it.verify("dev", "1.0")
    it.publish("1.3", published=3)
    it.evaluate(1)
    it.hold(held, environment="dev", lift=True)
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.CREATED


def test_what_only_the_calendar_or_the_release_itself_lets_in_has_no_turn() -> None:
    closed = WindowPromotion(ident="closed", zone="UTC", deny=(Window(),))
    final = 'artifact.version == "1.2"'

    def holds(variables: Mapping[str, Any]) -> bool:
        return bool(variables["artifact"]["version"] == "1.2")

    is_final = ExpressionPromotion(ident="final", expression=final, rule=holds)
    for gate in (closed, is_final):
        it = waiting(gate.ident, promotions=(gate,))
        assert it.status("dev", "1.0") is it.status("dev", "1.1") is Status.SKIPPED
    assert it.status("dev", "1.2") is Status.CREATED


def test_people_who_are_asked_later_give_no_turn_yet() -> None:
    closed = WindowPromotion(ident="closed", zone="UTC", deny=(Window(),))
    it = waiting("closed", "manual", promotions=(closed, MANUAL))
    assert it.reason("dev", "1.0") == Superseded(version="1.1", higher=True)


def test_a_hotfix_and_a_person_s_order_go_ahead_of_a_turn() -> None:
    it = waiting("smoke")
    it.promote("dev", "1.2")
    it.verify("dev", "1.2")
    it.evaluate(1)
    assert it.status("dev", "1.2") is Status.CREATED
