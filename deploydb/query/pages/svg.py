"""Where the bars and columns of a drawing are. Templates paint them; nothing here knows SVG."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct

TALL = 150
"""Of columns, in pixels."""
_MONTHS_ALONE = timedelta(days=300)
"""Shorter than this, days and months are distinct without their year."""
_NARROWEST = 0.4
"""In hundredths of the whole: what is shorter is drawn so wide, to be seen."""


class Bar(Struct, frozen=True, kw_only=True):
    """How long something was so, as a part of a row, in hundredths. `item`: its place in what was given."""

    x: float
    width: float
    item: int


class Column(Struct, frozen=True, kw_only=True):
    """Two counts of one day: `up` above the axis and `down` below it, in pixels; across in hundredths."""

    x: float
    width: float
    up: float
    down: float
    item: int


class Columns(Struct, frozen=True, kw_only=True):
    """A column for each of the days that have any, on one scale; `axis`: how far below the top it is."""

    columns: Sequence[Column]
    axis: float
    height: int


class Tick(Struct, frozen=True, kw_only=True):
    """A time on the axis."""

    x: float
    text: str


def bars(since: Sequence[datetime], start: datetime, end: datetime) -> list[Bar]:
    """Bars of a row in which each thing lasts from its own time until the next one's, and the last until the end.

    What was over before the start is left out.
    """
    whole = (end - start).total_seconds()
    drawn = []
    for item, (begins, ends) in enumerate(pairwise([*since, end])):
        if ends <= start or begins > end:
            continue
        x = max((begins - start).total_seconds(), 0) * 100 / whole
        width = max((min(ends, end) - start).total_seconds() * 100 / whole - x, _NARROWEST)
        drawn.append(Bar(x=round(min(x, 100 - _NARROWEST), 3), width=round(width, 3), item=item))
    return drawn


def ticks(start: datetime, end: datetime, count: int = 4) -> list[Tick]:
    """Times from the start on, the same distance apart."""
    step = (end - start) / count
    whole = end - start
    form = "%d %b %H:%M" if whole < timedelta(days=count) else "%d %b" if whole < _MONTHS_ALONE else "%d %b %Y"
    return [Tick(x=index * 100 / count, text=f"{start + index * step:{form}}") for index in range(count)]


def columns(up: Sequence[int], down: Sequence[int]) -> Columns:
    """What is counted each day, above the axis what went well, below it what did not."""
    most_up, most_down = max(up, default=0), max(down, default=0)
    scale = (TALL - 2) / max(most_up + most_down, 1)
    width = 100 / max(len(up), 1)
    drawn = [
        Column(
            x=round(index * width + width * 0.1, 3),
            width=round(width * 0.8, 3),
            up=round(good * scale, 2),
            down=round(bad * scale, 2),
            item=index,
        )
        for index, (good, bad) in enumerate(zip(up, down, strict=True))
        if good or bad
    ]
    return Columns(columns=drawn, axis=round(most_up * scale + 1, 2) if drawn else TALL - 1, height=TALL)
