"""When facts count that came late, out of order or by a wrong clock: by their sources, and as they were known."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from deploydb.domain.model.deployment import GateStatus
from deploydb.simulation import Clock
from tests.domain.given import THREE, at, catalog, chain
from tests.simulation.given import Past

GATED = catalog(*chain("dev", "staging", "prod", dev=("smoke",), staging=("manual",)))
ASKED: dict[str, GateStatus | None] = {"smoke": GateStatus.PASS, "manual": GateStatus.PASS}


def commands(past: Past, clock: Clock) -> dict[str, datetime]:
    """When each environment is commanded."""
    replay, _ = past.replayed(GATED, clock=clock)
    return {name.environment: when for when, name in replay.commands}


def late() -> Past:
    """dev and staging finish, are verified and approved at once, each of which is known an hour later."""
    past = Past()
    past.publish("1.0", 0, recorded=at(60))
    dev = past.deployed("dev", "1.0", 60, recorded=at(121), asked=ASKED)
    past.reported(dev, "smoke", 62, recorded=at(182))
    staging = past.deployed("staging", "1.0", 182, recorded=at(243), asked=ASKED)
    past.approved(staging, "manual", 184, recorded=at(304))
    past.deployed("prod", "1.0", 304)
    return past


def test_by_the_recorded_clock_publications_finishes_reports_and_approvals_count_when_they_were_known() -> None:
    assert commands(late(), "recorded") == {"dev": at(60), "staging": at(182), "prod": at(304)}


def test_by_the_sources_time_they_count_when_they_happened() -> None:
    # dev runs a minute after its command and is verified a minute later; the approval has its own time
    assert commands(late(), "time") == {"dev": at(0), "staging": at(2), "prod": at(184)}


def test_a_source_whose_clock_is_behind_moves_nothing_by_the_recorded_clock() -> None:
    past = Past()
    past.publish("1.0", 0)
    dev = past.deployed("dev", "1.0", 0, took=-20, recorded=at(5), asked=ASKED)
    past.reported(dev, "smoke", -15, recorded=at(7))
    past.deployed("staging", "1.0", 7, outcome=None)
    assert commands(past, "recorded") == {"dev": at(0), "staging": at(7)}


def test_of_two_reports_out_of_order_the_first_one_counts_until_the_other_is_known() -> None:
    past = Past()
    past.publish("1.0", 0)
    dev = past.deployed("dev", "1.0", 0, asked=ASKED)
    past.reported(dev, "smoke", 9, recorded=at(10))
    past.reported(dev, "smoke", 5, outcome="failed", recorded=at(20))
    past.deployed("staging", "1.0", 10, outcome=None)
    assert commands(past, "recorded") == {"dev": at(0), "staging": at(10)}
    assert commands(past, "time") == {"dev": at(0), "staging": at(9)}


@pytest.mark.parametrize("clock", ["time", "recorded"])
def test_what_waited_until_it_was_superseded_waits_in_a_replay(clock: Clock) -> None:
    replacing = (replace(stage, while_verifying="replace") for stage in THREE)
    people = catalog(*replacing, entry={"prod": ("manual",)})
    past = Past()
    asked: dict[str, GateStatus | None] = {"manual": GateStatus.PENDING}
    for version, minutes in (("1.0", 0), ("1.1", 100)):
        past.everywhere(version, minutes, "dev", "staging")
        waits = {"skipped_at": at(102), "needs_evaluation": False} if version == "1.0" else {}
        past.waited("prod", version, asked, closed=at(102) if waits else None, **waits)
    replay, _ = past.replayed(people, clock=clock)
    assert not replay.ledgers["foo"].unknown


def test_people_are_not_known_to_be_silent_for_longer_than_they_were_asked() -> None:
    people = catalog(*THREE, entry={"prod": ("manual",)})
    past = Past()
    past.everywhere("1.0", 0, "dev", "staging")
    past.waited("prod", "1.0", {"manual": GateStatus.PENDING}, closed=at(50), skipped_at=at(50), needs_evaluation=False)
    replay, _ = past.replayed(people)
    assert set(replay.ledgers["foo"].unknown.values()) == {"manual was not asked for so long"}
    before, _ = past.replayed(people, until=at(49))
    assert not before.ledgers["foo"].unknown
