"""The way of a version as a drawing: a line a stage, its gates on the edges before and after it, bars for times."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from shutil import get_terminal_size
from typing import Any

from msgspec import Struct
from rich.cells import cell_len

from deploydb.cli.fitting import flowed
from deploydb.cli.output import MarkedLine, ago, can_show, outlook_text, reason_text, show_marked, until_from
from deploydb.domain.unsafe_characters import in_one_line
from deploydb.query.column import Column

Body = Mapping[str, Any]

_STAGE = Column("MARK"), Column("STAGE"), Column("STATUS"), Column("SINCE"), Column("BAR"), Column("NOTE", "text")
_GATE = Column("MARK"), Column("GATE"), Column("BAR"), Column("NOTE", "text")
_BAR = 12
"""Cells of a bar."""
_WIDEST_NAME = 20
"""Of a column of names that are set below each other."""


class _Signs(Struct, frozen=True, kw_only=True):
    """The characters of a drawing. `marks`: by a status or verdict."""

    marks: Mapping[str, str]
    edge: str
    done: str
    left: str

    @property
    def all(self) -> str:
        return "".join((*self.marks.values(), self.edge, self.done, self.left))


_DRAWN = _Signs(
    marks={
        "SUCCESS": "●",
        "COMPLETED": "◐",
        "STARTED": "▶",
        "CREATED": "▷",
        "NOT_STARTED": "○",
        "FAILED": "✗",
        "SKIPPED": "–",
        "PASS": "✓",
        "PENDING": "…",
        "FAIL": "✗",
        "ERROR": "!",
    },
    edge="│",
    done="█",
    left="░",
)
_ASCII = _Signs(
    marks={
        "SUCCESS": "*",
        "COMPLETED": "%",
        "STARTED": ">",
        "CREATED": ">",
        "NOT_STARTED": "o",
        "FAILED": "x",
        "SKIPPED": "-",
        "PASS": "+",
        "PENDING": "~",
        "FAIL": "x",
        "ERROR": "!",
    },
    edge="|",
    done="#",
    left=".",
)


def show_lane(stages: Sequence[Body], now: datetime | None = None) -> None:
    """Draw the stages of an answer of `why`, upstream first, within the width of a terminal; elsewhere a line each.

    Characters that the output's encoding lacks have others in ASCII. `now`: the time of the answer, where it is of the
    past.
    """
    signs = _DRAWN if can_show(_DRAWN.all) else _ASCII
    width = get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    show_marked(_lines(stages, signs, width, now or datetime.now(UTC)))


def _lines(stages: Sequence[Body], signs: _Signs, width: int, now: datetime) -> Iterator[MarkedLine]:
    names = _width([stage["environment"] for stage in stages])
    previous: str | None = None
    for stage in stages:
        is_last = stage is stages[-1]
        gates = _width([_gate_name(gate) for gate in stage["gates"]])
        for gate in stage["gates"]:
            if _is_entry(gate):
                yield from _gate(gate, gates, signs, width, now, edge=True)
        yield from _stage(stage, names, signs, width, now, previous, is_last=is_last)
        for gate in stage["gates"]:
            if not _is_entry(gate):
                yield from _gate(gate, gates, signs, width, now, edge=not is_last)
        previous = stage["environment"]


def _stage(
    stage: Body, names: int, signs: _Signs, width: int, now: datetime, previous: str | None, *, is_last: bool
) -> Iterator[MarkedLine]:
    status, after = stage["status"], stage.get("after", [])
    bar, *notes = _bar(stage, signs, now)
    if previous is not None and after and after != [previous]:
        notes.append(f"after {' and '.join(after)}")
    outlook = stage.get("outlook")
    if outlook is not None and outlook["verdict"] == "will not come" and outlook["since"] is not None:
        notes.append(outlook_text(outlook, now))
    elif status in ("NOT_STARTED", "FAILED", "SKIPPED") or not (stage["gates"] or bar):
        notes.append(reason_text(stage["reason"]))
    name = _padded(stage["environment"], names)
    since = ago(stage.get("since"), now)
    cells = [signs.marks.get(status, "?"), name, status, since, bar, "; ".join(filter(None, notes))]
    yield from _placed(_STAGE, cells, "", "  " if is_last else f"{signs.edge} ", status, width)


def _gate(gate: Body, names: int, signs: _Signs, width: int, now: datetime, *, edge: bool) -> Iterator[MarkedLine]:
    verdict, who = gate["verdict"], gate.get("approvers")
    bar, *notes = _bar(gate, signs, now)
    if not bar:
        notes.append(reason_text(gate["reason"]))
    if who is not None:
        notes.append(f"{', '.join(who) or 'no user'} may approve")
    if not bar and verdict != "PASS" and gate["recheckAt"] is not None:
        notes.append(f"next check {until_from(gate['recheckAt'], now) or 'now'}")
    cells = [signs.marks.get(verdict, "?"), _padded(_gate_name(gate), names), bar, "; ".join(filter(None, notes))]
    lead = f"{signs.edge}   " if edge else "    "
    yield from _placed(_GATE, cells, lead, lead, verdict, width)


def _bar(body: Body, signs: _Signs, now: datetime) -> list[str]:
    """The bar of a time that is passing, and a word on its end; else an empty one."""
    progress = body.get("progress")
    if progress is None:
        return [""]
    begun, end = datetime.fromisoformat(progress["begun"]), datetime.fromisoformat(progress["until"])
    share = min(max((now - begun) / (end - begun), 0.0), 1.0) if end > begun else 1.0
    done = int(share * _BAR)
    word = {"deadline": "deadline"}.get(progress["kind"], "ends")
    return [
        f"{signs.done * done}{signs.left * (_BAR - done)} {share:.0%}",
        f"{word} {until_from(progress['until'], now) or 'now'}",
    ]


def _placed(
    columns: Sequence[Column], cells: Sequence[str], first: str, further: str, status: str, width: int
) -> Iterator[MarkedLine]:
    """The cells, in lines of at most `width` but for names; what is left of the first line, and of the further ones."""
    shown = [
        in_one_line(" ".join(cell.split()) if column.holds == "text" else cell)
        for column, cell in zip(columns, cells, strict=True)
    ]
    text, *more = flowed(columns, shown, max(width - max(len(first), len(further)), 1))
    yield MarkedLine(f"{first}{text}".rstrip(), len(first), status)
    for line in more:
        yield MarkedLine(f"{further}{line}".rstrip())


def _is_entry(gate: Body) -> bool:
    return bool(gate.get("asked") == "entry")


def _gate_name(gate: Body) -> str:
    return f"{gate['promotion']} (entry)" if _is_entry(gate) and gate["type"] != "Freeze" else str(gate["promotion"])


def _width(names: Sequence[str]) -> int:
    return max((cell_len(name) for name in names if cell_len(name) <= _WIDEST_NAME), default=0)


def _padded(name: str, width: int) -> str:
    return name + " " * (width - cell_len(name))
