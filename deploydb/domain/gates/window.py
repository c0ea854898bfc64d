"""`WindowPromotion`: it is the right time."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, time, timedelta
from functools import cache
from typing import Annotated, ClassVar
from zoneinfo import available_timezones

from msgspec import Meta, Struct, structs

from deploydb.domain.calendar.recurrence import read_recurrence
from deploydb.domain.calendar.window import Window
from deploydb.domain.calendar.windows import opens
from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.promotion import Checks, Document, Names, Path, Promotion, Requirement
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import WindowClosed, WindowOpen
from deploydb.domain.suggestions import close_match, shown

_NAMED = 3
"""More windows than these are counted, not named."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST = timedelta(days=31)
"""The longest duration of a window by a rule. A longer one is written with dates."""
MOST = 100
"""The most windows of a promotion, each range of dates counted."""

_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_YEARS = (1970, 2200)
_DAY_PATTERN = f"^({'|'.join(DAYS)})(-({'|'.join(DAYS)}))?$"
_TIME_PATTERN = r"^([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
_END_PATTERN = rf"{_TIME_PATTERN}|^24:00(:00)?$"
_DATE_PATTERN = r"^\d{4}-\d{2}-\d{2}(\.\.\d{4}-\d{2}-\d{2})?$"

_zones = cache(available_timezones)

Days = Annotated[str, Meta(extra_json_schema={"pattern": _DAY_PATTERN, "examples": ["mon-fri", "sat"]})]
Dates = Annotated[
    str, Meta(extra_json_schema={"pattern": _DATE_PATTERN, "examples": ["2026-12-24..2027-01-02", "2027-05-01"]})
]


class WindowDocument(Struct, kw_only=True, frozen=True, rename={"from_": "from"}):
    """A window of time: by days, dates and hours, or by a rule of RFC 5545."""

    days: Annotated[
        Days | tuple[Days, ...] | None,
        Meta(description="The days on which it opens: mon, tue, wed, thu, fri, sat, sun, or from-to. Else every day."),
    ] = None
    dates: Annotated[
        Dates | tuple[Dates, ...] | None,
        Meta(description="The dates on which it opens: 2026-12-24, or 2026-12-24..2027-01-02 (both included)."),
    ] = None
    from_: Annotated[
        str | None,
        Meta(
            description="When it opens, on the clocks of the zone. Else it is open all day.",
            extra_json_schema={"pattern": _TIME_PATTERN, "examples": ["09:00"]},
        ),
    ] = None
    to: Annotated[
        str | None,
        Meta(
            description="When it closes; then it is closed. On the next day, where this is not later than `from`.",
            extra_json_schema={"pattern": _END_PATTERN, "examples": ["17:00"]},
        ),
    ] = None
    rrule: Annotated[
        Annotated[str, Meta(max_length=500)] | None,
        Meta(
            description="When it opens, as a rule of RFC 5545 in the time of the zone, such as "
            "FREQ=MONTHLY;BYDAY=1TU;BYHOUR=20, with DTSTART:20260105T090000 before it or not (then it counts from "
            "Monday, 1 January 2001). In the place of days, dates, from and to."
        ),
    ] = None
    duration: Annotated[
        timedelta | None, Meta(description="How long it is open at each time of `rrule`; at most 31d.")
    ] = None


class WindowsDocument(Document, frozen=True, kw_only=True):
    """The windows as they are written."""

    zone: Annotated[str, Meta(description="The time zone of its windows, such as Europe/Berlin or UTC.")]
    allow: Annotated[
        tuple[WindowDocument | None, ...],
        Meta(description="When it is open. Without any it is open while no window denies it."),
    ] = ()
    deny: Annotated[tuple[WindowDocument | None, ...], Meta(description="When it is closed, also within `allow`.")] = ()

    def configured(self, checks: Checks) -> Promotion:
        _check_zone(checks, ("zone",), self.zone)
        if not checks.has(("allow",)) and not checks.has(("deny",)):
            checks.problem((), "write when it is open (allow:) or when it is closed (deny:)")
        allow, deny = _build(checks, ("allow",), self.allow), _build(checks, ("deny",), self.deny)
        return WindowPromotion(**structs.asdict(self) | {"allow": allow, "deny": deny})


