"""Where the bars and columns of drawings are."""

from datetime import UTC, datetime, timedelta

from deploydb.query.pages.svg import bars, columns, ticks

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


def test_ticks_tell_the_hour_where_days_are_few() -> None:
    assert [tick.text for tick in ticks(START, END)] == ["01 Nov", "03 Nov", "06 Nov", "08 Nov"]
    assert ticks(START - timedelta(days=360), START)[3].text == "03 Aug 2026"
    assert ticks(START, START + timedelta(days=2))[1].text == "01 Nov 12:00"


def test_columns_have_one_scale_and_days_without_any_have_none() -> None:
    drawn = columns([4, 0, 2], [0, 0, 2])
    assert [(one.item, one.up, one.down) for one in drawn.columns] == [(0, 98.67, 0), (2, 49.33, 49.33)]
    assert drawn.axis + max(one.down for one in drawn.columns) <= drawn.height
    assert columns([], []).columns == []
