"""Where the stages of a service are in a drawing, and the edges between them. Templates and `flow.css` paint them."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

ROOMY, NARROW, ACROSS, DOWN = 228, 184, 72, 20
"""In pixels, as in `flow.css`: how wide a card is, in few columns and in many; how far apart columns and rows are."""
_FEW = 4
"""Columns that fit on a desk with roomy cards."""
HEAD, BASE, LINE = 24, 66, 21
"""As there: how far below the top of a card its edges are, and how tall a card is, without lines and for each."""
MOST = 12
"""Columns, rows, and lines of a card. With more of columns or rows it is a list."""


class Edge(Struct, frozen=True, kw_only=True):
    """From one stage to one after it, in pixels."""

    before: str
    after: str
    x1: int
    y1: int
    x2: int
    y2: int


class LaneGraph(Struct, frozen=True, kw_only=True):
    """Each stage's column and row, from 1, right of all that it comes after. `card`: how wide a card is, `tall`: lines
    of the tallest. `ends`: where the edges of a stage begin. `fits`: there is room to draw it."""

    places: Mapping[str, tuple[int, int]]
    card: int
    ends: Mapping[str, tuple[int, int]]
    edges: Sequence[Edge]
    width: int
    height: int
    tall: int
    fits: bool


def lane_graph(after: Mapping[str, Sequence[str]], lines: int = 0) -> LaneGraph:
    """A drawing of stages in an order in which each comes after all that `after` names for it, on cards of so many
    lines. An edge that follows from others is left out."""
    before = {name: [each for each in names if each in after] for name, names in after.items()}
    places = _places(before)
    tall = min(lines, MOST)
    down = BASE + LINE * tall + DOWN
    columns = max((column for column, _ in places.values()), default=0)
    rows = max((row for _, row in places.values()), default=0)
    card = ROOMY if columns <= _FEW else NARROW

    def start(name: str) -> tuple[int, int]:
        column, row = places[name]
        return (column - 1) * (card + ACROSS), (row - 1) * down + HEAD

    edges = []
    for name in before:
        for each in _nearest(before, name):
            (x1, y1), (x2, y2) = start(each), start(name)
            edges.append(Edge(before=each, after=name, x1=x1 + card, y1=y1, x2=x2, y2=y2))
    return LaneGraph(
        places=places,
        card=card,
        ends={name: (start(name)[0] + card, start(name)[1]) for name in places},
        edges=edges,
        width=columns * (card + ACROSS),
        height=max(rows * down - DOWN, 0),
        tall=tall,
        fits=0 < columns <= MOST and rows <= MOST,
    )


def _places(before: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, int]]:
    """Each beside the first stage that it comes after, where there is room, else below."""
    places: dict[str, tuple[int, int]] = {}
    for name, names in before.items():
        column = max((places[each][0] + 1 for each in names if each in places), default=1)
        row = min((places[each][1] for each in names if each in places), default=1)
        while (column, row) in places.values():
            row += 1
        places[name] = (column, row)
    return places


def _nearest(before: Mapping[str, Sequence[str]], name: str) -> list[str]:
    """The stages before one that are before no other of them."""
    implied: set[str] = set()
    for each in before[name]:
        implied |= _upstream(before, each)
    return [each for each in before[name] if each not in implied]


def _upstream(before: Mapping[str, Sequence[str]], name: str) -> set[str]:
    found: set[str] = set()
    look = [name]
    while look:
        new = set(before[look.pop()]) - found
        found |= new
        look += new
    return found
