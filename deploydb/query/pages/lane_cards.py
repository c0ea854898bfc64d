"""The lanes of a service on the drawing of its stages: what each card says, line by line."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from deploydb.query.pages.filters import State, state
from deploydb.query.pages.lane_graph import MOST, LaneGraph, lane_graph

Body = Mapping[str, Any]
"""A lane, what it runs, or a comparison, as the JSON has it."""
_MOST_LINES = MOST - 2


class LaneCard(Struct, frozen=True, kw_only=True):
    """A lane. `look`: the state that asks for attention first, None where nothing runs. `coming`: what is on its
    way there, waits for it, or has failed on it. `comparisons`: with the stages before."""

    environment: str
    after: Sequence[str]
    look: State | None
    running: Sequence[Body]
    coming: Sequence[Body]
    failed: Sequence[Body]
    holds: Sequence[Body]
    comparisons: Sequence[Body]

    @property
    def lines(self) -> int:
        """Below the head of the card: two for each version that runs, and one for what stands over the lane."""
        over = bool(self.holds)
        return 2 * max(len(self.running), 1) + len(self.coming) + len(self.failed) + over + len(self.comparisons)


class Cards(Struct, frozen=True, kw_only=True):
    """The cards, and where they are drawn. `same`: pairs of stages that run the same."""

    cards: Sequence[LaneCard]
    graph: LaneGraph
    same: frozenset[tuple[str, str]]


def lane_cards(stages: Sequence[Body], lanes: Mapping[str, Body], comparisons: Sequence[Body]) -> Cards:
    """The drawing of a service, from its body."""
    cards = [_card(stage, lanes.get(stage["environment"]), comparisons) for stage in stages]
    versions = {card.environment: {(one["module"], one["version"]) for one in card.running} for card in cards}
    graph = lane_graph({card.environment: card.after for card in cards}, max((one.lines for one in cards), default=0))
    pairs = [(edge.before, edge.after) for edge in graph.edges]
    return Cards(
        cards=cards,
        graph=graph,
        same=frozenset(
            (before, after) for before, after in pairs if versions[before] and versions[before] == versions[after]
        ),
    )


def _card(stage: Body, lane: Body | None, comparisons: Sequence[Body]) -> LaneCard:
    here = stage["environment"]
    known = lane or {"running": [], "pending": [], "holds": []}
    coming, failed = known["pending"], known.get("failed", [])
    newest = max(known["running"], key=lambda one: str(one["since"]), default=None)
    begun = [one for one in coming if one["status"] != "NOT_STARTED"]
    check = begun[0] if begun else newest
    look = state("FAILED") if failed else (state(check["status"]) if check is not None else None)
    room = _MOST_LINES - 2 * max(len(known["running"]), 1)
    return LaneCard(
        environment=here,
        after=stage["after"],
        look=look,
        running=known["running"][: _MOST_LINES // 2],
        coming=coming[: max(room - 3, 0)],
        failed=failed[: max(room - len(coming) - 2, 0)],
        holds=known["holds"],
        comparisons=[one for one in comparisons if one["environment"] == here][
            : max(room - len(coming) - len(failed) - 1, 0)
        ],
    )
