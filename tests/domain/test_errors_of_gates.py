"""Gates that cannot tell: they block, people are notified once, and people or the rule answer for them."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import Decisions, VerdictChanged
from deploydb.domain.gates.expression import ExpressionPromotion
from deploydb.domain.gates.metric import MetricPromotion
from deploydb.domain.gates.webhook import WebhookPromotion
from deploydb.domain.model.catalog import Retry
from deploydb.domain.model.deployment import FactOrder, GateStatus, Status
from deploydb.domain.model.evidence import Approval
from deploydb.domain.model.gate_reasons import CheckPending, CheckUnanswered
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import ErrorLasts, ErrorResolved
from tests.domain.given import chain, foo
from tests.domain.scenario import Scenario, world

METRIC = MetricPromotion(ident="errors", prometheus="http://prometheus", query="up", below=0.01)
WEBHOOK = WebhookPromotion(ident="errors", url="https://example.com", retries=2)
AWAY = CheckUnanswered(promotion="errors")


def deployed(*, failure_strategy: str = "rollback", **rule: object) -> Scenario:
    """1.0 runs in dev, and has a metric as its gate."""
    it = world(
        *chain("dev"),
        promotions=[replace(METRIC, **rule)],
        services=[foo(promotions=("errors",), failure_strategy=failure_strategy)],
        groups={"sre": frozenset({"sue"})},
        freeze_overriders=("sre",),
    )
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    return it


def answer(it: Scenario, by: str, *, given: bool = True) -> None:
    at = FactOrder(it.now, "cli", by)
    word = Approval(promotion="errors", by=by, given=given, at=at, comment="looked")
    it.ledger.statements.approve(it.find("dev", "1.0").id, word)
    it.evaluate(1)


def notified(made: Decisions) -> list[str]:
    return [one.verdict.promotion for one in made.decisions if isinstance(one, VerdictChanged) and one.notifies]


def test_a_gate_without_an_answer_blocks_and_notifies_once_its_time_is_over() -> None:
    it = deployed()
    it.verify("dev", "1.0", job="errors", outcome="errored")
    assert notified(it.evaluate()) == []
    began = it.now
    it.evaluate(30)
    it.verify("dev", "1.0", job="errors", outcome="errored")
    assert notified(it.evaluate(30)) == ["errors"]
    assert it.status("dev", "1.0") is Status.COMPLETED
    assert it.reason("dev", "1.0") == ErrorLasts(promotion="errors", since=began, error=AWAY)
    it.verify("dev", "1.0", job="errors", outcome="errored")
    assert notified(it.evaluate(600)) == []
    it.verify("dev", "1.0", job="errors")
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.SUCCESS


@pytest.mark.parametrize(("rule", "status"), [("fail", Status.FAILED), ("pass", Status.SUCCESS)])
def test_the_rule_says_what_no_answer_comes_to_at_the_timeout(rule: str, status: Status) -> None:
    it = deployed(on_error=rule)
    it.verify("dev", "1.0", job="errors", outcome="errored")
    it.evaluate()
    it.evaluate(59)
    assert it.status("dev", "1.0") is Status.COMPLETED
    it.evaluate(1)
    assert it.status("dev", "1.0") is status
    (verdict,) = it.ledger.verdicts(it.find("dev", "1.0").id).values()
    assert verdict.reason == ErrorResolved(promotion="errors", passed=rule == "pass", error=AWAY)


@pytest.mark.parametrize(("given", "status"), [(True, Status.SUCCESS), (False, Status.FAILED)])
def test_a_person_who_may_override_answers_for_it(given: bool, status: Status) -> None:
    it = deployed(timeout=timedelta(days=1))
    it.verify("dev", "1.0", job="errors", outcome="errored")
    it.evaluate()
    answer(it, "eve", given=given)
    assert it.status("dev", "1.0") is Status.COMPLETED
    answer(it, "sue", given=given)
    assert it.status("dev", "1.0") is status
    (verdict,) = it.ledger.verdicts(it.find("dev", "1.0").id).values()
    by = (Comment(by="sue", comment="looked"),)
    assert verdict.reason == ErrorResolved(promotion="errors", passed=given, error=AWAY, by=by)


def test_the_word_of_a_person_does_not_stand_against_an_answer() -> None:
    it = deployed(failure_strategy="stop")
    answer(it, "sue")
    assert it.status("dev", "1.0") is Status.COMPLETED
    it.verify("dev", "1.0", job="errors", outcome="failed")
    it.evaluate()
    assert it.status("dev", "1.0") is Status.FAILED


def test_an_answer_that_is_not_the_wanted_one_yet_is_pending() -> None:
    it = deployed()
    it.verify("dev", "1.0", job="errors", outcome="pending")
    it.evaluate()
    assert it.reason("dev", "1.0") == CheckPending(promotion="errors")
    it.verify("dev", "1.0", job="errors", outcome="errored")
    it.evaluate(30)
    it.verify("dev", "1.0", job="errors", outcome="pending")
    it.evaluate(1)
    it.verify("dev", "1.0", job="errors", outcome="errored")
    it.evaluate(59)  # the first error is no longer counted
    (verdict,) = it.ledger.verdicts(it.find("dev", "1.0").id).values()
    assert (verdict.outcome, verdict.reason, verdict.since) == (GateStatus.ERROR, AWAY, it.now)


def test_a_webhook_has_the_time_of_its_retries() -> None:
    assert WEBHOOK.patience == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("rule", "outcome"), [("block", GateStatus.ERROR), ("fail", GateStatus.FAIL), ("pass", GateStatus.PASS)]
)
def test_an_expression_that_cannot_tell_comes_to_what_its_rule_says_at_once(rule: str, outcome: GateStatus) -> None:
    def unknown(_: object) -> bool:
        raise ValueError("no such key")

    odd = ExpressionPromotion(ident="odd", expression="x", rule=unknown, on_error=rule)
    it = world(*chain("dev"), promotions=[odd], entry={"dev": ("odd",)})
    it.publish("1.0")
    made = it.evaluate()
    (verdict,) = it.ledger.verdicts(it.find("dev", "1.0").id).values()
    assert verdict.outcome is outcome
    assert notified(made) == (["odd"] if rule == "block" else [])
    assert notified(it.evaluate(1)) == []


def test_a_person_who_answered_at_the_entry_is_not_asked_again_by_a_retry() -> None:
    it = world(
        *chain("dev"),
        promotions=[METRIC],
        entry={"dev": ("errors",)},
        services=[foo(retry=Retry(retries=1, backoff=timedelta(0)))],
        groups={"sre": frozenset({"sue"})},
        freeze_overriders=("sre",),
    )
    it.publish("1.0")
    it.evaluate(1)
    it.verify("dev", "1.0", job="errors", outcome="errored")
    it.evaluate(61)
    answer(it, "sue")
    assert it.status("dev", "1.0") is Status.CREATED
    it.finish("dev", "1.0", "failed")
    it.evaluate(1)
    assert (it.find("dev", "1.0").attempt, it.status("dev", "1.0")) == (2, Status.CREATED)
