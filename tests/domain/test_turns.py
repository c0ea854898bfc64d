"""The turn of a release ends where its gates cannot answer: a newer one may be the fix."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from deploydb.domain.calendar.window import Window
from deploydb.domain.gates.expression import ExpressionPromotion
from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.gates.webhook import WebhookPromotion
from deploydb.domain.gates.window import WindowPromotion
from deploydb.domain.model.admission_reasons import BeingVerified, InLine
from deploydb.domain.model.catalog import Stage
from deploydb.domain.model.deployment import GateStatus, Status
from deploydb.domain.model.gate_reasons import GateBroken, SoakNotLive
from tests.domain.given import SMOKE, SOAK, chain
from tests.domain.scenario import Scenario, world

WEBHOOK = WebhookPromotion(ident="hook", url="https://example.com", retries=2)
NIGHT = WindowPromotion(ident="night", zone="UTC", allow=(Window(start=time(20), end=time(22)),))


class Naive(Promotion, frozen=True, kw_only=True):
    """It cannot tell, and names a time without a zone."""

    def evaluate(self, context: Any, others: Any) -> Any:
        return context.verdict(self.ident, GateStatus.ERROR, SoakNotLive())

    def error_lasts_until(self, context: Any, since: datetime) -> datetime:
        return datetime(2026, 1, 1)

    @property
    def when_error(self) -> Any:
        return "pass"


class Lost(Naive, frozen=True, kw_only=True):
    """Its time breaks."""

    def error_lasts_until(self, context: Any, since: datetime) -> datetime:
        raise KeyError("until")


class Turning(Promotion, frozen=True, kw_only=True):
    """Its turn breaks."""

    def evaluate(self, context: Any, others: Any) -> Any:
        return context.verdict(self.ident, GateStatus.PENDING, SoakNotLive())

    def keeps_turn(self, verdict: Any) -> bool:
        raise KeyError("turn")


def at_entry(*entry: str, promotions: tuple[Promotion, ...]) -> Scenario:
    """1.0 has come to the entry."""
    it = world(Stage(environment="dev"), entry={"dev": entry}, promotions=promotions)
    it.publish("1.0")
    it.evaluate(1)
    return it


def at_exit(*gates: str, promotions: tuple[Promotion, ...]) -> Scenario:
    """1.0 runs in dev, and 1.1 has come."""
    it = world(*chain("dev", dev=gates), promotions=promotions)
    it.publish("1.0")
    it.evaluate(1)
    it.deploy("dev", "1.0")
    it.publish("1.1", published=1)
    it.evaluate(1)
    return it


def final(version: str) -> ExpressionPromotion:
    def holds(variables: Mapping[str, Any]) -> bool:
        return bool(variables["artifact"]["version"] == version)

    return ExpressionPromotion(ident="final", expression=f'artifact.version == "{version}"', rule=holds)


def test_a_gate_that_cannot_tell_keeps_the_turn_until_its_time_is_over() -> None:
    it = at_entry("hook", promotions=(WEBHOOK,))
    it.verify("dev", "1.0", job="hook", outcome="errored")
    it.publish("1.1", published=1)
    it.evaluate(0.1)
    assert it.reason("dev", "1.1") == InLine()
    it.verify("dev", "1.0", job="hook", outcome="errored")
    it.evaluate(2)
    assert it.status("dev", "1.0") is Status.SKIPPED
    it.verify("dev", "1.1", job="hook")
    it.evaluate(0.1)
    assert it.status("dev", "1.1") is Status.CREATED


def test_what_has_passed_beside_a_gate_that_cannot_tell_keeps_no_turn() -> None:
    it = at_entry("smoke", "hook", promotions=(SMOKE, WEBHOOK))
    it.verify("dev", "1.0")
    it.verify("dev", "1.0", job="hook", outcome="errored")
    it.publish("1.1", published=1)
    it.evaluate(0.1)
    it.evaluate(3)
    it.evaluate(0.1)
    assert it.status("dev", "1.0") is Status.SKIPPED


@pytest.mark.parametrize("kind", [Naive, Lost, Turning])
def test_a_gate_whose_time_or_turn_breaks_is_broken_and_stops_no_other(kind: type[Promotion]) -> None:
    it = at_entry("odd", promotions=(kind(ident="odd"),))
    (verdict,) = it.ledger.verdicts(it.find("dev", "1.0").id).values()
    assert verdict.outcome is GateStatus.ERROR
    assert isinstance(verdict.reason, GateBroken)
    it.publish("1.1", published=1)
    it.evaluate(1)
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.SKIPPED
    assert it.status("dev", "1.1") is Status.NOT_STARTED


def test_a_job_without_a_limit_that_errored_may_report_again_within_an_hour() -> None:
    it = at_exit("smoke", promotions=(SMOKE,))
    it.verify("dev", "1.0", outcome="errored")
    made = it.evaluate(1)
    assert made.recheck_at == it.now + timedelta(hours=1)
    it.evaluate(58)
    assert it.reason("dev", "1.1") == BeingVerified(version="1.0", deployment=it.find("dev", "1.0").id)
    it.verify("dev", "1.0")
    it.evaluate(0.1)
    assert it.status("dev", "1.0") is Status.SUCCESS
    assert it.status("dev", "1.1") is Status.CREATED


def test_a_job_without_a_limit_that_cannot_tell_for_an_hour_loses_the_turn() -> None:
    it = at_exit("smoke", promotions=(SMOKE,))
    it.verify("dev", "1.0", outcome="errored")
    it.evaluate(1)
    it.evaluate(60)
    assert it.status("dev", "1.1") is Status.CREATED


def test_a_gate_that_only_another_release_can_pass_does_not_hold_the_lane() -> None:
    it = at_exit("final", promotions=(final("1.1"),))
    assert it.status("dev", "1.1") is Status.CREATED
    it.deploy("dev", "1.1")
    it.evaluate(1)
    assert it.status("dev", "1.1") is Status.SUCCESS


def test_a_gate_without_an_answer_holds_the_lane_until_its_time_is_over() -> None:
    it = at_exit("hook", promotions=(WEBHOOK,))
    it.verify("dev", "1.0", job="hook", outcome="errored")
    it.evaluate(0.1)
    assert isinstance(it.reason("dev", "1.1"), BeingVerified)
    it.evaluate(2)
    assert it.status("dev", "1.1") is Status.CREATED


@pytest.mark.parametrize("gate", [SMOKE, SOAK])
def test_the_lane_waits_for_the_window_of_a_release_that_has_been_verified(gate: Promotion) -> None:
    it = at_exit(gate.ident, "night", promotions=(gate, NIGHT))
    it.verify("dev", "1.0")
    it.evaluate(150)
    assert isinstance(it.reason("dev", "1.1"), BeingVerified)
    it.evaluate(6 * 60)
    assert (it.status("dev", "1.0"), it.status("dev", "1.1")) == (Status.SUCCESS, Status.CREATED)


def test_a_window_alone_does_not_hold_the_lane() -> None:
    assert at_exit("night", promotions=(NIGHT,)).status("dev", "1.1") is Status.CREATED
