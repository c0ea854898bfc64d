"""When the windows of a promotion are open.

Windows are written in wall time and compared as spans of UTC, a month at a time: what a month holds depends on the
promotion alone, so it is worked out once and kept.

Where clocks go forward, an hour that does not exist is over as it begins: what opens or ends in it does so at the
instant of the change. Where they go back, an opening is the first of two equal times and an end the last: a window is
never shorter than it is written.
"""

from bisect import bisect_right
from collections.abc import Hashable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from operator import itemgetter
from typing import Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from deploydb.domain.calendar.recurrence import read_recurrence
from deploydb.domain.calendar.window import Window

Span = tuple[datetime, datetime]
"""From an instant up to, and without, another, in UTC."""

HORIZON_MONTHS = 24
"""How far ahead the next opening, or the end of one, is looked for."""
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Windows(Hashable, Protocol):
    """Windows that allow and windows that deny, on the clocks of a zone."""

    @property
    def zone(self) -> str: ...
    @property
    def allow(self) -> tuple[Window, ...]: ...
    @property
    def deny(self) -> tuple[Window, ...]: ...


class Opening(Struct, frozen=True, kw_only=True):
    """What the windows say at an instant.

    Open: until `closes_at`. Closed: until `opens_at`, and by the windows `denied_by`; outside of all that allow, where
    there are none. None: not within the horizon.
    """

    is_open: bool
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    denied_by: tuple[Window, ...] = ()


def opens(windows: Windows, now: datetime) -> Opening:
    """Whether it is open now, until when, and what closes it."""
    now = now.astimezone(UTC)
    span = next(_open_after(windows, now), None)
    if span is not None and span[0] <= now:
        return Opening(is_open=True, closes_at=_end(windows, span))
    month = _month(now)
    spans = {window: _spans(window, windows.zone, month) for window in windows.deny}
    denied_by = tuple(one for one in windows.deny if any(start <= now < end for start, end in spans[one]))
    return Opening(is_open=False, opens_at=span[0] if span is not None else None, denied_by=denied_by)


def _open_after(windows: Windows, now: datetime) -> Iterator[Span]:
    """The open spans that end after now, in order; one that goes on into the next month is in two parts."""
    first = _month(now)
    for month in range(first, first + HORIZON_MONTHS + 1):
        spans = _open_spans(windows, month)
        yield from spans[bisect_right(spans, now, key=itemgetter(1)) if month == first else 0 :]


def _end(windows: Windows, span: Span) -> datetime | None:
    """When what is open in a span closes; None: not within the horizon."""
    end = span[1]
    month = _month(span[0])
    for following in range(month + 1, month + HORIZON_MONTHS + 1):
        if end != _start_of(following):
            return end
        spans = _open_spans(windows, following)
        if not spans or spans[0][0] != end:
            return end
        end = spans[0][1]
    return None


@lru_cache(maxsize=2048)
def _open_spans(windows: Windows, month: int) -> tuple[Span, ...]:
    """What is open of a month, in order and apart from each other."""
    whole = (_start_of(month), _start_of(month + 1))
    allowed = [whole]
    if windows.allow:
        spans = [span for window in windows.allow for span in _spans(window, windows.zone, month)]
        allowed = _joined([(max(start, whole[0]), min(end, whole[1])) for start, end in spans])
    denied = _joined([span for window in windows.deny for span in _spans(window, windows.zone, month)])
    found = []
    for start, end in allowed:
        inside = [span for span in denied if span[0] < end and start < span[1]]
        edges = [start, *(edge for span in inside for edge in span), end]
        found += [(opens_at, closes_at) for opens_at, closes_at in list(pairwise(edges))[::2] if opens_at < closes_at]
    return tuple(found)


def _joined(spans: Sequence[Span]) -> list[Span]:
    """The same instants in as few spans as can be, in order."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


@lru_cache(maxsize=2048)
def _spans(window: Window, zone: str, month: int) -> tuple[Span, ...]:
    """The window's spans that touch a month, whole."""
    clock = ZoneInfo(zone)
    first, last = _start_of(month), _start_of(month + 1)
    here = (
        _recurring(window.rrule, window.duration or timedelta(0), clock, first, last)
        if window.rrule is not None
        else _daily(window, clock, first, last)
    )
    return tuple((start, end) for start, end in here if start < end and start < last and first < end)


def _daily(window: Window, clock: ZoneInfo, first: datetime, last: datetime) -> Iterator[Span]:
    # a day's window ends on the next day at the latest, and no zone is more than a day away from UTC
    day = max(first.date() - 2 * _DAY, window.first or date.min)
    until = min(last.date() + _DAY, window.last or date.max)
    while day <= until:
        if not window.days or day.weekday() in window.days:
            ends_on = day if window.start < window.end else day + _DAY
            start, end = datetime.combine(day, window.start), datetime.combine(ends_on, window.end)
            yield _instant(start, clock, fold=0), _instant(end, clock, fold=1)
        day += _DAY


def _recurring(rule: str, duration: timedelta, clock: ZoneInfo, first: datetime, last: datetime) -> Iterator[Span]:
    earliest, latest = (edge.replace(tzinfo=None) for edge in (first - duration - _DAY, last + _DAY))
    for local in read_recurrence(rule).between(earliest, latest):
        start = _instant(local, clock, fold=0)
        yield start, start + duration


def _instant(local: datetime, clock: ZoneInfo, *, fold: int) -> datetime:
    """When the clock shows a time: the first (`fold` 0) or the last of two; the instant of the change, if never."""
    at, other = local.replace(tzinfo=clock, fold=0), local.replace(tzinfo=clock, fold=1)
    before, after = at.utcoffset(), other.utcoffset()
    assert before is not None  # noqa: S101  # a ZoneInfo always has one
    assert after is not None  # noqa: S101
    if before < after:
        return _change(other.astimezone(UTC), at.astimezone(UTC), clock)
    return (other if fold else at).astimezone(UTC)


def _change(low: datetime, high: datetime, clock: ZoneInfo) -> datetime:
    """The one instant between two at which the clock is put forward, to the second."""
    old = low.astimezone(clock).utcoffset()
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        if middle.astimezone(clock).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high


def _month(at: datetime) -> int:
    return at.year * 12 + at.month - 1


def _start_of(month: int) -> datetime:
    year, index = divmod(month, 12)
    return datetime(year, index + 1, 1, tzinfo=UTC)
