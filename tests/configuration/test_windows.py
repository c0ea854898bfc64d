"""Windows in files: good ones as values, and the problems of wrong ones."""

from datetime import date, time, timedelta

import pytest

from deploydb.configuration.building import Known
from deploydb.configuration.promotions import read_promotion
from deploydb.configuration.source import Source, read_source
from deploydb.domain.calendar.window import Window
from deploydb.domain.gates import Promotion
from deploydb.domain.gates.window import WindowPromotion

HEAD = "type: WindowPromotion\nzone: Europe/Berlin\n"


def read(text: str) -> tuple[Promotion | None, list[str]]:
    """The promotion of a file, and what is wrong with it: `LINE:COLUMN: MESSAGE`."""
    source: Source = read_source("", text.encode())
    nothing = Known(**dict.fromkeys(("services", "pipelines", "environments", "promotions", "groups"), frozenset()))
    promotion = read_promotion(source, "change-hours", nothing)
    return promotion, [str(problem).removeprefix(":") for problem in sorted(source.problems)]


def test_a_file_becomes_a_promotion() -> None:
    promotion, problems = read(
        """\
type: WindowPromotion
description: Change hours
zone: Europe/Berlin
allow:
  - days: [mon-thu, sat]
    from: 09:00
    to: 17:00
  - {days: fri, from: "9:00", to: 12:30:15}
deny:
  - dates: [2026-12-24..2027-01-02, 2027-05-01]
  - rrule: FREQ=MONTHLY;BYDAY=1TU;BYHOUR=20
    duration: 2h
"""
    )
    assert problems == []
    assert promotion == WindowPromotion(
        ident="change-hours",
        description="Change hours",
        zone="Europe/Berlin",
        allow=(
            Window(days=(0, 1, 2, 3, 5), start=time(9), end=time(17)),
            Window(days=(4,), start=time(9), end=time(12, 30, 15)),
        ),
        deny=(
            Window(first=date(2026, 12, 24), last=date(2027, 1, 2)),
            Window(first=date(2027, 5, 1), last=date(2027, 5, 1)),
            Window(rrule="FREQ=MONTHLY;BYDAY=1TU;BYHOUR=20", duration=timedelta(hours=2)),
        ),
    )


@pytest.mark.parametrize(
    ("written", "window"),
    [
        ("days: fri-mon", Window(days=(0, 4, 5, 6))),
        ("days: [sun, sun, mon-mon]", Window(days=(0, 6))),
        ("dates: 2026-12-24", Window(first=date(2026, 12, 24), last=date(2026, 12, 24))),
        ("{from: 22:00, to: 06:00}", Window(start=time(22), end=time(6))),
        ("{from: 18:00, to: 24:00}", Window(start=time(18))),
        ("{from: 08:00, to: 08:00}", Window(start=time(8), end=time(8))),
        ("{from: 10:00, to: 11:10}", Window(start=time(10), end=time(11, 10))),
        (
            '{rrule: "DTSTART:20260105T090000 RRULE:FREQ=WEEKLY;INTERVAL=2", duration: 31d}',
            Window(rrule="DTSTART:20260105T090000 RRULE:FREQ=WEEKLY;INTERVAL=2", duration=timedelta(days=31)),
        ),
        (
            "rrule: |\n      DTSTART:20260105T090000\n      RRULE:FREQ=DAILY\n    duration: 1h",
            Window(rrule="DTSTART:20260105T090000\nRRULE:FREQ=DAILY\n", duration=timedelta(hours=1)),
        ),
    ],
)
def test_a_window_may_be_written_so(written: str, window: Window) -> None:
    promotion, problems = read(f"{HEAD}allow:\n  - {written}\n")
    assert problems == []
    assert promotion is not None
    assert promotion.allow == (window,)


DAYS = "write one of mon, tue, wed, thu, fri, sat, sun, or mon-fri"
DATE = "write 2026-12-24, or 2026-12-24..2027-01-02"


