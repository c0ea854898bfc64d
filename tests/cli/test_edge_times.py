"""Times and lengths of time at their edges: an answer, or a refusal that says what to write."""

import pytest

from tests.cli.shell import Shell

TIMES = ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999999d", "999999999d")
TIMES += (
    "-1d",
    "0h",
    "2026-02-29T12:00:00Z",
    "2026-11-22T12:00:00 01:00",
    "2026-11-22T12:00:00",
    "0001-01-01",
    "9999-12-31",
    "",
    b"\xff",
    "\u0661d",
)
COMMANDS = (
    ("blame", "--at"),
    ("events", "--since"),
    ("events", "--until"),
    ("status", "--at"),
    ("diff", "dev", "prod", "--at"),
    ("why", "foo", "dev", "--at"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_time_at_the_edge_is_answered_or_refused(seeded: Shell, command: tuple[str, ...]) -> None:
    for time in TIMES:
        ended = seeded.run(*command, time)
        assert ended.returncode in (0, 1, 2, 4), (time, ended.stderr)
        assert "this should not have happened" not in ended.stderr, (time, ended.stderr)
        assert ended.returncode == 0 or ended.stderr or ended.stdout, time


def test_a_date_is_the_beginning_of_that_day_here(seeded: Shell) -> None:
    at = ("why", "foo", "dev", "1.0", "--at", "2026-11-22")
    assert "at 2026-11-22T00:00:00+00:00 nothing was known" in seeded.fails(*at, TZ="UTC")
    assert "at 2026-11-21T23:00:00+00:00 nothing was known" in seeded.fails(*at, TZ="Europe/Berlin")
    forward = ("why", "foo", "dev", "1.0", "--at", "2026-03-29")  # at midnight
    assert "at 2026-03-28T22:00:00+00:00 nothing was known" in seeded.fails(*forward, TZ="Asia/Beirut")


@pytest.mark.parametrize("hours", ["0", "-1", "1e9", "99999999999999999999", "1.5", ""])
def test_hours_beyond_the_bounds_are_refused(seeded: Shell, hours: str) -> None:
    assert "hours" in seeded.fails("blame", "--hours", hours, code=2)
