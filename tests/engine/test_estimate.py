"""When a release would be where: as `decide` goes on, with answers as late as they came before."""

from datetime import UTC, datetime, time, timedelta

import pytest
from msgspec.structs import replace

from deploydb.domain.calendar.window import Window
from deploydb.domain.forecast import Expected
from deploydb.domain.gates.window import WindowPromotion
from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.deployment import Release
from deploydb.engine import estimate
from deploydb.engine.estimate import Arrival, Lane, arrivals, supposed
from tests.domain.given import NOON, at, chain
from tests.domain.scenario import Scenario, world

MINUTE = Expected(p50=timedelta(minutes=1), p90=timedelta(minutes=5), samples=10)
LANE = Lane(deployment=MINUTE, gates={("exit", "smoke"): MINUTE})
SLOW = Lane(deployment=Expected(p50=timedelta(minutes=2), p90=timedelta(minutes=10), samples=3), gates={})
MORNINGS = WindowPromotion(ident="mornings", zone="UTC", allow=(Window(start=time(9), end=time(11)),))


def estimated(it: Scenario, version: str = "2.0", **lanes: Lane) -> dict[str, Arrival]:
    """Of a version that is published, or comes now."""
    snapshot = it.outlook()
    if all(one.release.artifact.version != version for one in snapshot.deployments):
        artifact = Artifact(group="com.example", name="foo", version=version)
        snapshot = supposed(
            it.catalog, snapshot, [Release(id=0, artifact=artifact, published_at=it.now, published_by="ci")]
        )
    known = dict.fromkeys(it.catalog.environments, LANE)
    return arrivals(it.catalog, snapshot, version, known | lanes, it.now)


def test_a_way_is_the_sum_of_its_steps_and_a_soak_comes_after_what_verifies() -> None:
    found = estimated(world(*chain("dev", "prod", dev=("smoke", "soak"), prod=("smoke",))))
    assert found["dev"] == Arrival(entered=(NOON, NOON), verified=(at(122), at(130)))
    assert found["prod"] == Arrival(entered=(at(122), at(130)), verified=(at(124), at(140)))


def test_what_was_never_done_makes_all_behind_it_unknown() -> None:
    found = estimated(world(*chain("dev", "prod", dev=("manual",))))
    assert found["dev"] == Arrival(entered=(NOON, NOON), verified=None)
    assert found["prod"] == Arrival(entered=None, verified=None)


def test_at_an_entry_it_counts_from_the_arrival() -> None:
    it = world(*chain("dev", "prod"), entry={"prod": ("manual",)})
    found = estimated(it, prod=Lane(deployment=MINUTE, gates={("entry", "manual"): MINUTE}))
    assert found["prod"].entered == (at(2), at(10))
    assert found["prod"].verified == (at(3), at(15))


def test_a_step_that_takes_an_approval_has_its_earliest_time() -> None:
    it = world(*chain("dev", "prod", dev=("soak",)), entry={"prod": ("manual",)})
    found = estimated(it, prod=Lane(deployment=MINUTE, gates={("entry", "manual"): MINUTE}))
    assert found["dev"] == Arrival(entered=(NOON, NOON), verified=(at(121), at(125)))
    assert found["prod"].entered == (at(122), at(130))
    assert (found["prod"].entered_approved, found["prod"].verified_approved) == (at(120), at(120))


@pytest.mark.parametrize(("need", "approved"), [("all", NOON), ("any", None)])
def test_an_approval_of_one_of_several_ways_is_not_waited_for(need: str, approved: datetime | None) -> None:
    after = After(environments=("east", "west"), need=need)
    east = Stage(environment="east", promotions=("manual",))
    it = world(east, Stage(environment="west"), Stage(environment="prod", after=after))
    found = estimated(it, east=Lane(deployment=MINUTE, gates={("exit", "manual"): MINUTE}))
    assert found["east"].entered_approved is None
    assert found["east"].verified_approved == NOON
    assert found["prod"].entered_approved == approved


def test_a_window_is_waited_for() -> None:
    it = world(*chain("dev", "prod"), entry={"prod": ("mornings",)}, promotions=(MORNINGS,))
    opening = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert estimated(it)["prod"].entered == (opening, opening)


@pytest.mark.parametrize(("need", "entered"), [("all", (at(2), at(10))), ("any", (at(1), at(5)))])
def test_a_stage_after_several_waits_for_all_or_for_the_first(need: str, entered: tuple[datetime, datetime]) -> None:
    after = After(environments=("east", "west"), need=need)
    it = world(Stage(environment="east"), Stage(environment="west"), Stage(environment="prod", after=after))
    assert estimated(it, west=SLOW)["prod"].entered == entered


def test_another_release_in_the_lane_goes_first() -> None:
    it = world(*(replace(stage, supersede="queue") for stage in chain("dev", "prod", dev=("soak",))))
    it.publish("1.0", published=-9)
    it.evaluate()
    found = estimated(it)
    assert found["dev"].entered == (at(121), at(125))
    assert found["dev"].verified == (at(242), at(250))


def test_a_hold_with_an_end_is_waited_for_and_another_one_leaves_it_unknown() -> None:
    it = world(*chain("dev", "prod"))
    it.hold("freeze", environment="dev", until=NOON + timedelta(hours=3))
    it.hold("freeze", environment="prod")
    found = estimated(it)
    assert found["dev"] == Arrival(entered=(at(180), at(180)), verified=(at(181), at(185)))
    assert found["prod"] == Arrival(entered=None, verified=None)


def test_of_a_line_that_is_too_long_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "_MOST_LOOKS", 300)
    it = world(*(replace(stage, supersede="queue") for stage in chain("dev", "staging", "prod")))
    for number in range(10):
        it.publish(f"1.{number}", published=number)
    it.evaluate()
    found = estimated(it, "1.9")
    assert set(found.values()) == {Arrival(entered=None, verified=None)}


def test_what_is_under_way_counts_from_its_command_and_what_is_past_has_no_time() -> None:
    it = world(*chain("dev", "prod"))
    it.publish("2.0")
    it.evaluate()
    it.evaluate(3)
    found = estimated(it, dev=SLOW)
    assert found["dev"] == Arrival(entered=None, verified=(it.now, at(10)))
    it.deploy("dev", "2.0")
    found = estimated(it)
    assert found == {"prod": Arrival(entered=None, verified=(at(5), at(9)))}


def test_no_failure_is_expected_to_be_taken_back() -> None:
    it = world(*chain("dev", "prod", dev=("smoke",)))
    it.publish("2.0")
    it.evaluate()
    it.deploy("dev", "2.0")
    it.verify("dev", "2.0", outcome="failed")
    it.evaluate()
    assert set(estimated(it).values()) == {Arrival(entered=None, verified=None)}
