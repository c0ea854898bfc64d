"""The stages of a release on the drawing of its flow: what each card says, line by line, and its gates on the edges."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from deploydb.query.pages.filters import State, state
from deploydb.query.pages.lane_graph import MOST, LaneGraph, lane_graph

Body = Mapping[str, Any]
"""A stage, a gate or an expectation, as the JSON has it."""
_MOST_GATES = 7
_NOT_ASKED = State("clock", "off", "not asked")
_WORST_FIRST = (*map(state, ("FAIL", "ERROR", "PENDING")), _NOT_ASKED, state("PASS"))


class Mark(Struct, frozen=True, kw_only=True):
    """Gates on an edge: the worst of their verdicts, and how many of how many have passed."""

    state: State
    passed: int
    of: int


class Stop(Struct, frozen=True, kw_only=True):
    """The last deployment of a release in a stage. `because`: the reason of its status, where neither gates nor a
    deadline tell it. `expected`: when it is expected there and through. `holds`: those over the lane. `gates`: as many
    as there is room for, `more` are left out. `through`: the release has come out of it."""

    stage: Body
    kind: str
    attempt: int
    because: Body | None
    expected: Body | None
    holds: Sequence[Body]
    gates: Sequence[Body]
    more: int
    entry: Mark | None
    exit: Mark | None
    through: bool

    @property
    def lines(self) -> int:
        """Below the head of the card."""
        is_again = self.attempt > 1 or self.kind != "deploy"
        further = (self.because is not None, self.expected is not None, "progress" in self.stage, bool(self.holds))
        people = sum(1 for gate in self.gates if _approvers(gate))
        return is_again + sum(further) + len(self.gates) + people + (self.more > 0)


class Way(Struct, frozen=True, kw_only=True):
    """The stops of a release, and where they are drawn."""

    stops: Sequence[Stop]
    graph: LaneGraph


def way(attempts: Sequence[Body], expected: Mapping[str, Body], holds: Mapping[str, Sequence[Body]]) -> Way:
    """The drawing of a flow, from its attempts; of several in one stage, the last."""
    last = {one["stage"]["environment"]: one for one in attempts}
    stops = [_stop(one, expected.get(name), holds.get(name, ())) for name, one in last.items()]
    after = {one.stage["environment"]: one.stage["after"] for one in stops}
    return Way(stops=stops, graph=lane_graph(after, max((one.lines for one in stops), default=0)))


def _stop(attempt: Body, expected: Body | None, holds: Sequence[Body]) -> Stop:
    stage = attempt["stage"]
    gates = stage["gates"]
    room = _MOST_GATES if len(gates) > _MOST_GATES else len(gates)
    while room and sum(1 + bool(_approvers(gate)) for gate in gates[:room]) > MOST - 5:
        room -= 1
    return Stop(
        stage=stage,
        kind=attempt["kind"],
        attempt=attempt["attempt"],
        because=stage["reason"] if stage["status"] in ("FAILED", "SKIPPED", "NOT_STARTED") else None,
        expected=expected,
        holds=holds,
        gates=gates[:room],
        more=len(gates) - room,
        entry=_mark([gate for gate in gates if gate.get("asked") == "entry"]),
        exit=_mark([gate for gate in gates if gate.get("asked") != "entry"]),
        through=stage["status"] == "SUCCESS",
    )


def verdict(gate: Body) -> State:
    """The look of a gate: of its verdict, once it was asked."""
    is_asked = gate["reason"] is None or gate["reason"]["code"] != "not_asked"
    return state(gate["verdict"]) if is_asked else _NOT_ASKED


def _approvers(gate: Body) -> bool:
    return "approvers" in gate


def _mark(gates: Sequence[Body]) -> Mark | None:
    if not gates:
        return None
    passed = sum(1 for gate in gates if gate["verdict"] == "PASS")
    return Mark(state=min(map(verdict, gates), key=_WORST_FIRST.index), passed=passed, of=len(gates))
