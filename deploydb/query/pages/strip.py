"""Holds and windows of an environment as bars on one scale."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from deploydb.query.pages.filters import State, held, moment

_OPEN = State("ok", "good", "open")
_NARROWEST = 0.4
"""In hundredths of the whole: what is shorter is drawn so wide, to be seen."""


class Bar(Struct, frozen=True, kw_only=True):
    """When something stands or is open; across in hundredths."""

    x: float
    width: float
    title: str
    begins: str
    until: str | None


class Row(Struct, frozen=True, kw_only=True):
    """The times of one window promotion, or one hold."""

    name: str
    look: State
    bars: Sequence[Bar]


def strip(ahead: Sequence[dict[str, Any]], start: datetime, end: datetime) -> list[Row]:
    """A row for each window promotion first, then one for each hold."""
    windows: dict[str, list[Bar]] = {}
    holds = []
    for one in ahead:
        bar = _bar(one, start, end)
        if one["kind"] == "window":
            windows.setdefault(one["name"], []).append(bar)
        else:
            look = held(one["kind"])
            holds.append(Row(name=f"{one['service']} {look.word}" if one["service"] else "", look=look, bars=[bar]))
    return [Row(name=name, look=_OPEN, bars=bars) for name, bars in windows.items()] + holds


def _bar(one: dict[str, Any], start: datetime, end: datetime) -> Bar:
    whole = (end - start).total_seconds()
    begins = max((moment(one["begins"]) - start).total_seconds() * 100 / whole, 0)
    until = 100.0 if one["until"] is None else min((moment(one["until"]) - start).total_seconds() * 100 / whole, 100)
    x = min(begins, 100 - _NARROWEST)
    return Bar(
        x=round(x, 3),
        width=round(max(until - x, _NARROWEST), 3),
        title=one["title"],
        begins=one["begins"],
        until=one["until"],
    )
