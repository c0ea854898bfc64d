"""The cells of the dense matrix, a line each: the version with its state's shape, marks for all else, and the age."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.formatting import span
from deploydb.query.lane_state import worst_status
from deploydb.query.pages.filters import (
    HOLDS,
    NEVER,
    STATES,
    State,
    coming,
    held,
    lasted,
    moment,
    obstacle,
    segment,
    stamp,
    state,
)
from deploydb.query.pages.versions import Part, cut
from deploydb.query.text_width import cut_in_middle

WAVES = 5
"""Looks of versions in a row; further ones look like the last of them."""
_LONGEST_TITLE = 110
_DRIFT = State("drift", "wait", "drift")
ALERT = State("alert", "bad", "incident, or starved")
ASKED = State("person", "busy", "waits for people")
_CONFLICT = State("alert", "wait", "contradicted")
CHANGED = State("sent", "busy", "changed")
LOOKS = {
    "trouble": State("cross", "bad", "trouble"),
    "approval": State(ASKED.icon, ASKED.tone, "approval"),
    "deploying": State("play", "busy", "deploying"),
    "waiting": State("clock", "wait", "waiting"),
    "drift": State("drift", "wait", "drift"),
    "held": State("pause", "wait", "held"),
    "changed": CHANGED,
}
"""The states of lanes."""
LEGEND = (*STATES.values(), NEVER, ASKED, *HOLDS.values(), _DRIFT, _CONFLICT, ALERT, CHANGED)
"""All that cells show, in the order of the legend."""
_TINTS = {"trouble": "bad", "deploying": "busy", "held": "stopped", "changed": "busy"}
_LONGEST_NOTED = 20
"""Of a version in a title that is not the one of the cell."""
_LONGEST = ((12, 9), (8, 12), (5, 17), (4, 24), (0, 28))
"""From so many columns on, how long a version is at most; two versions in a cell are as in 8 columns."""


class Cell(Struct, frozen=True, kw_only=True):
    """What is drawn of a lane. `state`: the worst of what runs; `look`: the tone of its tint, the place of its version
    among those of the row, from the first environment on (`w0`…), where not all run the same, and `last` in the row's
    last cell; `place`: its environment, where that is not the last column; `title`: what the marks stand for; `since`:
    in UTC, of the version that is shown; `now`: of a past that is compared with now, the version that runs instead of
    the one that is shown."""

    address: str
    state: State | None
    version: Sequence[Part]
    more: int
    marks: Sequence[State]
    since: str
    age: str
    look: str
    title: str
    place: str = ""
    now: Sequence[Part] = ()


def cells_of(
    row: Any,  # noqa: ANN401  # of the body
    columns: Sequence[str],
    starved: Mapping[tuple[str, str], str],
    reference: datetime,
    longest: int | None = None,
) -> Sequence[Cell | None]:
    """The cells of a row, None where the service has no lane. `starved`: the text of each such lane; `reference`: the
    time that ages are counted to; `longest`: of a version, if not what the columns have room for."""
    order: dict[str, int] = {}
    lanes = [one["lane"] for one in row["lanes"]]
    for lane in lanes:
        for one in lane["running"][:1]:
            order.setdefault(one["version"], min(len(order), WAVES - 1))
    later = [one["now"] for lane in lanes for one in lane.get("changed", ()) if one["now"] is not None]
    parts = cut(
        [*order, *(version for version in dict.fromkeys(later) if version not in order)],
        longest or next(most for least, most in _LONGEST if max(len(columns), 8 if later else 0) >= least),
    )
    name = segment(row["service"])
    found = {
        one["lane"]["environment"]: _cell(
            one, f"/why/{name}/{segment(one['lane']['environment'])}", order, parts, starved, reference
        )
        for one in row["lanes"]
    }
    cells = [found.get(column) for column in columns]
    last = max((place for place, one in enumerate(cells) if one is not None), default=None)
    return [
        replace(one, look=f"{one.look} last".strip(), place=columns[place] if place < len(columns) - 1 else "")
        if one is not None and place == last
        else one
        for place, one in enumerate(cells)
    ]


def _cell(
    one: Any,  # noqa: ANN401  # a lane and its states
    address: str,
    order: Mapping[str, int],
    parts: Mapping[str, Sequence[Part]],
    starved: Mapping[tuple[str, str], str],
    reference: datetime,
) -> Cell:
    lane, states = one["lane"], one["states"]
    running = lane["running"]
    first = running[0] if running else None
    noted = list(_noted(lane, states, starved))
    words = [words for _, words in noted]
    words[:0] = [
        f"{state(one['status']).word} {one['version']}" if len(running) > 1 else state(one["status"]).word
        for one in running
        if one["status"] != "SUCCESS"
    ]
    if first is not None and len(parts[first["version"]]) > 1:
        words.insert(0, first["version"])
    title = "; ".join(words)
    status = worst_status(one["status"] for one in running) if running else None
    looks = (
        tint(states),
        f"w{order[first['version']]}" if first is not None and len(order) > 1 else "",
    )
    return Cell(
        address=address,
        state=state(status) if status is not None else None,
        version=parts[first["version"]] if first is not None else (),
        more=len(running) - 1,
        marks=list(dict.fromkeys(mark for mark, _ in noted)),
        since=stamp(moment(first["since"])) if first is not None else "",
        age=span(lasted(first["since"], reference)) if first is not None else "",
        look=" ".join(look for look in looks if look),
        now=_now(lane, parts),
        title=title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…",
    )


def _now(lane: Any, parts: Mapping[str, Sequence[Part]]) -> Sequence[Part]:  # noqa: ANN401
    changed = lane.get("changed", ())
    shown = {one["module"] for one in lane["running"][:1] or changed}
    return next((parts.get(one["now"], [("nothing", True)]) for one in changed if {one["module"]} == shown), ())


def tint(states: Sequence[str]) -> str:
    """The ground of a cell, by the states of its lane; empty for none."""
    return next((_TINTS[one] for one in states if one in _TINTS), "")


def legend_of(rows: Iterable[Sequence[Cell | None]], beside: Iterable[State], *, dense: bool) -> Mapping[str, Any]:
    """What the legend of some rows explains: the `marks` of their cells and `beside` them, the bars of versions
    (`waves`), and the `ages` of those that run: of the `dense` matrix."""
    cells = [one for row in rows for one in row if one is not None]
    used = {mark for one in cells for mark in one.marks} | {one.state for one in cells} | set(beside)
    return {
        "marks": [one for one in LEGEND if one in used],
        "waves": dense and any("w1" in one.look for one in cells),
        "ages": dense and any(one.age for one in cells),
    }


def several(lane: Any) -> bool:  # noqa: ANN401  # of the body
    """Whether it has releases of several modules, which are then named."""
    return len({one["module"] for one in (*lane["running"], *lane["pending"], *lane.get("changed", ()))}) > 1


def own_holds(lane: Any) -> list[Any]:  # noqa: ANN401
    """The holds over this lane alone: others stand over its column, or beside its service."""
    return [
        hold
        for hold in lane["holds"]
        if hold["service"] is not None and (hold["environment"] is not None or hold["kind"] == "veto")
    ]


def _noted(
    lane: Any,  # noqa: ANN401
    states: Sequence[str],
    starved: Mapping[tuple[str, str], str],
) -> Iterator[tuple[State, str]]:
    """The marks of a lane, the worst first, each with what it stands for."""
    for one in lane.get("incidents", ()):
        yield ALERT, f"{one['name'] or 'incident'}: {one['reason'] or 'open'}"
    for one in lane.get("failed", ()):
        yield state("FAILED"), f"failed {_short(one['version'])}: {_text(one['detail'] or one['reason'])}"
    yield from (_pending(one) for one in lane["pending"] if one["status"] == "FAILED")
    if (text := starved.get((lane["service"], lane["environment"]))) is not None:
        yield ALERT, text
    for one in lane["running"]:
        if "approval" in states and one["status"] == "COMPLETED" and one["reason"] is not None:
            yield ASKED, str(one["reason"]["text"])
    for one in lane["drift"]:
        yield _DRIFT, f"drift: {_short(one['expected'])} expected"
    for one in own_holds(lane):
        yield held(one["kind"]), str(one["text"])
    yield from (_pending(one) for one in lane["pending"] if one["status"] != "FAILED")
    for one in lane["running"]:
        if one.get("conflict"):
            yield _CONFLICT, f"{_short(one['version'])} is contradicted"
    for one in lane.get("changed", ()):
        module = f"{one['module'].partition(':')[2]} " if several(lane) else ""
        yield CHANGED, f"now {module}{one['now'] or 'nothing'}"


def _pending(one: Any) -> tuple[State, str]:  # noqa: ANN401
    back = "rollback to " if one["kind"] == "rollback" else ""
    known, reason = coming(one), obstacle(one)
    why = f": {_text(reason)}" if reason is not None and one["status"] != "STARTED" else ""
    return known, f"{known.word} {back}{_short(one['version'])}{why}"


def _short(version: str) -> str:
    return cut_in_middle(version, _LONGEST_NOTED)


def _text(reason: Any) -> str:  # noqa: ANN401
    return str(reason["text"]) if reason is not None else "no reason given"
