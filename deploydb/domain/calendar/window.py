"""A window of time, as configured and in reasons."""

from datetime import date, time, timedelta

from msgspec import Struct


class Window(Struct, frozen=True, kw_only=True):
    """A time that comes again, on the clocks of a zone.

    Either by the calendar: on `days` (Monday is 0; empty: every day) from `first` to `last` (both included), from
    `start` to `end` o'clock (`end` excluded; not later than `start`: it ends on the day after the one it belongs to).
    Or by `rrule` (RFC 5545, with a DTSTART of its own where it has one), each time for `duration`.
    """

    days: tuple[int, ...] = ()
    first: date | None = None
    last: date | None = None
    start: time = time(0)
    end: time = time(0)
    rrule: str | None = None
    duration: timedelta | None = None
