"""Calendars: holds and windows of environments, as other programs read them."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest
from icalendar import Calendar

from deploydb.domain.calendar.window import Window
from deploydb.domain.gates.window import WindowPromotion
from tests.query.client import Service
from tests.scenario import NOON, Scenario, catalog

OFFICE = WindowPromotion(
    ident="office-hours",
    description="When people are there.",
    zone="Europe/Berlin",
    allow=(Window(days=(0, 1, 2, 3, 4), start=time(9), end=time(17)),),
)


@pytest.fixture
def service(database_url: str) -> Iterator[Service]:
    """prod is open in office hours, and frozen for two days; foo is paused until somebody lifts that."""
    known = catalog(promotions=(OFFICE,), entry={"prod": ("office-hours",)})
    with Scenario(database_url, known) as world, Service(world) as service:
        until = (NOON + timedelta(days=2)).isoformat()
        world.tell("hold.placed", kind="freeze", environment="prod", by="carol", reason="moving house", until=until)
        world.tell("hold.placed", kind="pause", service="foo", by="erin", reason="migration")
        world.evaluate(minutes=1)
        yield service


def events(service: Service, path: str) -> list[tuple[str, datetime, datetime]]:
    answer = service.ask(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    found = Calendar.from_ical(answer.text).walk("VEVENT")
    assert len({str(one["UID"]) for one in found}) == len(found)
    return [(str(one["SUMMARY"]), one.decoded("DTSTART"), one.decoded("DTEND")) for one in found]


def test_a_calendar_has_the_windows_of_an_environment_and_the_holds_over_it(service: Service) -> None:
    found = events(service, "/environments/prod.ics")
    assert found[:2] == [
        ("prod is frozen by carol: moving house (until 2026-11-24 12:00:00 UTC)", NOON, NOON + timedelta(days=2)),
        ("foo is paused by erin: migration (until it is lifted)", NOON, NOON + timedelta(days=1)),
    ]
    monday = datetime(2026, 11, 23, 8, tzinfo=UTC)
    windows = [(begins, ends) for title, begins, ends in found if title == "prod: office-hours is open"]
    assert windows[0] == (monday, monday + timedelta(hours=8))
    assert len(windows) == 44  # the working days of 60
    assert all(begins.astimezone(UTC).weekday() < 5 for begins, _ in windows)


def test_an_environment_without_windows_has_holds_alone_and_the_calendar_of_all_has_each(service: Service) -> None:
    assert [title for title, _, _ in events(service, "/environments/dev.ics")] == [
        "foo is paused by erin: migration (until it is lifted)"
    ]
    everything = [title for title, _, _ in events(service, "/calendar.ics")]
    assert len([title for title in everything if title.startswith("prod: ")]) == 44
    assert len(everything) == 46


def test_a_calendar_has_a_tag_and_an_unknown_environment_is_not_found(service: Service) -> None:
    tag = service.ask("/environments/prod.ics").headers["etag"]
    assert service.ask("/environments/prod.ics", **{"if-none-match": tag}).status_code == 304
    service.world.evaluate(minutes=30)  # a client that asks twice an hour is not sent the same again
    assert service.ask("/environments/prod.ics").headers["etag"] == tag
    assert service.refusal("/environments/mars.ics") == (404, "there is no environment mars; there is dev, prod")


def test_the_page_of_an_environment_draws_what_is_ahead(service: Service) -> None:
    body = service.get("/environments/prod.json")
    kinds = [one["kind"] for one in body["ahead"]]
    assert (kinds.count("window"), sorted(kinds)[:2]) == (10, ["freeze", "pause"])
    page = service.ask("/environments/prod").text
    assert page.count('<rect class="bar"') == 12
    assert 'href="/environments/prod.ics"' in page
