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
"""Columns, rows, and lines of a card. With more of columns or rows it is a list, without edges."""


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
    fits = 0 < columns <= MOST and rows <= MOST
    for name, names in _nearest(before).items() if fits else ():
        for each in names:
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
        fits=fits,
    )


def _places(before: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, int]]:
    """Each beside the first stage that it comes after, where there is room, else below."""
    places: dict[str, tuple[int, int]] = {}
    taken: set[tuple[int, int]] = set()
    for name, names in before.items():
        column = max((places[each][0] + 1 for each in names if each in places), default=1)
        row = min((places[each][1] for each in names if each in places), default=1)
        while (column, row) in taken:
            row += 1
        places[name] = (column, row)
        taken.add(places[name])
    return places


def _nearest(before: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """For each stage those before it that are before no other of them."""
    upstream: dict[str, set[str]] = {}
    nearest: dict[str, list[str]] = {}
    for name, names in before.items():
        implied = {one for each in names for one in upstream.get(each, ())}
        upstream[name] = implied.union(names)
        nearest[name] = [each for each in names if each not in implied]
    return nearest
