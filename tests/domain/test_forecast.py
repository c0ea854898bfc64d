"""How long a step takes, from what was measured."""

from datetime import timedelta

import pytest

from deploydb.domain.forecast import expected


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
