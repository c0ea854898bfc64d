"""`deploydb import`: facts of before DeployDB's time, marked as such, or refused before any is published."""

import json
from typing import Any

from tests.cli.shell import Queue, Shell

THEN = "2024-03-01T12:00:00+00:00"
LANE = {"service": "foo", "environment": "prod", "version": "1.0"}


def fact(type_: str, ident: str, **fields: Any) -> dict[str, Any]:
    return {"type": type_, "id": ident, "source": "jenkins", "time": THEN, **fields}


FACTS = [
    fact("verification.finished", "v", **LANE, promotion="smoke", outcome="passed"),
    fact("deployment.finished", "d", **LANE, outcome="succeeded", custom="kept"),
    fact("artifact.published", "a", artifact={"group": "com.example", "name": "foo", "version": "1.0"}),
]


def lines(*facts: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in facts)


def test_each_fact_is_marked_and_artifacts_come_first(shell: Shell, queue: Queue) -> None:
    ended = shell.ok("import", "-", stdin=lines(*FACTS))
    assert ended.stderr.endswith("3 imported, 0 not\n")
    found = queue.bodies()
    assert [one["id"] for one in found] == ["a", "d", "v"]
    assert all(one["historical"] is True and one["time"] == THEN for one in found)
    assert found[1]["custom"] == "kept"


def test_one_that_is_wrong_has_none_published(shell: Shell, queue: Queue) -> None:
    order = fact("hold.placed", "h", kind="freeze", by="alice")
    no_time = {name: value for name, value in FACTS[0].items() if name != "time"}
    errors = shell.fails("import", "-", stdin=lines(*FACTS, order, no_time))
    assert "hold.placed is an order for now: it cannot be imported" in errors
    assert ":5: $.time: is missing: an imported fact needs its time" in errors
    assert errors.endswith("0 imported, 3 can be, 2 cannot\n")
    assert queue.bodies() == []


def test_a_dry_run_publishes_nothing(shell: Shell, queue: Queue) -> None:
    assert shell.ok("import", "-", "--dry-run", stdin=lines(*FACTS)).stderr == "0 imported, 3 can be, 0 cannot\n"
    assert queue.bodies() == []
    assert "0 imported" in shell.fails("import", "-", stdin=b"")


def test_one_fact_can_be_published_as_historical(shell: Shell, queue: Queue) -> None:
    shell.ok("publish", "artifact", "com.example:foo", "1.0", "--time", THEN, "--historical")
    shell.ok(
        "publish",
        "deployment.finished",
        *(f"--{name}={value}" for name, value in LANE.items()),
        "--outcome",
        "succeeded",
        "--historical",
    )
    shell.ok("publish", "artifact", "com.example:foo", "1.1")
    assert [one.get("historical") for one in queue.bodies()] == [True, True, None]