@pytest.mark.parametrize(
    ("written", "problems"),
    [
        ("days: sux", [f"4:11: sux is no day: {DAYS}; did you mean sun?"]),
        ("days: Monday", [f"4:11: Monday is no day: {DAYS}; did you mean mon?"]),
        ("days: [mon, tue-, 5]", [f"4:17: tue- is no day: {DAYS}; did you mean tue?", f"4:23: 5 is no day: {DAYS}"]),
        ("days: {mon: fri}", ["4:11: expected text, found keys and values"]),
        ("{from: 9, to: 17:00}", ["4:12: 9 is no time of day: write 09:00 or 17:30"]),
        ("{from: 09:00, to: 24:30}", ["4:23: 24:30 is no time of day: write 09:00 or 17:30"]),
        ("from: 09:00", ["4:5: to is missing: write when it closes"]),
        ("to: 09:00", ["4:5: from is missing: write when it opens"]),
        ("{from: [], to: 17:00}", ["4:12: expected text, found a list"]),
        ("dates: 24.12.2026", [f"4:12: 24.12.2026 is no date: {DATE}"]),
        ("dates: [2026-12-24, 2026-02-30]", [f"4:25: 2026-02-30 is no date: {DATE}"]),
        ("dates: 2026-12-24..", [f"4:12:  is no date: {DATE}"]),
        ("dates: 0001-01-01", [f"4:12: 0001-01-01 is no date: {DATE}"]),
        ("dates: 2027-01-02..2026-12-24", ["4:12: 2026-12-24 is before 2027-01-02: the window is empty"]),
        ("{dates: 2026-12-24, days: [mon, tue]}", ["4:13: 2026-12-24 has no mon, tue: it would never open"]),
        ("{}", ["4:5: this window is empty: write days, dates, from and to, or rrule and duration"]),
        ("", ["4:4: this window is empty: write days, dates, from and to, or rrule and duration"]),
        ("office hours", ["4:5: expected keys and values, found the text office hours"]),
        ("day: mon", ["4:5: there is no key day here; did you mean days?"]),
        ("rrule: FREQ=DAILY", ["4:5: duration is missing: write how long it is open each time"]),
        ("duration: 1h", ["4:5: duration goes with rrule, which is missing; without it write from and to"]),
        ("{rrule: FREQ=DAILY, duration: 32d}", ["4:35: is longer than 31d: write dates instead"]),
        ("{rrule: FREQ=DAILY, duration: 5}", ["4:35: 5 of what? Write the unit: 5s, 5m, 5h or 5d"]),
        (
            "{rrule: FREQ=DAILY, duration: 1h, days: mon}",
            ["4:39: days does not go with rrule and duration: a rule says it itself, with BYDAY, BYHOUR and so on"],
        ),
        (
            "{rrule: FREQ=SECONDLY, duration: 1h}",
            ["4:13: FREQ=SECONDLY is none of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY"],
        ),
        ("{rrule: FREQ=DAILY;COUNT=3, duration: 1h}", ["4:13: COUNT is not supported: write UNTIL"]),
        (
            "{rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30, duration: 1h}",
            ["4:13: there is no time that this rule means"],
        ),
    ],
)
def test_a_problem_of_a_window_has_its_place(written: str, problems: list[str]) -> None:
    assert read(f"{HEAD}deny:\n  - {written}\n")[1] == problems


def test_one_wrong_window_hides_no_other() -> None:
    text = f"{HEAD}allow:\n  - days: mon\n  - wrong\n  - days: sux\ndeny:\n  - dates: never\n"
    assert [problem.partition(" ")[0] for problem in read(text)[1]] == ["5:5:", "6:11:", "8:12:"]


@pytest.mark.parametrize(
    ("zone", "problem"),
    [
        ("Europe/Berln", "2:7: there is no time zone Europe/Berln; did you mean Europe/Berlin?"),
        ("berlin", "2:7: there is no time zone berlin; did you mean Europe/Berlin?"),
        ("New York", "2:7: there is no time zone New York; did you mean America/New_York?"),
        ("../etc/passwd", "2:7: there is no time zone ../etc/passwd: write one such as Europe/Berlin"),
        ("utc", "2:7: there is no time zone utc; did you mean UTC?"),
        ("[]", "2:7: expected text, found a list"),
    ],
)
def test_a_zone_must_be_one_that_is_known(zone: str, problem: str) -> None:
    assert read(f"type: WindowPromotion\nzone: {zone}\nallow: [{{days: mon}}]\n")[1] == [problem]


def test_a_zone_and_a_window_must_be_there() -> None:
    assert read("type: WindowPromotion\nallow: [{days: mon}]\n")[1] == ["1:1: zone is missing"]
    neither = "1:1: write when it is open (allow:) or when it is closed (deny:)"
    assert read(HEAD)[1] == [neither]
    assert read(f"{HEAD}allow: []\n")[1] == [neither]


def test_a_promotion_has_a_bounded_number_of_windows() -> None:
    dates = ", ".join(["2026-12-24"] * 101)
    assert read(f"{HEAD}deny:\n  - dates: [{dates}]\n")[1] == ["4:3: has 101 windows; it may have 100"]
