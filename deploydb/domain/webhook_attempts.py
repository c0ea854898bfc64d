"""What follows an attempt to call a webhook: delivered, another attempt after a pause, or dead."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from msgspec import Struct

from deploydb.domain.model.requests import Answer, NoAnswer

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
LONGEST_RETRY_AFTER = timedelta(hours=1)
MOST_ATTEMPTS = 10
"""Of a call that is answered, and not well: some eight minutes for the first one of an endpoint."""
GIVE_UP_AFTER = timedelta(hours=24)
"""Of any call, from when it was opened."""
_LATER = frozenset((429, 502, 503, 504))
"""Statuses that say nothing of the call itself."""
OVERTAKEN = "not sent: overtaken by a later report"
_REDIRECTED = ": redirects are not followed, configure the address that it leads to"


class FailedCall(Struct, frozen=True, kw_only=True):
    """A call without success. `later`: whatever its status, that says nothing of the call itself. `refused`: the
    endpoint takes other calls, and never this one."""

    problem: str
    status: int | None = None
    later: bool = False
    refused: bool = False
    retry_after: str | None = None


class Attempt(Struct, frozen=True, kw_only=True):
    """The result of an attempt. `problem`: None for a call that was made with success. `again_at`: of the next call of
    an endpoint that failed, of the same delivery unless that is `dead`; None where the endpoint did not fail.
    `dead_before`: what was opened until then is dead with it."""

    status: int | None = None
    problem: str | None = None
    again_at: datetime | None = None
    dead: bool = False
    dead_before: datetime | None = None

    @property
    def delivered(self) -> bool:
        return not self.dead and self.again_at is None


def judge_attempt(
    answer: Answer | NoAnswer | FailedCall | None,
    *,
    opened_at: datetime,
    attempts: int,
    failures: int,
    now: datetime,
    jitter: float,
) -> Attempt:
    """The result of the `attempts`-th attempt. `answer`: None where a later call has overtaken this one. `failures`: of
    its endpoint without a success until now, this one not counted. `jitter`: from 0 to 1.

    The pause is doubled with each failure of the endpoint up to five minutes, and is at least `Retry-After`.
    """
    if answer is None:
        return Attempt(problem=OVERTAKEN)
    failed = _failed(answer)
    if failed is None:
        return Attempt(status=answer.status if isinstance(answer, Answer) else None)
    problem = failed.problem + (_REDIRECTED if 300 <= (failed.status or 0) < 400 else "")
    if failed.refused:
        return Attempt(status=failed.status, problem=problem, dead=True)
    expired = now - GIVE_UP_AFTER if now - opened_at >= GIVE_UP_AFTER else None
    dead = expired is not None or (not (failed.later or failed.status in _LATER) and attempts >= MOST_ATTEMPTS)
    pause = min(FIRST_PAUSE * 2.0 ** min(failures, 20), LONGEST_PAUSE) * (0.75 + jitter / 2)
    again_at = now + max(pause, retry_after(failed.retry_after, now))
    return Attempt(status=failed.status, problem=problem, again_at=again_at, dead=dead, dead_before=expired)


def _failed(answer: Answer | NoAnswer | FailedCall) -> FailedCall | None:
    """What has failed; None for a success."""
    match answer:
        case FailedCall():
            return answer
        case NoAnswer():
            return FailedCall(problem=answer.reason, later=True)
        case Answer(status=status):
            if 200 <= status < 300:
                return None
            return FailedCall(problem=f"answered {status}", status=status, retry_after=answer.retry_after)


def retry_after(value: str | None, now: datetime) -> timedelta:
    """The header of RFC 9110, 10.2.3: seconds or a date; zero for none that can be read."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return timedelta(0)
    return min(max(date.replace(tzinfo=date.tzinfo or UTC) - now, timedelta(0)), LONGEST_RETRY_AFTER)
