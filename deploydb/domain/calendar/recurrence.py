"""Times that come again by a rule of RFC 5545, on a clock without a zone: `FREQ=WEEKLY;BYDAY=MO,TU;BYHOUR=9`."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from dateutil.rrule import DAILY, HOURLY, MONTHLY, WEEKLY, YEARLY, rrule, weekday
from msgspec import Struct

ANCHOR = datetime(2001, 1, 1)  # noqa: DTZ001  # wall time, as all of it here
"""Where a rule without a DTSTART counts from: a Monday, and the first of a month and a year."""

MOST_A_DAY = 24

Frequency = Literal[0, 1, 2, 3, 4]
_FREQUENCIES: dict[str, Frequency] = {
    "YEARLY": YEARLY,
    "MONTHLY": MONTHLY,
    "WEEKLY": WEEKLY,
    "DAILY": DAILY,
    "HOURLY": HOURLY,
}
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BOUNDS = {
    "INTERVAL": (1, 366),
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (-31, 31),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYSECOND": (0, 59),
    "BYSETPOS": (-366, 366),
}
_PARTS = ("FREQ", "BYDAY", "UNTIL", "WKST", *_BOUNDS)
_TIME = re.compile(r"(\d{8})(?:T(\d{6}))?", re.ASCII)
_YEARS = (1970, 2200)
_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_CALENDAR_REPEATS = 19 * 400
"""Years after which the days of weeks, months and years are what they were, and the last of all years is not far."""


class Recurrence(Struct, frozen=True, kw_only=True):
    """A rule, with what it takes from its start written out: it may be read from any later period of its own."""

    frequency: Frequency
    anchor: datetime
    interval: int
    week_starts: int
    until: datetime | None
    months: tuple[int, ...] | None
    month_days: tuple[int, ...] | None
    days: tuple[weekday, ...] | None
    hours: tuple[int, ...] | None
    minutes: tuple[int, ...] | None
    seconds: tuple[int, ...] | None
    positions: tuple[int, ...] | None

    def between(self, first: datetime, last: datetime) -> list[datetime]:
        """The times from `first` to `last`, both included. The cost does not grow with the age of the rule."""
        found = []
        for time in self._from(self._period(first), min(self.until or last, last)):
            if time > last:
                break
            if time >= first:
                found.append(time)
        return found

    def ever_comes(self) -> bool:
        """Whether there is any time at all. Looked for where the calendar ends: the search for nothing ends with it."""
        far = self.anchor.replace(year=self.anchor.year + _CALENDAR_REPEATS)
        first = next(iter(self._from(far, None)), None)
        if first is None or self.until is None:
            return first is not None
        return first.replace(year=first.year - _CALENDAR_REPEATS) <= self.until

    def _from(self, anchor: datetime, until: datetime | None) -> rrule:
        return rrule(
            self.frequency,
            dtstart=anchor,
            interval=self.interval,
            wkst=self.week_starts,
            until=until,
            bysetpos=self.positions,
            bymonth=self.months,
            bymonthday=self.month_days,
            byweekday=self.days,
            byhour=self.hours,
            byminute=self.minutes,
            bysecond=self.seconds,
        )

    def _period(self, first: datetime) -> datetime:
        """The anchor, or the start of a later period of the rule before which no time is after `first`."""
        anchor, every = self.anchor, self.interval
        first -= timedelta(days=1)  # a period starts at the anchor's time of day, which may be later than that
        if first <= anchor:
            return anchor
        if self.frequency == YEARLY:
            passed = (first.year - anchor.year) // every * every
            moved = anchor.replace(year=anchor.year + passed, month=1, day=1)
        elif self.frequency == MONTHLY:
            passed = (first.year - anchor.year) * 12 + first.month - anchor.month
            year, month = divmod(anchor.year * 12 + anchor.month - 1 + passed // every * every, 12)
            moved = anchor.replace(year=year, month=month + 1, day=1)
        elif self.frequency == WEEKLY:
            week = anchor - timedelta(days=(anchor.weekday() - self.week_starts) % 7)
            moved = week + (first - week) // timedelta(weeks=every) * timedelta(weeks=every)
        else:
            period = timedelta(days=every) if self.frequency == DAILY else timedelta(hours=every)
            moved = anchor + (first - anchor) // period * period
        return max(moved, anchor)


@lru_cache(maxsize=1024)
def read_recurrence(text: str) -> Recurrence:
    """The rule that a text says: `FREQ=…`, `RRULE:FREQ=…`, or `DTSTART:… RRULE:FREQ=…`.

    Left out of RFC 5545: MINUTELY and SECONDLY; COUNT; weeks and days of the year by number; a DTSTART or UNTIL with a
    zone of its own. Raises: ValueError, saying what to write.
    """
    start, parts = _split(text)
    if "FREQ" not in parts:
        raise ValueError("FREQ is missing: write for example FREQ=WEEKLY;BYDAY=MO,TU;BYHOUR=9")
    if parts["FREQ"] not in _FREQUENCIES:
        raise ValueError(f"FREQ={parts['FREQ']} is none of {', '.join(_FREQUENCIES)}")
    frequency = _FREQUENCIES[parts["FREQ"]]
    anchor = _time("DTSTART", start) if start is not None else ANCHOR
    months, month_days, days = _numbers(parts, "BYMONTH"), _numbers(parts, "BYMONTHDAY"), _days(parts, frequency)
    if month_days is None and days is None:
        if frequency == YEARLY:
            months, month_days = months or (anchor.month,), (anchor.day,)
        elif frequency == MONTHLY:
            month_days = (anchor.day,)
        elif frequency == WEEKLY:
            days = (weekday(anchor.weekday()),)
    if parts.get("WKST", "MO") not in _DAYS:
        raise ValueError(f"WKST={parts['WKST']} is none of {', '.join(_DAYS)}")
    if "BYSETPOS" in parts and frequency in (DAILY, HOURLY):
        raise ValueError("BYSETPOS counts in a week, a month or a year: write another FREQ")
    (interval,) = _numbers(parts, "INTERVAL", most=1) or (1,)
    recurrence = Recurrence(
        frequency=frequency,
        anchor=anchor,
        interval=interval,
        week_starts=_DAYS.index(parts.get("WKST", "MO")),
        until=_time("UNTIL", parts["UNTIL"], whole_day=True) if "UNTIL" in parts else None,
        months=months,
        month_days=month_days,
        days=days,
        hours=_numbers(parts, "BYHOUR"),
        minutes=_numbers(parts, "BYMINUTE"),
        seconds=_numbers(parts, "BYSECOND"),
        positions=_numbers(parts, "BYSETPOS"),
    )
    _check_number(recurrence)
    try:
        comes = recurrence.ever_comes()
    except ValueError:  # dateutil sees at once that INTERVAL and BYHOUR never meet
        comes = False
    if not comes:
        raise ValueError("there is no time that this rule means")
    return recurrence


def _check_number(recurrence: Recurrence) -> None:
    hours = 24 if recurrence.frequency == HOURLY and not recurrence.hours else len(recurrence.hours or (0,))
    times = hours * len(recurrence.minutes or (0,)) * len(recurrence.seconds or (0,))
    if times > MOST_A_DAY:
        raise ValueError(f"comes {times:,} times a day; a rule may come {MOST_A_DAY} times: write a longer window")


def _split(text: str) -> tuple[str | None, dict[str, str]]:
    """The DTSTART, where there is one, and the parts of the rule by name."""
    words = text.upper().split()
    start = words.pop(0).removeprefix("DTSTART:") if words and words[0].startswith("DTSTART") else None
    if len(words) != 1:
        raise ValueError("expected one rule such as FREQ=DAILY;BYHOUR=9, with DTSTART:20260105T090000 before it or not")
    parts: dict[str, str] = {}
    for part in words[0].removeprefix("RRULE:").rstrip(";").split(";"):
        name, equals, value = part.partition("=")
        if name == "COUNT":
            raise ValueError("COUNT is not supported: write UNTIL")
        if not equals or name not in _PARTS:
            raise ValueError(f"{part[:40]} is no part of a rule; there is {', '.join(_PARTS)}")
        if name in parts:
            raise ValueError(f"{name} is in it twice")
        parts[name] = value
    return start, parts


def _time(name: str, text: str, *, whole_day: bool = False) -> datetime:
    """`20260105` or `20260105T090000`; a date alone is its midnight, or the last second of the day."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{name} is wrong: write 20260105T090000, the time on the clocks of the promotion's zone")
    try:
        time = datetime.strptime(found[1] + (found[2] or ("235959" if whole_day else "000000")), "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError as error:
        raise ValueError(f"{name}: there is no time {text}") from error
    if not _YEARS[0] <= time.year <= _YEARS[1]:
        raise ValueError(f"{name}: {text} is out of bounds: from {_YEARS[0]} to {_YEARS[1]}")
    return time


def _numbers(parts: Mapping[str, str], name: str, *, most: int = 400) -> tuple[int, ...] | None:
    if name not in parts:
        return None
    lowest, highest = _BOUNDS[name]
    numbers = []
    for text in parts[name].split(","):
        if not re.fullmatch(r"[+-]?\d{1,3}", text, re.ASCII) or not lowest <= int(text) <= highest:
            raise ValueError(f"{name}={text[:20]} is out of bounds: from {lowest} to {highest}")
        if lowest < 0 and int(text) == 0:
            raise ValueError(f"{name}={text} is nothing: 1 is the first, -1 the last")
        numbers.append(int(text))
    if len(numbers) > most:
        raise ValueError(f"{name} has {len(numbers)} values; it may have {most}")
    return tuple(sorted(set(numbers)))


def _days(parts: Mapping[str, str], frequency: int) -> tuple[weekday, ...] | None:
    if "BYDAY" not in parts:
        return None
    days = []
    for text in parts["BYDAY"].split(","):
        found = _DAY.fullmatch(text)
        if found is None or (found[1] and int(found[1]) == 0):
            raise ValueError(f"BYDAY={text[:20]} is no day: write MO, or 1MO for the first and -1MO for the last")
        if found[1] and frequency not in (YEARLY, MONTHLY):
            raise ValueError(f"BYDAY={text}: days are counted in a month or a year; write FREQ=MONTHLY or {found[2]}")
        days.append(weekday(_DAYS.index(found[2]), int(found[1]) if found[1] else None))
    return tuple(days)