class WindowPromotion(Promotion, frozen=True, kw_only=True):
    """Passes while the time is in a window: inside of one that allows (any time, where there is none), and outside of
    those that deny."""

    types: ClassVar[Names] = ("WindowPromotion",)
    document: ClassVar[type[Document] | None] = WindowsDocument
    by_calendar: ClassVar[bool] = True

    zone: str
    allow: tuple[Window, ...] = ()
    deny: tuple[Window, ...] = ()

    def evaluate(self, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
        """Asked again when it opens, and when it closes."""
        ident, zone = self.ident, self.zone
        opening = opens(self, context.now)
        if opening.is_open:
            open_ = WindowOpen(promotion=ident, zone=zone, until=opening.closes_at)
            return context.verdict(ident, GateStatus.PASS, open_, recheck_at=opening.closes_at)
        windows = opening.denied_by or self.allow
        closed = WindowClosed(
            promotion=ident,
            zone=zone,
            denied=bool(opening.denied_by),
            windows=tuple(windows[:_NAMED]),
            count=len(windows),
            opens_at=opening.opens_at,
        )
        return context.verdict(ident, GateStatus.PENDING, closed, recheck_at=opening.opens_at)

    def requirement(self, verdict: Verdict, context: GateContext) -> Requirement | None:
        opening = "to open" if verdict.recheck_at is not None else "to open, which it does not within two years"
        return Requirement(kind="window", text=f"{self.ident} {opening}", at=verdict.recheck_at)


def _check_zone(checks: Checks, at: Path, zone: str) -> None:
    """Check that it is a zone of the IANA database, by its full name."""
    known = _zones()
    if zone not in known:
        same = [name for name in known if name.rpartition("/")[2].casefold() == zone.casefold().replace(" ", "_")]
        hint = f"; did you mean {min(same, key=len)}?" if same else close_match(zone, known)
        checks.problem(at, f"there is no time zone {shown(zone)}{hint or ': write one such as Europe/Berlin'}")


def _build(checks: Checks, at: Path, documents: Sequence[WindowDocument | None]) -> tuple[Window, ...]:
    """Build the windows at a path, one for each range of dates. Wrong ones are reported and left out."""
    windows = [
        window
        for index, document in enumerate(documents)
        for window in _windows(checks, (*at, index), document or WindowDocument())
    ]
    if len(windows) > MOST:
        checks.problem(at, f"has {len(windows)} windows; it may have {MOST}")
    return tuple(windows)


def _windows(checks: Checks, at: Path, document: WindowDocument) -> Iterator[Window]:
    keys = [name.rstrip("_") for name, value in structs.asdict(document).items() if value is not None]
    if not checks.has(at):
        checks.problem(at, "this window is empty: write days, dates, from and to, or rrule and duration")
    elif "rrule" in keys or "duration" in keys:
        yield from _by_rule(checks, at, document, keys)
    else:
        yield from _by_calendar(checks, at, document)


def _by_rule(checks: Checks, at: Path, document: WindowDocument, keys: Sequence[str]) -> Iterator[Window]:
    good = True
    for key in keys:
        if key not in ("rrule", "duration"):
            message = f"{key} does not go with rrule and duration: a rule says it itself, with BYDAY, BYHOUR and so on"
            checks.problem((*at, key), message, key=True)
            good = False
    if document.rrule is None:
        checks.problem((*at, "rrule"), "duration goes with rrule, which is missing; without it write from and to")
    elif document.duration is None:
        checks.problem((*at, "duration"), "duration is missing: write how long it is open each time")
    elif document.duration > LONGEST:
        checks.problem((*at, "duration"), f"is longer than {LONGEST.days}d: write dates instead")
    if document.rrule is None:
        return
    try:
        read_recurrence(document.rrule)
    except ValueError as error:
        checks.problem((*at, "rrule"), str(error))
        return
    if good and document.duration is not None:
        yield Window(rrule=document.rrule, duration=document.duration)


def _by_calendar(checks: Checks, at: Path, document: WindowDocument) -> Iterator[Window]:
    days = _read_days(checks, (*at, "days"), document.days)
    start, end = _read_hours(checks, at, document)
    if document.dates is None:
        yield Window(days=days, start=start, end=end)
        return
    for where, text in _texts((*at, "dates"), document.dates):
        found = _read_dates(checks, where, text)
        if found is None:
            continue
        first, last = found
        if days and not any(date.fromordinal(day).weekday() in days for day in _week(first, last)):
            checks.problem(where, f"{text} has no {', '.join(DAYS[day] for day in days)}: it would never open")
        yield Window(days=days, first=first, last=last, start=start, end=end)


def _read_days(checks: Checks, at: Path, written: str | tuple[str, ...] | None) -> tuple[int, ...]:
    """The days by number; `fri-mon` goes over the weekend."""
    days: set[int] = set()
    for where, text in _texts(at, written):
        first, _, last = text.partition("-")
        if first not in DAYS or (last or first) not in DAYS or text.endswith("-"):
            hint = close_match(text.lower()[:3], DAYS)
            checks.problem(where, f"{shown(text)} is no day: write one of {', '.join(DAYS)}, or mon-fri{hint}")
            continue
        start, end = DAYS.index(first), DAYS.index(last or first)
        days.update((start + passed) % 7 for passed in range((end - start) % 7 + 1))
    return tuple(sorted(days))


def _read_hours(checks: Checks, at: Path, document: WindowDocument) -> tuple[time, time]:
    """Start and end; all day without either."""
    start, end = time(0), time(0)
    if document.from_ is not None:
        start = _read_time(checks, (*at, "from"), document.from_)
        if document.to is None:
            checks.problem((*at, "to"), "to is missing: write when it closes")
    if document.to is not None:
        end = time(0) if document.to in ("24:00", "24:00:00") else _read_time(checks, (*at, "to"), document.to)
        if document.from_ is None:
            checks.problem((*at, "from"), "from is missing: write when it opens")
    return start, end


def _read_time(checks: Checks, at: Path, text: str) -> time:
    found = _TIME.fullmatch(text)
    if found is not None:
        hour, minute, second = (int(part or 0) for part in found.groups())
        if hour < 24 and minute < 60 and second < 60:
            return time(hour, minute, second)
    checks.problem(at, f"{shown(text)} is no time of day: write 09:00 or 17:30")
    return time(0)


def _read_dates(checks: Checks, at: Path, text: str) -> tuple[date, date] | None:
    """The first and the last of the dates; one date is both."""
    first, dots, last = text.partition("..")
    days = []
    for part in (first, last) if dots else (first,):
        try:
            day = date.fromisoformat(part) if _DATE.fullmatch(part) else None
        except ValueError:  # 30 February
            day = None
        if day is None or not _YEARS[0] <= day.year <= _YEARS[1]:
            checks.problem(at, f"{shown(part)} is no date: write 2026-12-24, or 2026-12-24..2027-01-02")
            return None
        days.append(day)
    if days[-1] < days[0]:
        checks.problem(at, f"{last} is before {first}: the window is empty")
        return None
    return days[0], days[-1]


def _texts(at: Path, written: str | tuple[str, ...] | None) -> list[tuple[Path, str]]:
    """Each text with its place, of one text or of a list."""
    if written is None:
        return []
    return [(at, written)] if isinstance(written, str) else [((*at, index), text) for index, text in enumerate(written)]


def _week(first: date, last: date) -> range:
    """The days from first to last, at most a week: further days have no other names."""
    return range(first.toordinal(), min(last.toordinal(), first.toordinal() + 6) + 1)
