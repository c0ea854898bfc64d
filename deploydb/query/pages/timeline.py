"""What ran in each lane of a service, as bars on one scale, with marks where attempts failed."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from msgspec import Struct

from deploydb.query.pages.filters import moment
from deploydb.query.pages.svg import Axis, Bar, axis, bars

_APART = 6
"""Marks nearer to each other than this are one, in hundredths of the whole: on a phone they would lie over another."""

Body = dict[str, Any]
"""A stay or a failure, as the JSON has it."""


class Mark(Struct, frozen=True, kw_only=True):
    """Attempts that failed about a time."""

    x: float
    failures: Sequence[Body]


class Row(Struct, frozen=True, kw_only=True):
    """A lane, and a module in it: its stays as bars, and its failures."""

    environment: str
    module: str
    bars: Sequence[tuple[Bar, Body]]
    marks: Sequence[Mark]


class Timeline(Struct, frozen=True, kw_only=True):
    """Rows in the order of environments, on one axis."""

    rows: Sequence[Row]
    axis: Axis


def timeline(
    stays: Sequence[Body], failures: Sequence[Body], order: Sequence[str], start: datetime, end: datetime
) -> Timeline:
    """`stays`: oldest first in each lane; `failures`: each with a time; `order`: of environments."""
    rank = {name: index for index, name in enumerate(order)}

    def place(one: Body) -> tuple[int, str, str]:
        return rank.get(one["environment"], len(rank)), one["environment"], one["module"]

    stayed = {lane: list(found) for lane, found in groupby(sorted(stays, key=place), key=place)}
    failed = {lane: list(found) for lane, found in groupby(sorted(failures, key=place), key=place)}
    rows = []
    for lane in sorted({**stayed, **failed}):
        mine = sorted(stayed.get(lane, ()), key=lambda one: str(one["since"]))
        drawn = bars([moment(one["since"]) for one in mine], start, end)
        rows.append(
            Row(
                environment=lane[1],
                module=lane[2],
                bars=[(bar, mine[bar.item]) for bar in drawn],
                marks=list(_marks(failed.get(lane, ()), start, end)),
            )
        )
    return Timeline(rows=rows, axis=axis(start, end))


def _marks(failures: Sequence[Body], start: datetime, end: datetime) -> Iterator[Mark]:
    whole = (end - start).total_seconds()
    near: list[Body] = []
    first = 0.0
    for one in sorted(failures, key=lambda one: str(one["at"])):
        x = (moment(one["at"]) - start).total_seconds() * 100 / whole
        if near and x - first > _APART:
            yield Mark(x=round(first, 3), failures=near)
            near = []
        if not near:
            first = min(max(x, 0.0), 100.0 - _APART / 2)
        near.append(one)
    if near:
        yield Mark(x=round(first, 3), failures=near)
