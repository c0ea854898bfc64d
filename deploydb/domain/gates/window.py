"""`WindowPromotion`: it is the right time."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from deploydb.domain.gates.asked import Asked
from deploydb.domain.gates.words import in_words, listed
from deploydb.domain.promotions import Window, WindowPromotion
from deploydb.domain.state import Outcome, Verdict
from deploydb.domain.windows import Opening, opens

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAMED = 3
"""More windows than these are counted, not named."""


def window(promotion: WindowPromotion, asked: Asked) -> Verdict:
    """Inside of a window that allows, outside of those that deny. Asked again when it opens, and when it closes."""
    ident, zone = promotion.ident, promotion.zone
    opening = opens(promotion, asked.now)
    if opening.is_open:
        until = f" until {_moment(opening.closes_at, zone)}" if opening.closes_at is not None else ""
        reason = f"{ident} is open{until} ({zone})"
        return Verdict(promotion=ident, outcome=Outcome.PASS, reason=reason, recheck_at=opening.closes_at)
    at = opening.opens_at
    then = f"opens {_moment(at, zone)}" if at is not None else "does not open within two years"
    reason = f"{ident} is closed {_why(promotion, opening)}; {then} ({zone})"
    return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=reason, recheck_at=at)


def described(one: Window) -> str:
    """`Mon–Fri 09:00–17:00`, `24 Dec 2026 – 2 Jan 2027`, or the rule and for how long."""
    if one.rrule is not None:
        length = f" for {in_words(one.duration)}" if one.duration is not None else ""
        return " ".join(one.rrule.split()) + length
    hours = "" if one.start == one.end == time(0) else f"{_clock(one.start)}–{_clock(one.end)}"
    return " ".join(filter(None, (_days(one.days), _dates(one.first, one.last), hours))) or "every day"


def _why(promotion: WindowPromotion, opening: Opening) -> str:
    if opening.denied_by:
        noun = "window" if len(opening.denied_by) == 1 else "windows"
        return f"by the deny {noun} {_names(opening.denied_by, 'and')}"
    return f"outside of {_names(promotion.allow, 'or')}"


def _names(windows: tuple[Window, ...], last: str) -> str:
    if len(windows) > _NAMED:
        return (
            f"its {len(windows)} windows" if last == "or" else listed(_described(windows[:_NAMED]), last) + " and more"
        )
    return listed(_described(windows), last)


def _described(windows: tuple[Window, ...]) -> list[str]:
    return [described(one) for one in windows]


def _days(days: tuple[int, ...]) -> str:
    """`Mon–Fri`, `Tue, Thu`: three days or more in a row are a range."""
    runs: list[list[int]] = []
    for day in sorted(set(days)):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    parts = [
        [f"{_DAYS[run[0]][:3]}–{_DAYS[run[-1]][:3]}"] if len(run) > 2 else [_DAYS[day][:3] for day in run]
        for run in runs
    ]
    return ", ".join(part for together in parts for part in together)


def _dates(first: date | None, last: date | None) -> str:
    if first == last:
        return _date(first) if first is not None else ""
    if first is None or last is None:
        return f"from {_date(first)}" if first is not None else f"until {_date(last)}" if last is not None else ""
    return f"{_date(first)} – {_date(last)}"


def _date(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _clock(at: time) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def _moment(at: datetime, zone: str) -> str:
    """`17:00 Friday 27 Nov 2026`, on the clocks of the zone."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{_clock(local.time())} {_DAYS[local.weekday()]} {_date(local.date())}"
