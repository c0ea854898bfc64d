"""Where the boxes and bars of drawings are."""

from datetime import UTC, datetime, timedelta

from deploydb.query.pages.svg import bars, columns, graph, ticks

START = datetime(2026, 11, 1, tzinfo=UTC)
END = START + timedelta(days=10)


def test_a_stage_is_right_of_all_that_it_comes_after() -> None:
    drawn = graph({"dev": [], "qa": ["dev"], "staging": ["dev"], "prod": ["dev", "qa", "staging"]})
    place = {box.name: (box.x, box.y) for box in drawn.boxes}
    assert place["dev"][0] < place["qa"][0] == place["staging"][0] < place["prod"][0]
    assert place["qa"][1] < place["staging"][1]
    assert len(drawn.arrows) == 5
    assert all(x1 < x2 for x1, _, x2, _ in drawn.arrows)


def test_two_pipelines_are_two_rows_and_no_stages_take_no_room() -> None:
    drawn = graph({"eu": [], "us": []})
    assert len({box.x for box in drawn.boxes}) == 1
    assert len({box.y for box in drawn.boxes}) == 2
    nothing = graph({})
    assert (nothing.width, nothing.height) == (0, 0)


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
    assert [tick.text for tick in ticks(START, END)] == ["01 Nov 2026", "03 Nov 2026", "06 Nov 2026", "08 Nov 2026"]
    assert ticks(START, START + timedelta(days=2))[1].text == "01 Nov 12:00"


def test_columns_have_one_scale_and_days_without_any_have_none() -> None:
    drawn = columns([4, 0, 2], [0, 0, 2])
    assert [(one.item, one.up, one.down) for one in drawn.columns] == [(0, 98.67, 0), (2, 49.33, 49.33)]
    assert drawn.axis + max(one.down for one in drawn.columns) <= drawn.height
    assert columns([], []).columns == []
