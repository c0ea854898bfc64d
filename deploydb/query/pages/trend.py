"""Where the line of a figure is that is measured again and again."""

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

HEIGHT = 56
"""In pixels."""
_EDGE = 5


class Point(Struct, frozen=True, kw_only=True):
    """A measurement: across in hundredths, down in pixels. `item`: its place in what was given."""

    x: float
    y: float
    item: int


class Trend(Struct, frozen=True, kw_only=True):
    """Points, those beside each other joined. Where nothing was measured there is a gap."""

    points: Sequence[Point]
    joined: Sequence[tuple[Point, Point]]
    height: int


def trend(values: Sequence[float | None]) -> Trend:
    """A line from zero at the bottom to the largest value at the top."""
    most = max((value for value in values if value is not None), default=0) or 1
    points = [
        Point(
            x=round((place + 0.5) * 100 / len(values), 2),
            y=round(HEIGHT - _EDGE - value / most * (HEIGHT - 2 * _EDGE), 2),
            item=place,
        )
        for place, value in enumerate(values)
        if value is not None
    ]
    joined = [(one, other) for one, other in pairwise(points) if other.item == one.item + 1]
    return Trend(points=points, joined=joined, height=HEIGHT)
