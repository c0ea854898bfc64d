"""Times on pages: in the zone of the reader, in UTC on hovering, without a script, and where somebody chooses it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.browser import tab
from tests.pages.conftest import fresh_file
from tests.pages.given import served, world_of_pages
from tests.scenario import Scenario

KABUL = "Asia/Kabul"
"""Four and a half hours ahead, all year."""
KIRITIMATI = "Pacific/Kiritimati"
"""Fourteen hours ahead: the next day."""
SHOWN = re.compile(r"^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d (UTC\S*)$")


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    with world_of_pages(fresh_file(sqlite_template, tmp_path_factory)) as made:
        yield made


@pytest.fixture(scope="module")
def site(world: Scenario) -> Iterator[str]:
    with served(world) as address:
        yield address


def zones(page: Page) -> set[str]:
    """Those of all times that are written out."""
    found = map(SHOWN.match, page.locator("time").all_text_contents())
    return {match[1] for match in found if match}


def test_a_time_is_local_and_of_utc_on_hovering_until_utc_is_chosen(browser: Browser, site: str) -> None:
    with tab(browser, site, timezone_id=KABUL) as page:
        page.goto("/status?at=2026-11-22T20:00:30Z")
        time = page.locator(".lead time")
        expect(time).to_have_text("2026-11-23 00:30:30 UTC+4:30")
        expect(time).to_have_attribute("title", "2026-11-22 20:00:30 UTC")
        expect(time).to_have_attribute("datetime", "2026-11-22T20:00:30+00:00")
        expect(page.get_by_role("contentinfo")).to_contain_text(f"times in {KABUL}")
        since = page.locator(".dense td time").first
        assert re.fullmatch(
            r"2026-11-2\d \d\d:\d\d:\d\d UTC\+4:30, 2026-11-2\d \d\d:\d\d:\d\d UTC", since.get_attribute("title") or ""
        )
        age = since.text_content()

        page.get_by_role("button", name="Show UTC").click()
        expect(time).to_have_text("2026-11-22 20:00:30 UTC")
        page.reload()
        expect(time).to_have_text("2026-11-22 20:00:30 UTC")
        assert zones(page) == {"UTC"}
        assert since.text_content() == age

        page.keyboard.press("u")
        expect(time).to_have_text("2026-11-23 00:30:30 UTC+4:30")
        page.reload()
        expect(time).to_have_text("2026-11-23 00:30:30 UTC+4:30")


def test_without_a_script_times_are_of_utc_and_say_so(browser: Browser, site: str) -> None:
    with tab(browser, site, timezone_id=KABUL, java_script_enabled=False) as page:
        page.goto("/status?at=2026-11-22T20:00:30Z")
        expect(page.locator(".lead time")).to_have_text("2026-11-22 20:00:30 UTC")
        assert zones(page) == {"UTC"}
        expect(page.get_by_role("contentinfo")).to_contain_text("times in UTC")
        expect(page.locator("#zone")).to_be_hidden()
        expect(page.get_by_label("At (UTC)", exact=True)).to_have_value("2026-11-22T20:00:30")


def test_a_reader_in_utc_has_no_switch(browser: Browser, site: str) -> None:
    with tab(browser, site, timezone_id="UTC") as page:
        page.goto("/operations")
        expect(page.locator("#zone")).to_be_hidden()
        assert zones(page) == {"UTC"}


@pytest.mark.parametrize(
    "address", ["/operations", "/artifacts/1", "/flows/1", "/services/search", "/environments/prod", "/dora", "/inbox"]
)
def test_every_page_has_one_zone(browser: Browser, site: str, address: str) -> None:
    with tab(browser, site, timezone_id=KABUL) as page:
        page.goto(address)
        expect(page.locator("footer time")).to_contain_text("UTC+4:30")
        assert zones(page) == {"UTC+4:30"}
        for named in page.locator("[data-times]").all():
            words = [named.get_attribute("aria-label") or "", named.text_content() or ""]
            assert all("UTC" not in text.replace("UTC+4:30", "") for text in words)


@pytest.mark.parametrize(
    "address",
    ["/why/search/prod?version=1.0", "/flows/1", "/services/search", "/environments/prod", "/inbox", "/audit"],
)
def test_sentences_have_local_times(browser: Browser, site: str, address: str) -> None:
    with tab(browser, site, timezone_id=KABUL) as page:
        page.goto(address)
        expect(page.locator("footer time")).to_contain_text("UTC+4:30")
        assert re.findall(r"\d\d:\d\d:\d\d UTC(?!\+)", page.locator("main").inner_text()) == []


def test_a_sentence_is_in_utc_on_hovering(browser: Browser, site: str) -> None:
    with tab(browser, site, timezone_id=KABUL) as page:
        page.goto("/why/search/prod?version=1.0")
        answer = page.locator("#answer .note b")
        assert re.match(r"1.0 is in prod since 2026-11-2\d \d\d:\d\d:\d\d UTC\+4:30: ", answer.inner_text())
        assert re.match(r"1.0 is in prod since 2026-11-2\d \d\d:\d\d:\d\d UTC: ", answer.get_attribute("title") or "")


def test_a_field_takes_the_time_that_is_read(browser: Browser, site: str) -> None:
    with tab(browser, site, timezone_id=KABUL) as page:
        page.goto("/status?at=2026-11-22T20:00:30Z")
        field = page.get_by_label("At (local)", exact=True)
        expect(field).to_have_value("2026-11-23T00:30:30")
        field.fill("2026-11-23T01:30:30")
        page.get_by_role("button", name="Show", exact=True).click()
        page.wait_for_url("**/status?at=2026-11-22T21%3A00%3A30Z")
        page.get_by_role("button", name="Show UTC").click()
        expect(page.get_by_label("At (UTC)", exact=True)).to_have_value("2026-11-22T21:00:30")


def test_the_slider_says_local_times(browser: Browser, site: str) -> None:
    with tab(browser, site, timezone_id=KABUL) as page:
        page.goto("/status?at=2026-11-22T20:00:30Z")
        expect(page.locator("output")).to_contain_text("UTC+4:30")
        slider = page.get_by_role("slider")
        assert "UTC+4:30" in (slider.get_attribute("aria-valuetext") or "")
        slider.press("ArrowLeft")
        expect(page.locator("output")).to_contain_text("UTC+4:30")


def test_an_axis_has_round_local_times(browser: Browser, site: str) -> None:
    with tab(browser, site, timezone_id=KABUL) as page:
        page.goto("/blame?at=2026-11-23T00:00:00Z&hours=24")
        ticks = page.locator(".chronology text[data-tick]:not([display])")
        assert ticks.all_text_contents() == ["22 Nov 06:00", "22 Nov 12:00", "22 Nov 18:00", "23 Nov 00:00"]
        ends = ticks.evaluate_all("all => all.map((one) => one.getAttribute('text-anchor'))")
        assert ends == ["start", "start", "start", "end"]
        places = [float((tick.get_attribute("x") or "").rstrip("%")) for tick in ticks.all()]
        assert places == pytest.approx([6.25, 31.25, 56.25, 81.25], abs=0.001)
        page.get_by_role("button", name="Show UTC").click()
        assert ticks.all_text_contents() == ["22 Nov 00:00", "22 Nov 06:00", "22 Nov 12:00", "22 Nov 18:00"]


def test_the_log_has_local_days(browser: Browser, site: str) -> None:
    with tab(browser, site, timezone_id=KIRITIMATI) as page:
        page.goto("/audit")
        days = page.locator("h2.day")
        local = days.all_text_contents()
        clock = page.locator(".stream time").first
        assert clock.get_attribute("title") == _read(page)
        page.get_by_role("button", name="Show UTC").click()
        of_utc = days.all_text_contents()
        assert local != of_utc
        page.get_by_role("button", name=f"Show {KIRITIMATI}").click()
        assert days.all_text_contents() == local
        for section in page.locator("[data-days] section").all():
            times = [re.split(" ", one.get_attribute("title") or "")[0] for one in section.locator("time.clock").all()]
            assert len(set(times)) == 1


def _read(page: Page) -> str:
    """The first entry's time in both zones, by the browser's own formatting; Swedes write it as we do."""
    script = """
    (timeZone) => new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" })
      .format(new Date(document.querySelector(".stream time").dateTime))
    """
    return f"{page.evaluate(script, KIRITIMATI)} UTC+14, {page.evaluate(script, 'UTC')} UTC"


def test_a_page_that_follows_the_state_stays_local(browser: Browser, site: str, world: Scenario) -> None:
    with tab(browser, site, timezone_id=KABUL) as page:
        page.goto("/environments/prod")
        page.get_by_text("live", exact=True).wait_for()
        page.evaluate("document.querySelector('#answer').dataset.old = 'yes'")
        world.now += timedelta(minutes=1)
        world.tell("hold.placed", kind="freeze", environment="prod", by="erin", reason="migration")
        world.evaluate()
        page.locator("#answer:not([data-old])").wait_for()
        expect(page.locator("#answer time").first).to_have_attribute("title", re.compile("UTC\\+4:30, .* UTC$"))


def test_a_matrix_that_comes_anew_marks_no_cell_for_its_zone(browser: Browser, site: str, world: Scenario) -> None:
    with tab(browser, site, timezone_id=KABUL) as page:
        page.goto("/status?view=comfortable")
        page.get_by_text("live", exact=True).wait_for()
        page.evaluate("document.querySelector('#matrix').dataset.old = 'yes'")
        world.now += timedelta(minutes=1)
        until_then = (world.now + timedelta(days=1)).isoformat()
        world.tell("hold.placed", kind="freeze", environment="qa", by="erin", reason="migration", until=until_then)
        world.evaluate()
        page.locator("#matrix:not([data-old])").wait_for()
        assert "UTC+4:30" in (page.locator("thead .flag").first.get_attribute("title") or "")
        assert page.locator(".matrix td [data-times]").count() > 0
        assert page.locator(".matrix td.changed").count() == 0


def test_an_age_is_in_years_from_one_on_by_the_server_and_by_the_script(
    browser: Browser, site: str, world: Scenario
) -> None:
    world.now += timedelta(days=800)
    try:
        with tab(browser, site) as page:
            page.goto("/services/search")
            ages = set(page.locator("time[data-age]").all_text_contents())
        with tab(browser, site, java_script_enabled=False) as page:
            page.goto("/services/search")
            assert set(page.locator("time[data-age]").all_text_contents()) == ages == {"2y ago"}
    finally:
        world.now -= timedelta(days=800)
