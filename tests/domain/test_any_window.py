"""Windows and recurrence rules as properties."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deploydb.domain.calendar.recurrence import read_recurrence
from deploydb.domain.calendar.window import Window
from deploydb.domain.calendar.windows import opens
from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.window import WindowPromotion
from tests.domain.given import deployment
from tests.domain.test_windows import ALWAYS, BERLIN, DAILY_AT_HALF_PAST_TWO, FORTNIGHTLY, LORD_HOWE, NEW_YORK, PATCHES

STARTS = st.datetimes(datetime(2019, 1, 1), datetime(2024, 12, 31)).map(lambda at: at.replace(microsecond=0))
LISTS = {
    "BYMONTH": st.lists(st.integers(1, 12), min_size=3, unique=True),
    "BYMONTHDAY": st.lists(st.integers(-28, 28).filter(bool), min_size=1, max_size=5, unique=True),
    "BYHOUR": st.lists(st.integers(0, 23), min_size=1, max_size=3, unique=True),
    "WKST": st.sampled_from([["SU"], ["MO"], ["TH"]]),
}


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"]))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 7))}"]
    for name in sorted(draw(st.sets(st.sampled_from(sorted(LISTS)), max_size=3))):
        parts.append(f"{name}={','.join(str(value) for value in draw(LISTS[name]))}")
    if draw(st.booleans()):
        counted = ["MO", "WE", "1TU", "-1FR", "2SU"] if frequency in ("YEARLY", "MONTHLY") else ["MO", "WE", "SU"]
        parts.append(f"BYDAY={','.join(draw(st.lists(st.sampled_from(counted), min_size=1, max_size=3, unique=True)))}")
        if frequency in ("YEARLY", "MONTHLY", "WEEKLY") and draw(st.booleans()):
            parts.append(f"BYSETPOS={draw(st.sampled_from([1, 2, -1]))}")
    return f"DTSTART:{draw(STARTS):%Y%m%dT%H%M%S} RRULE:{';'.join(parts)}"


@settings(max_examples=200)
@given(rules(), st.datetimes(datetime(2024, 6, 1), datetime(2027, 1, 1)), st.integers(0, 60))
@example("DTSTART:20190101T010000 RRULE:FREQ=YEARLY;BYHOUR=0", datetime(2025, 1, 1), 0)
@example("DTSTART:20190101T010000 RRULE:FREQ=MONTHLY;BYHOUR=0", datetime(2025, 3, 1), 0)
def test_a_rule_gives_the_same_times_wherever_it_is_read_from(rule: str, first: datetime, days: int) -> None:
    try:
        recurrence = read_recurrence(rule)
    except ValueError:
        return  # means no time
    last = first + timedelta(days=days)
    assert recurrence.between(first, last) == rrulestr(rule).between(first, last, inc=True)


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
WINDOWS = st.one_of(
    st.builds(Window, days=st.sets(st.integers(0, 6)).map(lambda days: tuple(sorted(days))), start=TIMES, end=TIMES),
    st.dates(date(2026, 1, 1), date(2027, 12, 31)).flatmap(
        lambda first: st.builds(
            Window, first=st.just(first), last=st.just(first + timedelta(days=20)), start=TIMES, end=TIMES
        )
    ),
    st.sampled_from([PATCHES, FORTNIGHTLY, DAILY_AT_HALF_PAST_TWO, ALWAYS]),
)
PROMOTIONS = st.builds(
    WindowPromotion,
    ident=st.just("change-hours"),
    zone=st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, "America/Santiago", "Asia/Kathmandu", "UTC"]),
    allow=st.lists(WINDOWS, max_size=3).map(tuple),
    deny=st.lists(WINDOWS, max_size=3).map(tuple),
)


@settings(max_examples=200)
@given(PROMOTIONS, MOMENTS)
def test_the_next_opening_is_the_first_instant_that_is_open(promotion: WindowPromotion, now: datetime) -> None:
    opening, step = opens(promotion, now), timedelta(microseconds=1)
    if opening.is_open:
        if opening.closes_at is not None:
            assert opening.closes_at > now
            assert opens(promotion, opening.closes_at - step).closes_at == opening.closes_at
            assert not opens(promotion, opening.closes_at).is_open
    elif opening.opens_at is not None:
        assert opening.opens_at > now
        assert opens(promotion, opening.opens_at).is_open
        assert opens(promotion, opening.opens_at - step).opens_at == opening.opens_at
    verdict = promotion.evaluate(GateContext(deployment=deployment(), now=now), ())
    assert verdict.recheck_at is None or verdict.recheck_at > now
    assert verdict.recheck_at == (opening.closes_at if opening.is_open else opening.opens_at)


@settings(max_examples=200)
@given(PROMOTIONS, MOMENTS)
def test_it_is_open_where_the_clock_is_in_a_window_that_allows_and_in_none_that_denies(
    promotion: WindowPromotion, now: datetime
) -> None:
    """Judged by the clock alone, at noon, which comes once each day everywhere."""
    local = datetime.combine(now.date(), time(12), ZoneInfo(promotion.zone))

    def holds(one: Window) -> bool:
        if one.rrule is not None:
            times = rrulestr(one.rrule, dtstart=datetime(2001, 1, 1))
            latest = times.before(local.replace(tzinfo=None), inc=True)
            return latest is not None and local.replace(tzinfo=None) < latest + one.duration
        overnight = one.end <= one.start
        began = [(local.date(), local.time() >= one.start and (overnight or local.time() < one.end))]
        began += [(local.date() - timedelta(days=1), overnight and local.time() < one.end)]
        return any(
            inside
            and (not one.days or day.weekday() in one.days)
            and (one.first is None or one.first <= day)
            and (one.last is None or day <= one.last)
            for day, inside in began
        )

    allowed = not promotion.allow or any(holds(one) for one in promotion.allow)
    expected = allowed and not any(holds(one) for one in promotion.deny)
    assert opens(promotion, local).is_open is expected
