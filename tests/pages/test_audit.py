"""The audit page, in a browser: a stream by day, filters in its address, links to what each event is about."""

import json
import re

from playwright.sync_api import Browser

from deploydb.engine.decision_events import EVENT_TYPES
from deploydb.query.pages.event_words import TYPES
from tests.pages.browser import tab
from tests.pages.given import EVIL, VERSION, served
from tests.scenario import Scenario


def test_every_type_of_the_log_has_words() -> None:
    assert {type_ for known in TYPES.values() for type_, _ in known} == set(EVENT_TYPES)


def test_the_stream_is_grouped_by_day_and_says_who_did_what_and_why(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/audit?perPageSize=200")
        assert page.get_by_role("heading", level=2).all_inner_texts() == [
            "Wednesday, 25 November 2026",
            "Sunday, 22 November 2026",
        ]
        entries = page.locator(".stream li")
        texts = [" ".join(text.split()) for text in entries.locator(".happened").all_inner_texts()]
        for words in (
            "Veto placed search 1.0 by dave breaks ranking details",
            "Failure counted payments in dev 2.0 flow 3 its orchestrator gave no reason · failure response: stop",
            "Approved search in staging 1.0 by alice manual · fine",
            "Check reported: pass search in dev 1.0 smoke report details",
        ):
            assert any(text.startswith(words) for text in texts), words
        assert entries.locator(".mark svg").count() == entries.count()


def test_a_fact_that_matches_nothing_is_no_success_and_leads_to_nothing_that_does_not_exist(
    browser: Browser, site: str
) -> None:
    with tab(browser, site) as page:
        page.goto("/audit?type=deployment.finished")
        newest = page.locator(".stream li").first
        words = f"Deployment finished: success, matches nothing {EVIL} in prod {VERSION}"
        assert " ".join(newest.locator(".happened").inner_text().split()).startswith(words)
        assert newest.locator(".name").get_attribute("class") == "name wait"
        assert newest.locator(".happened > a, .happened > span > a").all_inner_texts() == ["prod"]


def test_what_was_started_and_finished_names_its_version(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/audit?service=payments&environment=dev")
        texts = [" ".join(text.split()) for text in page.locator(".happened").all_inner_texts()]
        for words in ("Deployment finished: failed payments in dev 2.0", "Deployment started payments in dev 2.0"):
            assert any(text.startswith(words) for text in texts), words
        links = page.locator(".happened > .version").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
        assert {link for link in links if link.startswith("/deployments/")} == {links[0]}
        page.goto("/audit?type=deployment.started")
        assert "report (no web address): javascript:alert(1)" in page.locator("main").inner_text()


def test_an_empty_log_is_no_search_without_a_result(browser: Browser, sqlite_url: str) -> None:
    with Scenario(sqlite_url) as world, served(world) as address, tab(browser, address) as page:
        page.goto("/audit")
        assert "Nothing has been recorded yet." in page.locator("main").inner_text()
        page.goto("/audit?type=approval.given")
        assert "No event matches." in page.locator("main").inner_text()


def test_filters_are_in_the_address_and_those_of_the_command_and_of_the_exports(browser: Browser, site: str) -> None:
    with tab(browser, site, java_script_enabled=False) as page:
        page.goto("/audit")
        page.get_by_label("Person").fill("alice")
        page.get_by_label("Type").select_option(label="Approved")
        page.get_by_role("button", name="Show").click()
        assert page.url == f"{site}/audit?who=alice&type=approval.given"
        assert page.get_by_label("Type").input_value() == "approval.given"
        assert "deploydb events --who alice --type approval.given" in page.locator("main").inner_text()
        shown = page.locator(".stream .type").all_inner_texts()
        assert set(shown) == {"approval.given"}
        exported = page.request.get(page.get_by_role("link", name="JSON lines").get_attribute("href") or "")
        assert [json.loads(line)["who"] for line in exported.text().splitlines()] == ["alice"] * len(shown)
        table = page.request.get(page.get_by_role("link", name="CSV").get_attribute("href") or "")
        assert table.text().count("approval.given") >= len(shown)
        page.goto("/audit?type=of.old")
        assert page.get_by_label("Type").input_value() == "of.old"
        assert "No event matches: there is no type of.old of events; " in page.locator("main").inner_text()


def test_pages_follow_each_other_with_the_same_filters(browser: Browser, site: str) -> None:
    with tab(browser, site, java_script_enabled=False) as page:
        page.goto("/audit?service=search&perPageSize=30")
        found = page.locator(".stream li").evaluate_all("all => all.map((one) => one.id)")
        while page.get_by_role("link", name="Older").count():
            page.get_by_role("link", name="Older").click()
            found += page.locator(".stream li").evaluate_all("all => all.map((one) => one.id)")
        page.get_by_role("link", name="Newest").click()
        assert page.url == f"{site}/audit?service=search&perPageSize=30"
        page.goto("/audit?service=search&perPageSize=1000")
        assert page.locator(".stream li").evaluate_all("all => all.map((one) => one.id)") == found


def test_links_lead_to_the_service_the_flow_the_artifact_and_the_event_itself(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/audit?type=flow.opened&service=search")
        newest = page.locator(".stream li").first
        newest.get_by_text("details").click()
        for name, address, text in (
            (re.compile("^search$"), "/services/search", "search"),
            (VERSION, "/artifacts/2", VERSION),
            (re.compile("^flow "), "/flows/2", VERSION),
        ):
            link = newest.get_by_role("link", name=name).first
            assert link.get_attribute("href") == address
            answer = page.request.get(address, headers={"Accept": "text/html"})
            assert answer.ok
            assert text in answer.text().replace("&lt;", "<").replace("&gt;", ">")
        itself = newest.get_by_role("link", name=re.compile("^Event ")).get_attribute("href") or ""
        page.goto(itself)
        assert page.locator(":target").get_attribute("id") == itself.partition("#")[2]
        assert "Flow opened" in page.locator(":target").inner_text()
