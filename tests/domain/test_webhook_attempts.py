"""What follows an attempt to call a webhook."""

from datetime import UTC, datetime, timedelta

import pytest

from deploydb.domain.model.requests import Answer, NoAnswer
from deploydb.domain.webhook_attempts import Attempt, FailedCall, judge_attempt

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def judged(
    status: int | None, *, age: timedelta = timedelta(0), attempts: int = 1, failures: int = 0, retry: str | None = None
) -> Attempt:
    answer = (
        Answer(status=status, body=b"", complete=True, retry_after=retry)
        if status is not None
        else NoAnswer(reason="connection refused")
    )
    given = {"attempts": attempts, "failures": failures, "now": NOW, "jitter": 0.5}
    return judge_attempt(answer, opened_at=NOW - age, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_an_answer_of_200_to_299_is_a_delivery(status: int) -> None:
    assert judged(status) == Attempt(status=status)


@pytest.mark.parametrize(("failures", "seconds"), [(0, 1), (1, 2), (5, 32), (9, 300), (10_000, 300)])
def test_the_pause_doubles_with_each_failure_of_the_endpoint_up_to_five_minutes(failures: int, seconds: int) -> None:
    attempt = judged(None, failures=failures)
    assert (attempt.problem, attempt.dead) == ("connection refused", False)
    assert attempt.again_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("retry", "seconds"),
    [
        ("30", 30),
        ("0", 1),
        ("99999999999", 3600),
        ("Sun, 22 Nov 2026 12:00:20 GMT", 20),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 1),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", 1),
        ("soon", 1),
        ("-5", 1),
        ("", 1),
    ],
)
def test_retry_after_makes_the_pause_longer(retry: str, seconds: int) -> None:
    assert judged(429, retry=retry).again_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("status", [500, 404, 302, 400])
def test_a_call_that_is_answered_is_given_up_after_ten_attempts(status: int) -> None:
    assert not judged(status, attempts=9, age=timedelta(hours=23)).dead
    assert judged(status, attempts=1, age=timedelta(days=1)).dead, "what comes days late is of no use"
    attempt = judged(status, attempts=10)
    assert (attempt.dead, attempt.dead_before) == (True, None)


@pytest.mark.parametrize(
    ("failed", "dead"),
    [
        (FailedCall(problem="no JSON"), True),
        (FailedCall(problem="answered 500", status=500), True),
        (FailedCall(problem="answered 503", status=503), False),
        (FailedCall(problem="answered 403", status=403, later=True), False),
        (FailedCall(problem="no answer", later=True), False),
    ],
)
def test_a_report_is_given_up_by_the_rule_of_other_calls(failed: FailedCall, dead: bool) -> None:
    assert judge_attempt(failed, opened_at=NOW, attempts=10, failures=9, now=NOW, jitter=0.5).dead is dead


def test_a_refused_call_is_dead_at_once_and_its_endpoint_has_no_pause() -> None:
    refused = FailedCall(problem="answered 422", status=422, refused=True)
    attempt = judge_attempt(refused, opened_at=NOW, attempts=1, failures=0, now=NOW, jitter=0.5)
    assert attempt == Attempt(status=422, problem="answered 422", dead=True)


@pytest.mark.parametrize("status", [None, 429, 502, 503, 504])
def test_a_call_to_make_later_is_given_up_after_a_day(status: int | None) -> None:
    assert not judged(status, attempts=1000, age=timedelta(hours=23)).dead
    attempt = judged(status, age=timedelta(hours=24))
    assert (attempt.dead, attempt.dead_before) == (True, NOW - timedelta(hours=24))
