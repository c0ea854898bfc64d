"""Where the bars and columns of a drawing are. Templates paint them; nothing here knows SVG."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from msgspec import Struct

TALL = 150
"""Of columns, in pixels."""
_DAY = timedelta(days=1)
_STEPS = (
    *(timedelta(minutes=each) for each in (5, 10, 15, 30, 60, 120, 180, 360, 720)),
    _DAY,
    2 * _DAY,
    7 * _DAY,
    14 * _DAY,
)
_MONTHS = (1, 2, 3, 6, 12, 24, 60)
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_MOST = {"hour": 4, "day": 7, "month": 5}
"""Ticks of an axis by their form: their texts stand beside each other on a phone."""
_FORMS = {"hour": "%d %b %H:%M", "day": "%d %b", "month": "%b %Y"}
_ROOM = {"hour": 80, "day": 90, "month": 88}
"""Behind this a text would go beyond the axis, in hundredths: it ends at its tick."""
_END = 99
"""Behind this there is no text."""
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
    """A round time: `time` for machines. `drawn`: it is on the axis; `named`: its text is there, too; `late`: it ends
    at the tick, where the axis is wide enough for it."""

    x: float
    time: str
    text: str
    drawn: bool
    named: bool
    late: bool


class Axis(Struct, frozen=True, kw_only=True):
    """Ticks at round times of UTC, and the next ones before and behind: pages move them to round times of the reader's
    zone. `seconds`: of the whole; `step`: between two ticks, of months about."""

    ticks: Sequence[Tick]
    seconds: float
    step: float
    form: str
    room: int


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


def axis(start: datetime, end: datetime) -> Axis:
    """Hours, midnights, Mondays or firsts of months, as many as are read with ease."""
    whole = end - start
    step = next((one for one in _STEPS if whole <= one * _MOST["hour" if one < _DAY else "day"]), None)
    if step is not None:
        form = "hour" if step < _DAY else "day"
        times = list(_steps(start, end, step))
    else:
        form = "month"
        months = next((one for one in _MONTHS if whole <= one * 30 * _DAY * _MOST[form]), _MONTHS[-1])
        step = months * 30 * _DAY
        times = list(_firsts(start, end, months))
    places = [(time, (time - start) * 100 / whole) for time in times]
    return Axis(
        ticks=[
            Tick(
                x=round(x, 3),
                time=time.isoformat(),
                text=f"{time:{_FORMS[form]}}",
                drawn=0 <= x < 100,
                named=0 <= x <= _END,
                late=x > _ROOM[form],
            )
            for time, x in places
        ],
        seconds=whole.total_seconds(),
        step=step.total_seconds(),
        form=form,
        room=_ROOM[form],
    )


def _steps(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    """Multiples of a step, from the last one until the start to the first one from the end on."""
    time = start - (start - _MONDAY) % step
    while time < end:
        yield time
        time += step
    yield time


def _firsts(start: datetime, end: datetime, months: int) -> Iterator[datetime]:
    """The same of months."""
    index = (start.year * 12 + start.month - 1) // months * months
    while True:
        time = datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)
        yield time
        if time >= end:
            return
        index += months


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
