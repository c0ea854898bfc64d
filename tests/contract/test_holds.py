"""Holds, stored in any order of arrival, and the evaluations that they request."""

from datetime import timedelta
from itertools import permutations
from typing import Any

from deploydb.domain.model.admission_reasons import FreezeOverridden, Frozen
from deploydb.domain.model.reason_parts import Comment
from deploydb.store.engine import reading
from deploydb.store.promotion import next_due
from deploydb.store.reason_codec import reason_of
from deploydb.store.revision import read_revision
from deploydb.store.tables import event, hold, verdict
from tests.contract.folding import differences
from tests.contract.promotion_steps import FOO, reason
from tests.contract.promotion_steps import world as world
from tests.scenario import NOON, Scenario, catalog

PIN = {"kind": "pin", "service": "foo", "environment": "prod", "version": "1.0", "by": "alice"}


def say(world: Scenario, what: str, minutes: float, **fields: Any) -> None:
    """A fact that happened so many minutes after noon."""
    world.tell(what, time=(NOON + timedelta(minutes=minutes)).isoformat(), **fields)


def test_of_each_scope_the_latest_word_counts_whatever_order_they_come_in(database_url: str) -> None:
    words = [("hold.placed", 1, "first"), ("hold.lifted", 2, "over"), ("hold.placed", 3, "again")]
    with Scenario(database_url) as world:
        world.now += timedelta(minutes=9)
        for index, order in enumerate(permutations(words)):
            for what, minutes, why in order:
                say(world, what, minutes, **PIN | {"service": f"s{index}"}, reason=why)
        standing = [row for row in world.rows(hold) if row.hold]
        assert [(row.placed, row.reason) for row in standing] == [(True, "again")] * 6


def test_holds_of_one_scope_stand_beside_each_other_and_are_lifted_by_themselves(world: Scenario) -> None:
    freeze = {"kind": "freeze", "environment": "dev"}
    world.tell("hold.placed", **freeze, by="alice", reason="holidays")
    world.tell("hold.placed", **freeze, by="bob", hold="brief", until=(world.now + timedelta(hours=1)).isoformat())
    world.tell("hold.placed", **freeze, by="carol", hold="bug", **{"from": world.now.isoformat()})
    world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate(hours=2)
    assert reason(world, "dev", "2.0").startswith("dev is frozen by carol (from ")
    assert "by alice: holidays" in reason(world, "dev", "2.0")
    assert "bob" not in reason(world, "dev", "2.0")
    world.tell("hold.lifted", **freeze, by="dan", hold="bug")
    world.evaluate(minutes=1)
    assert reason(world, "dev", "2.0") == "dev is frozen by alice: holidays"
    world.tell("hold.lifted", **freeze, by="dan")
    world.evaluate(minutes=1)
    assert len(world.commands()) == 1


def test_a_pin_holds_and_lifting_it_wakes_promotion(world: Scenario) -> None:
    world.tell("hold.placed", **PIN, reason="audit")
    world.publish("2.0", artifact={}, time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate()
    world.deploy()
    assert reason(world, "prod", "2.0") == "pinned to 1.0 by alice: audit"
    world.now += timedelta(minutes=1)
    world.tell("hold.lifted", kind="pin", service="foo", environment="prod", by="alice")
    world.evaluate()
    assert [command.artifact.version for command in world.commands()] == ["2.0"]


def test_a_freeze_of_everything_holds_every_service_and_its_end_is_a_row(world: Scenario) -> None:
    until = world.now + timedelta(hours=1)
    world.tell("hold.placed", kind="freeze", by="alice", reason="holidays", until=until.isoformat())
    world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate()
    assert world.commands() == []
    assert reason(world, "dev", "2.0").startswith("everything is frozen by alice: holidays (until ")
    assert next_due(world.engine) == until
    world.evaluate(hours=1)
    assert [command.artifact.version for command in world.commands()] == ["2.0"]


def test_lifting_a_freeze_of_all_wakes_those_that_wait(world: Scenario) -> None:
    world.tell("hold.placed", kind="freeze", by="alice", environment="dev")
    world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate(minutes=1)
    assert world.commands() == []
    world.tell("hold.lifted", kind="freeze", by="alice", environment="dev")
    world.evaluate()
    assert len(world.commands()) == 1


def test_an_override_of_a_freeze_is_a_word_with_a_reason_and_is_kept(world: Scenario) -> None:
    world.catalog = catalog(FOO, groups={"sre": frozenset({"sue"})}, freeze_overriders=("sre",))
    world.tell("hold.placed", kind="freeze", by="alice", environment="dev", reason="stocktaking")
    world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate(minutes=1)
    lane = {"service": "foo", "environment": "dev", "version": "2.0", "promotion": "freeze"}
    world.tell("approval.given", **lane, by="sue", comment="prod is down")
    world.evaluate()
    (command,) = world.commands()
    assert "overridden by sue: prod is down" in command.reason
    frozen = Frozen(by="alice", environment="dev", comment="stocktaking")
    passed = FreezeOverridden(freezes=(frozen,), by=(Comment(by="sue", comment="prod is down"),))
    (kept,) = [row for row in world.rows(verdict) if row.promotion == "freeze"]
    assert (kept.outcome, kept.reason) == ("PASS", passed)
    logged = [row.body["reason"] for row in world.rows(event) if row.type == "verdict.changed"][-1]
    assert reason_of(logged) == passed


def test_holds_that_are_lifted_together_are_stored_as_lifted_whatever_order_they_come_in(database_url: str) -> None:
    freeze = {"kind": "freeze", "environment": "prod", "by": "ann"}
    words = [("hold.placed", 1, {"reason": "audit"}), ("hold.placed", 2, {"reason": "bug"}), ("hold.lifted", 3, {})]
    with Scenario(database_url) as world:
        world.now += timedelta(minutes=9)
        for index, order in enumerate(permutations(words)):
            for what, minutes, more in order:
                say(world, what, minutes, **freeze, **more, service=f"s{index}")
        say(world, "hold.placed", 4, **freeze, reason="again", service="s0")
        say(world, "hold.lifted", 5, **freeze, service="s0", hold="other")
        assert [row.reason for row in world.rows(hold) if row.placed] == ["again"]
        assert differences(world.engine) == {}


def test_a_hold_that_ends_by_itself_is_another_revision(world: Scenario) -> None:
    for hours in (1, 2):
        until = (world.now + timedelta(hours=hours)).isoformat()
        world.tell("hold.placed", kind="freeze", environment="prod", by="ann", reason="audit", until=until)
    with reading(world.engine) as connection:
        found = [read_revision(connection, world.now + timedelta(minutes=minutes)) for minutes in (59, 60, 119, 120)]
    assert found[0] != found[1] == found[2] != found[3]
