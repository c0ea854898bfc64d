"""How long the page of the matrix becomes, estimated before it is drawn: its pages are cut by that."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from deploydb.query.lane_bodies import Lane
from deploydb.query.matrix_rows import MatrixService
from deploydb.store.queries.live_starts import LiveStartView

MOST_BYTES = 200 * 1024
"""Of a page, unless one service alone is longer."""
_FRAME, _COLUMN, _TROUBLED, _ROW, _EMPTY, _TICK = 15_000, 200, 600, 150, 17, 140


class Weight(Struct, frozen=True, kw_only=True):
    """In bytes of HTML, rather too many, of a page with these columns. `comfortable`: with all that there is to say."""

    columns: Sequence[str]
    comfortable: bool

    def left(self, troubled: Iterable[Lane], starts: Iterable[LiveStartView], address: int) -> int:
        """What is left for rows beside the head of the table, the slider, and the list of lanes that need a look.
        `address`: how long it is, which each tick of the slider repeats."""
        head = sum(_COLUMN + 3 * len(name) for name in self.columns)
        head += sum(_TICK + address + len(one.service) + len(one.version) + len(one.environment) for one in starts)
        return MOST_BYTES - _FRAME - head - sum(_TROUBLED + _names(lane) + _versions(lane) for lane in troubled)

    def of(self, service: MatrixService) -> int:
        """Of a row."""
        lanes = sum(map(_comfortable, (lane for lane, _ in service.lanes))) if self.comfortable else _dense(service)
        last = service.lanes[-1][0].environment
        moved = 12 + len(last) if last != self.columns[-1] else 0
        return _ROW + 4 * len(service.name) + _EMPTY * (len(self.columns) - len(service.lanes)) + lanes + moved


def _dense(service: MatrixService) -> int:
    """Of all lanes of a row. One loop: it weighs each lane that matches, shown or not."""
    weight = (110 + len(service.name)) * len(service.lanes)
    for lane, states in service.lanes:
        weight += len(lane.environment) + (220 if states else 0)
        if lane.running:
            weight += 2 * len(lane.running[0].version) + 25  # the whole, and the cut one's marks
            for one in lane.running:
                if one.status != "SUCCESS":
                    weight += 75
                    break
        for changed in lane.changed or ():
            weight += 2 * len(changed.now or "") + 125
    return weight


def _comfortable(lane: Lane) -> int:
    lines = 450 * len(lane.running) + 700 * len(lane.pending)
    names = (2 + len(lane.running) + len(lane.pending)) * _names(lane)
    noted = len(lane.drift) + len(lane.holds) + len(lane.failed or ()) + len(lane.incidents or ())
    return 150 + names + lines + 3 * _versions(lane) + 500 * noted


def _names(lane: Lane) -> int:
    return len(lane.service) + len(lane.environment)


def _versions(lane: Lane) -> int:
    there = [*(one.version for one in lane.running), *(one.version for one in lane.pending)]
    before = [one.previous.version for one in lane.running if one.previous is not None]
    return sum(len(version) for version in (*there, *before))
