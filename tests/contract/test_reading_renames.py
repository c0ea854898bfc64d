"""What is read of an environment that is, or was, renamed: beforehand, of words, and by replays."""

from datetime import timedelta

import pytest

from deploydb.cli.renames import by_stored_names, carried_along, renaming_of
from deploydb.domain.model.catalog import Catalog
from deploydb.simulation import RecordedHistory, Replay, compare, reproduce
from deploydb.store.effects.effect import effect_of
from deploydb.store.engine import reading
from deploydb.store.queries.replay import attempts, decisions, entries, read_only
from tests.contract.renames import configure, through
from tests.contract.test_renamed_environments import AFTER, BEFORE, FILE, released
from tests.contract.test_renamed_environments import world as world
from tests.scenario import Scenario


def announced(world: Scenario, known: Catalog) -> list[str]:
    """What `check-config --against-live` says of a catalog's renames."""
    with reading(world.engine) as connection:
        return list(carried_along(connection, renaming_of(connection, known)))


def test_what_is_carried_along_set_aside_and_refused_is_announced_beforehand(world: Scenario) -> None:
    assert announced(world, BEFORE) == []
    assert announced(world, AFTER) == ["prod becomes production: nothing has been there yet"]
    released(world, "1.0")
    world.tell("hold.placed", kind="freeze", environment="prod", by="alice")
    world.tell("hold.placed", kind="freeze", environment="production", by="alice")
    assert announced(world, AFTER) == [
        "prod becomes production: 1 lane, 1 deployment, 1 hold",
        "production was a name before: 1 hold, set aside as production~1",
    ]
    configure(world, AFTER)
    assert announced(world, AFTER) == []
    assert announced(world, BEFORE) == ["production becomes prod: 1 lane, 1 deployment, 1 hold"]
    configure(world, through("dev", "production", "prod"))
    (refused,) = announced(world, AFTER)
    assert refused.startswith("production carries nothing on of prod: both are environments already")


def test_words_from_before_have_the_effect_that_they_had(world: Scenario) -> None:
    released(world, "1.0")
    world.publish("1.1")
    world.evaluate()
    world.tell("hold.placed", kind="freeze", environment="prod", by="alice", id="freeze")
    world.tell("incident.detected", service="foo", environment="prod", incident="INC-1", id="incident")
    order = {"service": "foo", "version": "1.1", "by": "alice", "reason": "it burns"}
    world.tell("promotion.requested", **order, environment="prod", skip=["dev"], id="promotion")
    world.tell("hotfix.declared", **order, skip=["prod"], id="hotfix")
    world.evaluate()

    def effects() -> dict[str, tuple[bool | None, str | None]]:
        with reading(world.engine) as connection:
            found = {
                name: effect_of(connection, world.catalog, "tests", name, world.now)
                for name in ("freeze", "incident", "promotion", "hotfix")
            }
        return {name: (one.counts, one.why) for name, one in found.items()}

    before = effects()
    configure(world, AFTER)
    assert {
        name: (counts, (why or "").replace("production", "prod") or None) for name, (counts, why) in effects().items()
    } == before
    assert before["freeze"] == (True, None)


@pytest.mark.parametrize("clock", ["time", "recorded"])
def test_a_replay_over_the_rename_makes_no_difference(world: Scenario, clock: str) -> None:
    released(world, "1.0")
    world.tell("hold.placed", kind="freeze", environment="prod", by="alice", hold="fair")
    world.publish("1.1")
    world.evaluate(minutes=5)
    world.deploy()
    world.now += timedelta(minutes=5)
    world.tell("hold.lifted", kind="freeze", environment="prod", by="alice", hold="fair")
    order = {"service": "foo", "version": "1.2", "by": "alice", "reason": "it burns"}
    world.tell("promotion.requested", **order, environment="prod", skip=["dev"])
    configure(world, AFTER)
    world.deploy()
    world.now += timedelta(minutes=5)
    world.publish("1.2")
    world.evaluate(minutes=5)
    world.deploy()
    world.deploy()
    world.tell("deployment.observed", service="foo", environment="prod", artifact=FILE)
    world.evaluate(minutes=5)
    with read_only(world.engine) as connection:
        catalogs = [by_stored_names(connection, known) for known in (BEFORE, AFTER)]
        reality = RecordedHistory(
            entries(connection, [], recorded=clock == "recorded"),
            attempts(connection),
            decisions=decisions(connection),
            clock=clock,
        )
    old, new = (Replay(known, reality, until=world.now).run() for known in catalogs)
    found, again = compare(old, new, reality), reproduce(new, reality)
    assert (found.differences, found.unknown) == ((), 0)
    assert (again.deviations, again.reproduced, again.extra) == ((), again.real, 0)
