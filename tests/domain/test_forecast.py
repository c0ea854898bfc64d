"""When a release would be where, from what was measured."""

from datetime import UTC, datetime, time, timedelta

import pytest

from deploydb.domain.calendar.window import Window
from deploydb.domain.forecast import Expected, Lane, arrivals, expected
from deploydb.domain.gates.window import WindowPromotion
from deploydb.domain.model.catalog import After, Stage
from tests.domain.given import MANUAL, NOON, SMOKE, SOAK, at, chain

MINUTE = Expected(p50=timedelta(minutes=1), p90=timedelta(minutes=5), samples=10)
LANE = Lane(deployment=MINUTE, gates={"smoke": MINUTE})
MORNINGS = WindowPromotion(ident="mornings", zone="UTC", allow=(Window(start=time(9), end=time(11)),))
NOTHING = {"dev": (), "east": (), "west": (), "prod": ()}


@pytest.mark.parametrize(
    ("minutes", "p50", "p90"),
    [([7], 7, 7), ([1, 2], 1, 2), ([3, 1, 2], 2, 3), (range(1, 11), 5, 9), (range(1, 101), 50, 90)],
)
def test_the_middle_and_the_slow_one_in_ten_are_ranks_of_what_was_measured(minutes, p50: int, p90: int) -> None:
    found = expected([timedelta(minutes=each) for each in minutes])
    assert found is not None
    assert (found.p50, found.p90) == (timedelta(minutes=p50), timedelta(minutes=p90))
    assert found.samples == len(minutes)


def test_nothing_measured_is_nothing_expected() -> None:
    assert expected([]) is None


def test_a_way_is_the_sum_of_its_steps_and_gates_run_beside_each_other() -> None:
    exits = {"dev": (SMOKE, SOAK), "prod": (SMOKE,)}
    dev, prod = arrivals(chain("dev", "prod"), NOTHING, exits, {"dev": LANE, "prod": LANE}, NOON)
    assert dev.entered == (NOON, NOON)
    assert dev.verified == (at(121), at(125))
    assert prod.entered == dev.verified
    assert prod.verified == (at(123), at(135))


def test_what_was_never_done_makes_all_behind_it_unknown() -> None:
    exits = {"dev": (MANUAL,), "prod": ()}
    dev, prod = arrivals(chain("dev", "prod"), NOTHING, exits, {"dev": LANE, "prod": LANE}, NOON)
    assert (dev.entered, dev.verified) == ((NOON, NOON), None)
    assert (prod.entered, prod.verified) == (None, None)


def test_a_window_is_waited_for() -> None:
    entry = {**NOTHING, "prod": (MORNINGS,)}
    exits = {"dev": (), "prod": ()}
    _, prod = arrivals(chain("dev", "prod"), entry, exits, {"dev": LANE, "prod": LANE}, NOON)
    opening = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert prod.entered == (opening, opening)


@pytest.mark.parametrize(("need", "entered"), [("all", (at(2), at(10))), ("any", (at(1), at(5)))])
def test_a_stage_after_several_waits_for_all_or_for_the_first(need: str, entered: tuple[datetime, datetime]) -> None:
    slow = Lane(deployment=Expected(p50=timedelta(minutes=2), p90=timedelta(minutes=10), samples=3), gates={})
    stages = (
        Stage(environment="east"),
        Stage(environment="west"),
        Stage(environment="prod", after=After(environments=("east", "west"), need=need)),
    )
    lanes = {"east": LANE, "west": slow, "prod": LANE}
    (_, _, prod) = arrivals(stages, NOTHING, NOTHING, lanes, NOON)
    assert prod.entered == entered
