"""The way of a version as a drawing, on terminals of several widths and encodings."""

import io
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploydb.cli.lane_drawing import show_lane

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PASSED = {
    "promotion": "smoke",
    "type": "VerificationPromotion",
    "verdict": "PASS",
    "reason": {"text": "smoke passed"},
    "recheckAt": None,
}


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def gate(promotion: str, verdict: str, text: str, **more: Any) -> dict[str, Any]:
    return {"promotion": promotion, "type": "", "verdict": verdict, "reason": {"text": text}, "recheckAt": None} | more


def stage(environment: str, status: str, *gates: dict[str, Any], **more: Any) -> dict[str, Any]:
    known = {"after": [], "since": None, "reason": {"text": f"{environment} is {status}"}}
    return {"environment": environment, "status": status, "gates": list(gates)} | known | more


def progress(kind: str, begun: timedelta, until: timedelta) -> dict[str, Any]:
    return {"kind": kind, "begun": (NOON + begun).isoformat(), "until": (NOON + until).isoformat()}


WAY = (
    stage("dev", "SUCCESS", PASSED),
    stage(
        "staging",
        "COMPLETED",
        gate("soak", "PENDING", "soaks", progress=progress("soak", timedelta(hours=-1), timedelta(hours=3))),
        gate("go", "PENDING", "waits for one approval of sre", approvers=["ann", "bob"]),
        after=["dev"],
    ),
    stage("eu", "STARTED", after=["staging"], progress=progress("deadline", timedelta(0), timedelta(hours=1))),
    stage("us", "NOT_STARTED", gate("hours", "PENDING", "is closed", asked="entry"), after=["staging"]),
)
FAR = (NOON - timedelta(hours=3)).isoformat()


def drawn(
    monkeypatch: pytest.MonkeyPatch,
    *way: dict[str, Any],
    width: int | None = None,
    encoding: str = "utf-8",
    dumb: bool = True,
) -> list[str]:
    """The lines of the drawing of a way, `WAY` by default; `width`: of a terminal, else there is none."""
    kind = Terminal if width is not None else io.TextIOWrapper
    output = kind(io.BytesIO(), encoding, write_through=True)
    with monkeypatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        patch.setenv("TERM", "dumb" if dumb else "xterm")
        patch.delenv("NO_COLOR", raising=False)
        patch.setattr(sys, "stdout", output)
        show_lane(way or WAY, NOON)
        return output.buffer.getvalue().decode(encoding).splitlines()  # type: ignore[attr-defined]


def test_a_line_a_stage_and_its_gates_on_the_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch) == [
        "●  dev      SUCCESS",
        "│   ✓  smoke  smoke passed",
        "◐  staging  COMPLETED",
        "│   …  soak  ███░░░░░░░░░ 25%  ends in 3h",
        "│   …  go    waits for one approval of sre; ann, bob may approve",
        "▶  eu       STARTED  ░░░░░░░░░░░░ 0%  deadline in 1h",
        "│   …  hours (entry)  is closed",
        "○  us       NOT_STARTED  after staging; us is NOT_STARTED",
    ]


def test_a_stage_that_waits_for_another_version_says_so_beside_its_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = stage("dev", "NOT_STARTED", gate("smoke", "PENDING", "not asked yet"), reason={"text": "1.0 is deployed"})
    assert drawn(monkeypatch, waits)[0] == "○  dev  NOT_STARTED  1.0 is deployed"


def test_times_of_the_past_are_seen_from_then(monkeypatch: pytest.MonkeyPatch) -> None:
    never = {"verdict": "will not come", "text": "will not come: failed in dev", "since": FAR}
    way = stage("dev", "FAILED", since=FAR), stage("prod", "NOT_STARTED", outlook=never)
    assert drawn(monkeypatch, *way) == [
        "✗  dev   FAILED  3h ago  dev is FAILED",
        "○  prod  NOT_STARTED  will not come: failed in dev, 3h ago",
    ]


def test_a_kind_of_time_of_a_newer_service_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    lasts = progress("bake", timedelta(hours=-1), timedelta(hours=1))
    assert drawn(monkeypatch, stage("dev", "STARTED", progress=lasts))[0].endswith("50%  ends in 1h")


def test_no_line_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    wide, narrow = drawn(monkeypatch), drawn(monkeypatch, width=60)
    assert narrow[4:6] == ["│   …  go    waits for one approval of sre; ann, bob may", "│     approve"]
    assert narrow[:4] + narrow[6:] == wide[:4] + wide[5:]
    long = stage("dev", "FAILED", reason={"text": "ab " * 99}), stage("prod", "FAILED", reason={"text": "ab " * 99})
    for width in range(40, 90):
        assert all(len(line) <= width for line in drawn(monkeypatch, *WAY, *long, width=width))


def test_a_terminal_without_the_characters_gets_others(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = drawn(monkeypatch, encoding="ascii")
    assert lines[0] == "*  dev      SUCCESS"
    assert lines[3] == "|   ~  soak  ###......... 25%  ends in 3h"


def test_colours_are_for_terminals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[32m●" in drawn(monkeypatch, width=80, dumb=False)[0]
    assert not any("\x1b" in line for line in drawn(monkeypatch) + drawn(monkeypatch, width=80))
