"""Evaluations that come to nothing new decide nothing, however often time makes them look."""

from datetime import timedelta

from deploydb.domain.evaluation.decisions import VerdictChanged
from deploydb.domain.gates.expression import ExpressionPromotion
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.deployment import Status
from tests.domain.given import chain
from tests.domain.scenario import Scenario, world


def old_enough(variables: dict[str, object]) -> bool:
    return variables["now"] >= variables["artifact"]["published_at"] + timedelta(hours=24)  # type: ignore[index]


def broken(_: object) -> bool:
    raise ValueError("no such key")


def verdicts_in(it: Scenario, hours: int) -> int:
    """How many verdicts change in that time, looked at whenever it is due."""
    end, changed = it.now + timedelta(hours=hours), 0
    made = it.evaluate()
    while True:
        changed += sum(isinstance(one, VerdictChanged) for one in made.decisions)
        if made.recheck_at is None or made.recheck_at > end:
            return changed
        it.now = made.recheck_at
        made = it.evaluate()


def test_an_expression_that_waits_a_day_changes_its_verdict_once_and_again_when_it_holds() -> None:
    rule = ExpressionPromotion(ident="old", expression="x", rule=old_enough)
    it = world(*chain("dev"), promotions=[rule], entry={"dev": ("old",)})
    it.publish("1.0")
    assert verdicts_in(it, 23) == 1
    assert it.status("dev", "1.0") is Status.NOT_STARTED
    assert verdicts_in(it, 2) == 1
    assert [one.deployment.release.artifact.version for one in it.commands] == ["1.0"]


def test_an_expression_that_breaks_each_minute_says_so_once() -> None:
    rule = ExpressionPromotion(ident="odd", expression="x", rule=broken)
    it = world(*chain("dev"), promotions=[rule], entry={"dev": ("odd",)})
    it.publish("1.0")
    assert verdicts_in(it, 24) == 1


def test_an_approval_is_asked_for_until_its_time_whatever_is_looked_at_meanwhile() -> None:
    go = ManualPromotion(ident="go", timeout=timedelta(hours=2))
    rule = ExpressionPromotion(ident="other", expression="x", rule=lambda _: True)
    it = world(*chain("dev", "prod"), promotions=[go, rule], entry={"prod": ("go", "other"), "dev": ()})
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    assert it.status("prod", "1.0") is Status.NOT_STARTED
    for _ in range(5):
        it.evaluate(20)
    verdict = it.ledger.verdicts(it.find("prod", "1.0").id)["entry", "go"]
    assert verdict.outcome == "PENDING"
    it.evaluate(21)
    verdict = it.ledger.verdicts(it.find("prod", "1.0").id)["entry", "go"]
    assert verdict.outcome == "FAIL"
