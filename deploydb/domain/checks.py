"""The judgement of an external check's answer: whether it is a new fact, and when the next check is due.

A reason is the same as long as nothing has changed, so that a check without a new result is no event.
"""

import math
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from deploydb.domain.gates.formatting import counted, in_words, instant
from deploydb.domain.model.promotions import MetricPromotion, WebhookPromotion

SHORTEST_INTERVAL = timedelta(milliseconds=100)
"""The shortest interval between checks, below any configured one."""


class Status(Struct, frozen=True, kw_only=True):
    """A webhook's answer. `text`: the beginning of its body."""

    code: int
    text: str = ""


class Sample(Struct, frozen=True, kw_only=True):
    """A metric's value."""

    value: float


class Missing(Struct, frozen=True, kw_only=True):
    """No answer, and why. `asked`: whether a request was sent; without one the check is no attempt."""

    reason: str
    asked: bool = True


class Check(Struct, frozen=True, kw_only=True):
    """The state of a check. `attempts`: this one included. `last_report_key`: the key of the last report.

    `late`: how long after its time it was asked.
    """

    created_at: datetime
    attempts: int
    condition_since: datetime | None = None
    last_report_key: str | None = None
    late: timedelta = timedelta(0)


class Judged(Struct, frozen=True, kw_only=True):
    """A report, and the next check. `last_report_key`: the key by which a repeated report is known. `due_at` None: no
    further check."""

    outcome: Literal["passed", "failed", "errored"]
    reason: str
    last_report_key: str
    due_at: datetime | None = None
    condition_since: datetime | None = None


def judge_webhook(promotion: WebhookPromotion, check: Check, answer: Status | Missing, now: datetime) -> Judged:
    """A status that is expected passes. Any other answer is none yet, until it has been asked often enough."""
    expected = " or ".join(str(status) for status in promotion.expect)
    if isinstance(answer, Status) and answer.code in promotion.expect:
        return Judged(outcome="passed", reason=str(answer.code), last_report_key="passed")
    reason = answer.reason if isinstance(answer, Missing) else f"{answer.code}, expected {expected}"
    counts = isinstance(answer, Status) or answer.asked
    if counts and check.attempts > promotion.retries:
        body = f": {answer.text}" if isinstance(answer, Status) and answer.text else ""
        last = f"{reason}, after {counted(check.attempts, 'attempt')}{body}"
        return Judged(outcome="failed", reason=last, last_report_key="failed")
    due = now + max(promotion.interval, SHORTEST_INTERVAL)
    return Judged(outcome="errored", reason=reason, last_report_key=reason, due_at=due)


def judge_metric(promotion: MetricPromotion, check: Check, answer: Sample | Missing, now: datetime) -> Judged:
    """A value on the right side passes once it has been there for `for_`; what is not known is a break.

    So is a time without a check, as long as the interval or longer.
    """
    wanted = _wanted(promotion)
    over_at = check.created_at + promotion.timeout
    due = min(now + max(promotion.interval, SHORTEST_INTERVAL), over_at)
    since = None
    if isinstance(answer, Sample) and _holds(promotion, answer.value):
        unbroken = check.condition_since is not None and check.late < max(promotion.interval, timedelta(seconds=1))
        since = check.condition_since if unbroken and check.condition_since is not None else now
        if now - since >= promotion.for_:
            lasting = f", {wanted} for {in_words(promotion.for_)}" if promotion.for_ else f", {wanted}"
            return Judged(outcome="passed", reason=f"{answer.value:g}{lasting}", last_report_key="passed")
        reason = key = f"{wanted} since {instant(since)}, must stay so for {in_words(promotion.for_)}"
        due, last = min(due, since + promotion.for_), f"{answer.value:g} at last, {reason}"
    elif isinstance(answer, Sample):
        reason, key = f"{answer.value:g} at {instant(now)}, must be {wanted}", f"not {wanted}"
        last = f"{answer.value:g} at last, must be {wanted}"
    else:
        reason = key = last = answer.reason
    if now < over_at:
        return Judged(outcome="errored", reason=reason, last_report_key=key, due_at=due, condition_since=since)
    late = f"not within {in_words(promotion.timeout)}: {last}"
    return Judged(outcome="failed", reason=late, last_report_key="failed")


def _holds(promotion: MetricPromotion, value: float) -> bool:
    above = promotion.above is None or value > promotion.above
    return above and (promotion.below is None or value < promotion.below) and not math.isnan(value)


def _wanted(promotion: MetricPromotion) -> str:
    sides = (("above", promotion.above), ("below", promotion.below))
    return " and ".join(f"{side} {limit:g}" for side, limit in sides if limit is not None)
