"""Where the bars and columns of drawings are."""

from datetime import UTC, datetime, timedelta

import pytest

from deploydb.query.pages.svg import axis, bars, columns

START = datetime(2026, 11, 1, tzinfo=UTC)
END = START + timedelta(days=10)


def test_a_bar_lasts_until_the_next_and_the_last_until_now() -> None:
    since = [START - timedelta(days=5), START + timedelta(days=2), START + timedelta(days=7)]
    assert [(bar.x, bar.width, bar.item) for bar in bars(since, START, END)] == [
        (0, 20, 0),
        (20, 50, 1),
        (70, 30, 2),
    ]


def test_what_was_over_before_is_not_drawn_and_what_was_short_is_drawn_wide_enough_to_be_seen() -> None:
    since = [START - timedelta(days=9), START - timedelta(days=5), END - timedelta(seconds=1)]
    drawn = bars(since, START, END)
    assert [bar.item for bar in drawn] == [1, 2]
    assert drawn[1].width == 0.4
    assert drawn[1].x + drawn[1].width <= 100


@pytest.mark.parametrize(
    ("since", "lasts", "named"),
    [
        (START, timedelta(days=10), ["01 Nov", "03 Nov", "05 Nov", "07 Nov", "09 Nov"]),
        (START + timedelta(minutes=37), timedelta(hours=6), ["01 Nov 02:00", "01 Nov 04:00", "01 Nov 06:00"]),
        (START + timedelta(hours=7), timedelta(1), ["01 Nov 12:00", "01 Nov 18:00", "02 Nov 00:00", "02 Nov 06:00"]),
        (START, timedelta(days=30), ["02 Nov", "09 Nov", "16 Nov", "23 Nov", "30 Nov"]),
        (START - timedelta(days=360), timedelta(days=360), ["Jan 2026", "Apr 2026", "Jul 2026", "Oct 2026"]),
    ],
)  # fmt: skip
def test_ticks_stand_at_round_times(since: datetime, lasts: timedelta, named: list[str]) -> None:
    drawn = axis(since, since + lasts)
    assert [tick.text for tick in drawn.ticks if tick.named] == named


def test_an_axis_has_the_next_ticks_on_both_sides_for_other_zones() -> None:
    drawn = axis(START + timedelta(hours=5), START + timedelta(hours=29))
    assert [tick.drawn for tick in drawn.ticks] == [False, True, True, True, True, False]
    assert drawn.ticks[0].x == -20.833
    assert (drawn.seconds, drawn.step) == (86_400, 21_600)


def test_columns_have_one_scale_and_days_without_any_have_none() -> None:
    drawn = columns([4, 0, 2], [0, 0, 2])
    assert [(one.item, one.up, one.down) for one in drawn.columns] == [(0, 98.67, 0), (2, 49.33, 49.33)]
    assert drawn.axis + max(one.down for one in drawn.columns) <= drawn.height
    assert columns([], []).columns == []
