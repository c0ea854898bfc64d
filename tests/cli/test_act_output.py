"""`-o` of acts: the fact as it was published."""

import pytest

from tests.cli.shell import REASON, Queue, Shell

ACTS = {
    ("pin", "foo", "prod", *REASON): "hold.placed",
    ("veto", "foo", "1.0", *REASON): "hold.placed",
    ("freeze", "prod", *REASON): "hold.placed",
    ("pause", "foo", *REASON): "hold.placed",
    ("hotfix", "foo", "1.1", *REASON): "hotfix.declared",
    ("promote", "foo", "prod", "1.1", "--yes", *REASON): "promotion.requested",
    ("retry", "foo", "prod", "1.0", *REASON): "retry.requested",
    ("incident", "open", "foo", "prod", *REASON): "incident.detected",
    ("approve", "foo", "dev", "7.0", "--promotion", "manual", "--early", "--by", "ann"): "approval.given",
}


@pytest.mark.parametrize(("act", "kind"), ACTS.items(), ids=lambda value: value if isinstance(value, str) else value[0])
def test_an_act_prints_its_fact(connected: Shell, queue: Queue, act: tuple[str, ...], kind: str) -> None:
    fact = connected.json(*act)
    assert fact["type"] == kind
    assert queue.bodies() == [fact]
    assert fact["by"] == "ann"


def test_an_act_has_a_name_and_prints_nothing_by_itself(connected: Shell, queue: Queue) -> None:
    assert connected.ok("pause", "foo", *REASON).stdout == ""
    name = connected.ok("pause", "foo", *REASON, "-o", "name").stdout
    assert name == f"fact/{queue.bodies()[1]['id']}\n"
