"""What is made of the answers to what gates ask outside, as tables."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from deploydb.domain.gates.checked import Check
from deploydb.domain.gates.metric import MetricPromotion
from deploydb.domain.gates.webhook import WebhookPromotion
from deploydb.domain.model.requests import Answer, NoAnswer
from tests.domain.given import at

WEBHOOK = WebhookPromotion(ident="web", url="https://example.com", expect=(200, 204), retries=2)
METRIC = MetricPromotion(
    ident="errors", prometheus="http://prometheus", query="up", below=0.01, for_=timedelta(minutes=10)
)
TIMED_OUT = NoAnswer(reason="timed out after 10s")
REFUSED = NoAnswer(reason="10.1.2.3 is a private address", asked=False)


def sample(value: float) -> Answer:
    body = b'{"status":"success","data":{"resultType":"scalar","result":[1,"%g"]}}' % value
    return Answer(status=200, body=body, complete=True)


def check(attempts: int = 1, *, held: float | None = None, late: float = 0, key: str | None = None) -> Check:
    since = None if held is None else at(held)
    took = timedelta(seconds=late)
    return Check(created_at=at(0), attempts=attempts, condition_since=since, late=took, last_report_key=key)


@pytest.mark.parametrize(
    ("attempts", "answer", "outcome", "reason"),
    [
        (1, Answer(status=204, body=b"", complete=True), "passed", "204"),
        (9, Answer(status=200, body=b"", complete=True), "passed", "200"),
        (1, Answer(status=503, body=b"busy 1", complete=True), "pending", "503, expected 200 or 204: busy 1"),
        (2, TIMED_OUT, "errored", "timed out after 10s"),
        (3, TIMED_OUT, "errored", "timed out after 10s"),
        (
            3,
            Answer(status=503, body=b"busy 3", complete=True),
            "failed",
            "503, expected 200 or 204, after 3 attempts: busy 3",
        ),
        (9, REFUSED, "errored", "10.1.2.3 is a private address"),
    ],
)
def test_a_webhook(attempts: int, answer: Answer | NoAnswer, outcome: str, reason: str) -> None:
    judged = WEBHOOK.judge(check(attempts), answer, at(1))
    assert (judged.outcome, judged.reason) == (outcome, reason)
    assert judged.due_at == (at(1.5) if outcome in ("errored", "pending") else None)


@pytest.mark.parametrize(
    ("minute", "before", "value", "outcome", "reason", "due", "held"),
    [
        (1, check(), 0.005, "pending", "below 0.01 since 2026-11-22 12:01:00 UTC, must stay so for 10m", 1.5, 1),
        (5, check(held=1), 0.005, "pending", "below 0.01 since 2026-11-22 12:01:00 UTC, must stay so for 10m", 5.5, 1),
        (10.8, check(held=1), 0.0, "pending", "below 0.01 since 2026-11-22 12:01:00 UTC, must stay so for 10m", 11, 1),
        (11, check(held=1), 0.005, "passed", "0.005, below 0.01 for 10m", None, None),
        (11, check(held=1, late=30), 0.0, "pending", "below 0.01 since 2026-11-22 12:11:00 UTC", 11.5, 11),
        (5, check(held=1), 0.01, "pending", "0.01 at 2026-11-22 12:05:00 UTC, must be below 0.01", 5.5, None),
        (59.9, check(), 0.5, "pending", "0.5 at 2026-11-22 12:59:54 UTC, must be below 0.01", 60, None),
        (60, check(), 0.5, "failed", "not within 1h: 0.5 at last, must be below 0.01", None, None),
        (60, check(held=55), 0.001, "failed", "not within 1h: 0.001 at last, below 0.01 since 2026-", None, None),
        (60, check(held=50), 0.001, "passed", "0.001, below 0.01 for 10m", None, None),
        (5, check(held=1), None, "errored", "Prometheus: timed out after 10s", 5.5, None),
        (60, check(held=1), None, "errored", "Prometheus: timed out after 10s", 60.5, None),
        (99, check(key="no answer: x"), 0.001, "pending", "below 0.01 since 2026-11-22 13:39:00 UTC", 99.5, 99),
        (100, check(key="below", held=99), 0.001, "pending", "below 0.01 since 2026-11-22 13:39:00 UTC", 100.5, 99),
        (99, check(key="no answer: x"), 0.5, "failed", "not within 1h: 0.5 at last, must be below 0.01", None, None),
        (60, check(), 0.001, "failed", "not within 1h: 0.001 at last, below 0.01 since 2026-", None, None),
    ],
)
def test_a_metric(
    minute: float,
    before: Check,
    value: float | None,
    outcome: str,
    reason: str,
    due: float | None,
    held: float | None,
) -> None:
    answer = TIMED_OUT if value is None else sample(value)
    judged = METRIC.judge(before, answer, at(minute))
    assert judged.outcome == outcome
    assert judged.reason.startswith(reason)
    assert judged.due_at == (None if due is None else at(due))
    assert judged.condition_since == (None if held is None else at(held))


@pytest.mark.parametrize(("value", "outcome"), [(1.0, "pending"), (1.5, "passed"), (2.0, "pending")])
def test_between_two_limits(value: float, outcome: str) -> None:
    between = MetricPromotion(ident="load", prometheus="http://prometheus", query="load", above=1, below=2)
    judged = between.judge(check(), sample(value), at(1))
    assert judged.outcome == outcome
    assert "above 1 and below 2" in judged.reason


@pytest.mark.parametrize(
    "result", ['{"resultType":"vector","result":[]}', '{"resultType":"scalar","result":[1,"NaN"]}']
)
@pytest.mark.parametrize(
    ("no_value", "outcomes"),
    [("error", ["errored", "errored"]), ("pass", ["pending", "pending"]), ("fail", ["pending", "failed"])],
)
def test_no_value_is_what_the_rule_says(result: str, no_value: str, outcomes: list[str]) -> None:
    metric = replace(METRIC, no_value=no_value)
    answer = Answer(status=200, body=b'{"status":"success","data":%s}' % result.encode(), complete=True)
    judged = [metric.judge(check(held=held), answer, at(minute)) for minute, held in ((1, None), (65, 61))]
    assert [one.outcome for one in judged] == outcomes
    assert metric.judge(check(held=1), answer, at(11)).outcome == ("passed" if no_value == "pass" else outcomes[0])


def test_a_value_that_stays_on_the_wrong_side_is_reported_once() -> None:
    first = METRIC.judge(check(), sample(0.5), at(1))
    second = METRIC.judge(check(2), sample(0.6), at(2))
    assert first.last_report_key == second.last_report_key
