"""Windows: when they are open, and the reasons of their gate, as tables."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from deploydb.domain.calendar.recurrence import read_recurrence
from deploydb.domain.calendar.window import Window
from deploydb.domain.calendar.windows import opens
from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.window import WindowPromotion
from deploydb.domain.wording import text
from tests.domain.given import deployment

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
OFFICE = Window(days=(0, 1, 2, 3, 4), start=time(9), end=time(17))
NIGHTS = Window(days=(0, 1, 2, 3, 4), start=time(22), end=time(6))
HOLIDAYS = Window(first=date(2026, 12, 24), last=date(2027, 1, 2))
LUNCH = Window(start=time(12), end=time(13))
ALWAYS = Window()
MONDAY_EVENINGS = Window(days=(0,), start=time(17), end=time(18))
SATURDAYS_FROM_EIGHT = Window(days=(5,), start=time(8), end=time(8))
EARLY = Window(start=time(8), end=time(10))
PATCHES = Window(rrule="FREQ=MONTHLY;BYDAY=2TU;BYHOUR=20", duration=timedelta(hours=4))
FORTNIGHTLY = Window(rrule="DTSTART:20261109T080000 FREQ=WEEKLY;INTERVAL=2", duration=timedelta(hours=1))
HALF_PAST_TWO = Window(start=time(2, 30), end=time(4))
QUARTER = Window(start=time(2, 15), end=time(2, 45))
TEN_PAST_TWO = Window(start=time(2, 10), end=time(4))
UNTIL_HALF_PAST_ONE = Window(start=time(1), end=time(1, 30))
TEN_MINUTES = Window(start=time(1, 40), end=time(1, 50))
DAILY_AT_HALF_PAST_TWO = Window(rrule="FREQ=DAILY;BYHOUR=2;BYMINUTE=30", duration=timedelta(hours=1))


def change_hours(*allow: Window, zone: str = BERLIN, deny: tuple[Window, ...] = ()) -> WindowPromotion:
    return WindowPromotion(ident="change-hours", zone=zone, allow=allow, deny=deny)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("promotion", "now", "is_open", "changes"),
    [
        # weekdays and hours; Berlin is an hour ahead in winter
        (change_hours(OFFICE), "2026-11-23 07:59:59", False, "2026-11-23 08:00"),
        (change_hours(OFFICE), "2026-11-23 08:00", True, "2026-11-23 16:00"),
        (change_hours(OFFICE), "2026-11-23 15:59:59.999999", True, "2026-11-23 16:00"),
        (change_hours(OFFICE), "2026-11-23 16:00", False, "2026-11-24 08:00"),
        (change_hours(OFFICE), "2026-11-27 16:00", False, "2026-11-30 08:00"),
        (change_hours(OFFICE), "2026-11-28 12:00", False, "2026-11-30 08:00"),
        # a night belongs to the day on which it opens: Friday's goes on into Saturday, Sunday has none
        (change_hours(NIGHTS, zone="UTC"), "2026-11-28 05:59:59", True, "2026-11-28 06:00"),
        (change_hours(NIGHTS, zone="UTC"), "2026-11-28 06:00", False, "2026-11-30 22:00"),
        (change_hours(NIGHTS, zone="UTC"), "2026-11-30 01:00", False, "2026-11-30 22:00"),
        (change_hours(NIGHTS, zone="UTC"), "2026-11-30 23:00", True, "2026-12-01 06:00"),
        # several windows are one where they touch, across a month's end too
        (change_hours(OFFICE, MONDAY_EVENINGS), "2026-11-23 12:00", True, "2026-11-23 17:00"),
        (change_hours(Window(days=(0,)), Window(days=(1,)), zone="UTC"), "2026-11-30 12:00", True, "2026-12-02 00:00"),
        (change_hours(SATURDAYS_FROM_EIGHT, zone="UTC"), "2026-11-28 08:00", True, "2026-11-29 08:00"),
        # nothing is allowed by name: everything that is not denied
        (change_hours(), "2026-11-23 12:00", True, None),
        (change_hours(ALWAYS), "2026-11-23 12:00", True, None),
        (change_hours(deny=(HOLIDAYS,), zone="UTC"), "2026-12-23 23:59:59", True, "2026-12-24 00:00"),
        # deny wins, from its start to its end, which is not in it
        (change_hours(deny=(HOLIDAYS,), zone="UTC"), "2026-12-24 00:00", False, "2027-01-03 00:00"),
        (change_hours(deny=(HOLIDAYS,), zone="UTC"), "2027-01-02 23:59:59.999999", False, "2027-01-03 00:00"),
        (change_hours(deny=(HOLIDAYS,), zone="UTC"), "2027-01-03 00:00", True, None),
        (change_hours(OFFICE, deny=(HOLIDAYS,)), "2026-12-23 16:00", False, "2027-01-04 08:00"),
        (change_hours(OFFICE, deny=(LUNCH,)), "2026-11-23 08:00", True, "2026-11-23 11:00"),
        (change_hours(OFFICE, deny=(LUNCH,)), "2026-11-23 11:00", False, "2026-11-23 12:00"),
        (change_hours(OFFICE, deny=(LUNCH,)), "2026-11-23 12:00", True, "2026-11-23 16:00"),
        (change_hours(OFFICE, deny=(EARLY,)), "2026-11-23 07:30", False, "2026-11-23 09:00"),
        (change_hours(OFFICE, deny=(OFFICE,)), "2026-11-23 12:00", False, None),
        (change_hours(OFFICE, deny=(ALWAYS,)), "2026-11-23 12:00", False, None),
        # dates
        (change_hours(HOLIDAYS, zone="UTC"), "2026-11-23 12:00", False, "2026-12-24 00:00"),
        (change_hours(HOLIDAYS, zone="UTC"), "2026-12-31 12:00", True, "2027-01-03 00:00"),
        (change_hours(HOLIDAYS, zone="UTC"), "2027-01-03 00:00", False, None),
        # the 23 and the 25 hours of a day on which the clocks change
        (change_hours(Window(days=(6,))), "2026-03-29 00:00", True, "2026-03-29 22:00"),
        (change_hours(Window(days=(6,))), "2026-10-25 00:00", True, "2026-10-25 23:00"),
        (change_hours(Window(days=(6,)), zone=NEW_YORK), "2026-03-08 12:00", True, "2026-03-09 04:00"),
        # 02:30 does not exist: it opens as the clocks go forward from 02:00 to 03:00
        (change_hours(HALF_PAST_TWO), "2026-03-29 00:59:59", False, "2026-03-29 01:00"),
        (change_hours(HALF_PAST_TWO), "2026-03-29 01:00", True, "2026-03-29 02:00"),
        (change_hours(QUARTER), "2026-03-28 12:00", False, "2026-03-30 00:15"),
        (change_hours(HALF_PAST_TWO, zone=NEW_YORK), "2026-03-08 06:59", False, "2026-03-08 07:00"),
        (change_hours(TEN_PAST_TWO, zone=LORD_HOWE), "2026-10-03 15:00", False, "2026-10-03 15:30"),
        (change_hours(DAILY_AT_HALF_PAST_TWO), "2026-03-29 00:00", False, "2026-03-29 01:00"),
        (change_hours(DAILY_AT_HALF_PAST_TWO), "2026-03-29 01:00", True, "2026-03-29 02:00"),
        # 02:30 is there twice: it opens at the first, and closes at the last; a rule's duration is time that passes
        (change_hours(HALF_PAST_TWO), "2026-10-25 00:00", False, "2026-10-25 00:30"),
        (change_hours(HALF_PAST_TWO), "2026-10-25 00:30", True, "2026-10-25 03:00"),
        (change_hours(QUARTER), "2026-10-25 00:15", True, "2026-10-25 01:45"),
        (change_hours(UNTIL_HALF_PAST_ONE, zone=NEW_YORK), "2026-11-01 05:00", True, "2026-11-01 06:30"),
        (change_hours(TEN_MINUTES, zone=LORD_HOWE), "2026-04-04 14:40", True, "2026-04-04 15:20"),
        (change_hours(DAILY_AT_HALF_PAST_TWO), "2026-10-25 00:30", True, "2026-10-25 01:30"),
        # rules, without a start of their own and with one
        (change_hours(PATCHES), "2026-11-23 12:00", False, "2026-12-08 19:00"),
        (change_hours(PATCHES), "2026-12-08 22:59:59", True, "2026-12-08 23:00"),
        (change_hours(FORTNIGHTLY, zone="UTC"), "2026-11-16 08:00", False, "2026-11-23 08:00"),
        (change_hours(FORTNIGHTLY, zone="UTC"), "2026-11-23 08:00", True, "2026-11-23 09:00"),
        (change_hours(FORTNIGHTLY, zone="UTC"), "2026-10-26 08:00", False, "2026-11-09 08:00"),
        (change_hours(OFFICE, deny=(PATCHES,), zone="UTC"), "2026-12-08 21:00", False, "2026-12-09 09:00"),
        # a long one that began two months ago
        (
            change_hours(deny=(Window(rrule="DTSTART:20261025 FREQ=YEARLY", duration=timedelta(days=31)),), zone="UTC"),
            "2026-11-23 12:00",
            False,
            "2026-11-25 00:00",
        ),
        (
            change_hours(Window(rrule="FREQ=DAILY;UNTIL=20261101", duration=timedelta(hours=1))),
            "2026-11-23",
            False,
            None,
        ),
    ],
)
def test_windows_open_and_close(promotion: WindowPromotion, now: str, is_open: bool, changes: str | None) -> None:
    opening = opens(promotion, utc(now))
    found = (opening.is_open, opening.closes_at if opening.is_open else opening.opens_at)
    assert found == (is_open, utc(changes) if changes is not None else None)


def test_the_time_of_a_check_may_be_of_any_zone() -> None:
    now = datetime(2026, 11, 23, 3, 0, tzinfo=ZoneInfo(NEW_YORK))
    assert opens(change_hours(OFFICE), now) == opens(change_hours(OFFICE), utc("2026-11-23 08:00"))


OUTSIDE = "change-hours is closed outside of"
DENIED = "change-hours is closed by the deny"


@pytest.mark.parametrize(
    ("promotion", "now", "outcome", "reason", "recheck_at"),
    [
        (
            change_hours(OFFICE),
            "2026-11-27 12:00",
            "PASS",
            "change-hours is open until 17:00 Friday 27 Nov 2026 (Europe/Berlin)",
            "2026-11-27 16:00",
        ),
        (change_hours(), "2026-11-27 12:00", "PASS", "change-hours is open (Europe/Berlin)", None),
        (
            change_hours(OFFICE),
            "2026-11-28 12:00",
            "PENDING",
            f"{OUTSIDE} Mon–Fri 09:00–17:00; opens 09:00 Monday 30 Nov 2026 (Europe/Berlin)",
            "2026-11-30 08:00",
        ),
        (
            change_hours(OFFICE, deny=(HOLIDAYS,)),
            "2026-12-25 12:00",
            "PENDING",
            f"{DENIED} window 24 Dec 2026 – 2 Jan 2027; opens 09:00 Monday 4 Jan 2027 (Europe/Berlin)",
            "2027-01-04 08:00",
        ),
        (
            change_hours(deny=(HOLIDAYS, Window(days=(4, 5), first=date(2026, 1, 1), start=time(8, 0, 30)))),
            "2026-12-25 12:00",
            "PENDING",
            f"{DENIED} windows 24 Dec 2026 – 2 Jan 2027 and Fri, Sat from 1 Jan 2026 08:00:30–00:00; "
            "opens 00:00 Sunday 3 Jan 2027 (Europe/Berlin)",
            "2027-01-02 23:00",
        ),
        (
            change_hours(PATCHES, LUNCH, zone="UTC"),
            "2026-12-25 16:00",
            "PENDING",
            f"{OUTSIDE} FREQ=MONTHLY;BYDAY=2TU;BYHOUR=20 for 4h or 12:00–13:00; opens 12:00 Saturday 26 Dec 2026 (UTC)",
            "2026-12-26 12:00",
        ),
        (
            change_hours(Window(first=date(2026, 12, 1), last=date(2026, 12, 1)), Window(last=date(2026, 1, 1))),
            "2026-12-25 12:00",
            "PENDING",
            f"{OUTSIDE} 1 Dec 2026 or until 1 Jan 2026; does not open within two years (Europe/Berlin)",
            None,
        ),
        (
            change_hours(OFFICE, OFFICE, LUNCH, LUNCH, deny=(ALWAYS,)),
            "2026-12-25 12:00",
            "PENDING",
            f"{DENIED} window every day; does not open within two years (Europe/Berlin)",
            None,
        ),
        (
            change_hours(OFFICE, OFFICE, LUNCH, LUNCH, zone="UTC"),
            "2026-12-25 18:00",
            "PENDING",
            f"{OUTSIDE} its 4 windows; opens 12:00 Saturday 26 Dec 2026 (UTC)",
            "2026-12-26 12:00",
        ),
    ],
)
def test_the_gate_says_why_and_until_when(
    promotion: WindowPromotion, now: str, outcome: str, reason: str, recheck_at: str | None
) -> None:
    verdict = promotion.evaluate(GateContext(deployment=deployment(), now=utc(now)), ())
    assert (verdict.promotion, verdict.outcome, text(verdict.reason)) == ("change-hours", outcome, reason)
    assert verdict.recheck_at == (utc(recheck_at) if recheck_at is not None else None)


def test_the_gate_says_the_same_as_long_as_nothing_changes() -> None:
    promotion = change_hours(OFFICE, deny=(HOLIDAYS,))
    times = [utc("2026-12-24 00:00") + timedelta(hours=7 * passed) for passed in range(30)]
    statement = {promotion.evaluate(GateContext(deployment=deployment(), now=now), ()) for now in times}
    assert len(statement) == 1


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ("", "expected one rule such as FREQ=DAILY;BYHOUR=9, with DTSTART:20260105T090000 before it or not"),
        ("FREQ=DAILY FREQ=DAILY", "expected one rule"),
        ("BYDAY=MO", "FREQ is missing"),
        ("FREQ=MINUTELY", "FREQ=MINUTELY is none of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY"),
        ("FREQ=SECONDLY", "FREQ=SECONDLY is none of"),
        ("FREQ=DAILY;COUNT=3", "COUNT is not supported: write UNTIL"),
        ("FREQ=DAILY;BYEASTER=0", "BYEASTER=0 is no part of a rule"),
        ("FREQ=DAILY;BYHOUR=9;BYHOUR=10", "BYHOUR is in it twice"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0 is out of bounds: from 1 to 366"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR=24 is out of bounds: from 0 to 23"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY=0 is nothing"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY=XX is no day"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY=1MO: days are counted in a month or a year; write FREQ=MONTHLY or MO"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS counts in a week"),
        ("FREQ=WEEKLY;WKST=XX", "WKST=XX is none of"),
        ("FREQ=DAILY;UNTIL=20270101T000000Z", "UNTIL is wrong: write 20260105T090000, the time on the clocks"),
        ("FREQ=DAILY;UNTIL=20270230", "UNTIL: there is no time 20270230"),
        ("FREQ=DAILY;UNTIL=20000101", "there is no time that this rule means"),
        ("DTSTART:19000101 FREQ=DAILY", "DTSTART: 19000101 is out of bounds: from 1970 to 2200"),
        ("DTSTART;TZID=Europe/Berlin:20260105T090000 FREQ=DAILY", "DTSTART is wrong"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "there is no time that this rule means"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=TU", "there is no time that this rule means"),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=5", "there is no time that this rule means"),
        ("FREQ=HOURLY;BYMINUTE=0,10,20,30,40,50", "comes 144 times a day; a rule may come 24 times"),
    ],
)
def test_a_rule_that_is_wrong_says_what_to_write(rule: str, answer: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as raised:
        read_recurrence(rule)
    assert str(raised.value).startswith(answer)
