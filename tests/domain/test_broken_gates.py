"""Gates of packages that break: each blocks itself, says so in text that can be stored, and stops nothing else."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from deploydb.domain.gates import GateContext, GateStatus, Requirement, Verdict, judge, requirement_of
from deploydb.domain.gates.checked import Check, CheckedPromotion, Judged, answer_time, judge_answer, request_of
from deploydb.domain.gates.expression import ExpressionPromotion
from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.model.gate_reasons import GateBroken, SoakNotLive
from deploydb.domain.model.reason_parts import ReasonCase
from deploydb.domain.model.requests import NoAnswer, Request
from tests.domain.gate_steps import ask, evidence_of, report
from tests.domain.given import SMOKE, at, deployment

NO_ANSWER = NoAnswer(reason="timed out after 10s")
CONTEXT = GateContext(deployment=deployment(), now=at(0))
BROKEN = Requirement(kind="other", text="odd to pass")


@dataclass
class Given:
    """What a member of a gate returns; an exception is raised."""

    value: Any

    def __call__(self, *_: object) -> Any:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Odd(CheckedPromotion, frozen=True, kw_only=True):
    """A gate whose members return what they are given."""

    given: Given

    @property
    def answer_within(self) -> timedelta:
        return self.given()

    def evaluate(self, *_: object) -> Verdict:
        return self.given()

    def request(self, *_: object) -> Request:
        return self.given()

    def judge(self, *_: object) -> Judged:
        return self.given()

    def requirement(self, *_: object) -> Requirement | None:
        return self.given()


def odd(value: object) -> Odd:
    return Odd(ident="odd", given=Given(value))


class Loose(Promotion, frozen=True, kw_only=True):
    """A gate that returns what it was given."""

    returns: object

    def evaluate(self, context: Any, others: Any) -> Any:
        return self.returns


class Unstored(ReasonCase, frozen=True, kw_only=True, tag="unstored"):
    """A reason that no reader knows."""


def test_a_checked_gate_has_an_address_and_a_time_for_its_answer() -> None:
    plain = CheckedPromotion(ident="plain")
    assert (plain.address, plain.answer_within) == ("plain", timedelta(seconds=10))
    assert answer_time(plain) == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("within", "seconds"),
    [(KeyError("a"), 10), (None, 10), (20, 10), (timedelta(seconds=-1), 0), (timedelta(days=9), 300)],
)
def test_the_time_for_an_answer_is_bounded(within: object, seconds: int) -> None:
    assert answer_time(odd(within)) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", [KeyError("a"), None, Request(url=7), Request(url="http://a", headers=(("X", 1),))])
def test_a_request_that_breaks_is_no_answer_and_no_attempt(value: object) -> None:
    request = request_of(odd(value), deployment())
    assert isinstance(request, NoAnswer)
    assert request.reason.startswith("no request: ")
    assert not request.asked


@pytest.mark.parametrize(
    "value",
    [
        KeyError("a"),
        None,
        Judged(outcome="maybe", reason="", last_report_key=""),
        Judged(outcome="passed", reason=None, last_report_key=""),
        Judged(outcome="errored", reason="", last_report_key="", due_at=datetime(2026, 1, 1)),
    ],
)
def test_a_judgement_that_breaks_is_an_error_and_repeated(value: object) -> None:
    judged = judge_answer(odd(value), Check(created_at=at(0), attempts=1), NO_ANSWER, at(1))
    assert judged.outcome == "errored"
    assert judged.reason.startswith("the answer could not be judged: ")
    assert judged.due_at == at(2)


def test_a_report_has_no_characters_that_cannot_be_stored() -> None:
    found = Judged(outcome="passed", reason="a\0", last_report_key="\ud800")
    judged = judge_answer(odd(found), Check(created_at=at(0), attempts=1), NO_ANSWER, at(1))
    assert (judged.reason, judged.last_report_key) == ("a\\x00", "\\ud800")


@pytest.mark.parametrize("value", [KeyError("a"), 7, Requirement(kind="time", text="", at=datetime(2026, 1, 1))])
def test_a_requirement_that_breaks_is_that_of_any_gate(value: object) -> None:
    verdict = CONTEXT.verdict("odd", GateStatus.PENDING, SoakNotLive())
    assert requirement_of(odd(value), verdict, CONTEXT) == BROKEN


@pytest.mark.parametrize("value", [None, Requirement(kind="time", text="it to be older", at=at(9))])
def test_a_gate_that_breaks_is_not_asked_for_its_requirement(value: Requirement | None) -> None:
    verdict = CONTEXT.verdict("odd", GateStatus.PENDING, SoakNotLive())
    assert requirement_of(odd(value), verdict, CONTEXT) == value
    broken = CONTEXT.verdict("odd", GateStatus.ERROR, GateBroken(promotion="odd", error="KeyError: 'a'"), at(1))
    assert requirement_of(odd(value), broken, CONTEXT) == BROKEN


def test_an_error_is_one_line_of_bounded_length_that_can_be_stored() -> None:
    (verdict,) = judge([odd(ValueError("a\0\ud800\n" + "b" * 2000))], CONTEXT)
    assert isinstance(verdict.reason, GateBroken)
    assert verdict.reason.error.startswith("ValueError: a\\x00\\ud800\\nbbb")
    assert len(verdict.reason.error) < 1050


def test_a_reason_has_parameters_that_can_be_stored_and_are_equal_the_next_time() -> None:
    made = [Promotion.reason("odd", "{a}\0", a="\0\ud800", b=float("nan"), c=float("-inf"), d=1.5, e=7) for _ in "12"]
    assert made[0] == made[1] == msgspec.json.decode(msgspec.json.encode(made[0]), type=type(made[0]))
    assert made[0].text == "{a}\\x00"
    assert made[0].values == {"a": "\\x00\\ud800", "b": "nan", "c": "-inf", "d": 1.5, "e": 7}


@pytest.mark.parametrize(
    "returns",
    [
        Verdict(promotion="loose", outcome=GateStatus.PASS, reason=Unstored()),
        Verdict(promotion="smoke", outcome=GateStatus.PASS, reason=SoakNotLive()),
        Verdict(promotion="loose", outcome=GateStatus.PASS, reason=SoakNotLive(), recheck_at=datetime(2026, 1, 1)),
        None,
        True,
    ],
)
def test_a_gate_that_returns_no_verdict_that_can_be_stored_is_an_error(returns: object) -> None:
    (verdict,) = ask([Loose(ident="loose", returns=returns)])
    assert verdict.outcome == "ERROR"
    assert isinstance(verdict.reason, GateBroken)


def test_a_gate_that_breaks_stops_no_other() -> None:
    gates = [ExpressionPromotion(ident="first", expression="x", rule=lambda _: 1 / 0), SMOKE]
    assert [one.outcome for one in ask(gates, evidence_of(report("smoke")))] == ["ERROR", "PASS"]
