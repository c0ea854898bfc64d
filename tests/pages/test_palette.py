"""Search by keyboard: the palette, the search box, the shortcuts; and the same without scripts."""

import gzip
from importlib.resources import files

from playwright.sync_api import Browser, Page, Route, expect

from tests.pages.browser import tab
from tests.pages.test_pages import AXE, SEVERE

COMMIT = "9fceb02d0ae598e95dc970b74767f19372d61af8"
MOST_BYTES = 60 * 1024
_OUTSIDE = "document.activeElement.closest('body > *:not(dialog)')"
"""The part of the page below the dialog that has the focus: none."""


def test_a_commit_is_found_and_its_environments_read_in_three_acts(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/status")
        page.keyboard.press("/")
        page.keyboard.type(COMMIT[:10])
        option = page.get_by_role("option").filter(has_text=COMMIT).first
        expect(option).to_contain_text("search in dev, search in qa, search in staging")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/where?what={COMMIT}")
        expect(page.get_by_role("region", name="Where com.example:search 1.0 is")).to_contain_text("prod")


def test_what_was_chosen_stays_chosen_when_a_later_answer_comes(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/services")
        page.keyboard.press("/")
        box = page.get_by_role("dialog").get_by_role("combobox")
        box.press_sequentially("pay")
        option = page.get_by_role("option").filter(has_text="payments").first
        expect(option).to_be_visible()
        held: list[Route] = []
        page.route("**/api/search?q=payme", lambda route: held.append(route))  # noqa: PLW0108 -- playwright sets an attribute on it
        with page.expect_request("**/api/search?q=payme"):
            box.press_sequentially("me")
        page.keyboard.press("ArrowDown")
        with page.expect_response("**/api/search?q=payme"):
            held[0].continue_()
        expect(option).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Enter")
        page.wait_for_url("**/services/payments**")


def test_without_scripts_the_search_box_is_a_form(browser: Browser, site: str) -> None:
    with tab(browser, site, java_script_enabled=False) as page:
        page.goto("/inbox")
        page.locator("#what").fill(COMMIT[:10])
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?q=9fceb02d0a")
        expect(page.locator(".hits")).to_contain_text("search in dev, search in qa, search in staging")


def test_the_palette_keeps_the_focus_and_gives_it_back(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/services")
        link = page.get_by_role("link", name="Inbox")
        link.focus()
        page.keyboard.press("Control+k")
        box = page.get_by_role("dialog", name="Search").get_by_role("combobox")
        expect(box).to_be_focused()
        page.keyboard.type("paym")
        expect(page.get_by_role("option")).to_have_count(1)
        expect(box).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("ArrowDown")
        chosen = page.locator(f"#{box.get_attribute('aria-activedescendant')}")
        expect(chosen).to_have_attribute("aria-selected", "true")
        expect(box).to_be_focused()
        assert _faults(page) == []
        for _ in range(5):
            page.keyboard.press("Tab")
            assert page.evaluate(
                "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
            )
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(link).to_be_focused()


def test_pages_and_acts_are_found_too_and_the_nearest_names(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/services")
        page.keyboard.press("/")
        box = page.get_by_role("dialog").get_by_role("combobox")
        for text, found in (
            ("opera", "page"),
            ("promote search prod", "Promote search in prod"),
            ("serach", "search"),
        ):
            box.fill(text)
            expect(page.get_by_role("option").filter(has_text=found).first).to_be_visible()
        expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("names like it")


def test_the_search_box_suggests_and_leaves_the_form_as_it_is(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/services")
        box = page.locator("#what")
        box.click()
        box.press_sequentially("paym")
        expect(page.get_by_role("option")).to_have_count(1)
        assert _faults(page) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("option")).to_have_count(0)
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?q=paym")


def test_suggestions_for_a_box_that_was_left_do_not_come(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/services")
        page.route("**/api/search?*", lambda _: None)
        box = page.locator("#what")
        box.click()
        with page.expect_request("**/api/search?*"):
            box.press_sequentially("paym")
        with page.expect_event("requestfailed"):
            box.blur()


def test_shortcuts_are_listed_and_can_be_turned_off(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/services")
        page.keyboard.press("g")
        page.keyboard.press("e")
        page.wait_for_url("**/environments")
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Shortcuts")
        expect(dialog).to_contain_text("Ctrl K")
        assert _faults(page) == []
        dialog.get_by_label("Shortcuts of single keys").uncheck()
        dialog.get_by_role("button", name="Close").click()
        page.keyboard.press("/")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press("Control+k")
        expect(page.get_by_role("dialog", name="Search")).to_be_visible()


def test_a_key_that_is_typed_into_a_field_is_text(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/blame")
        page.get_by_label("Service", exact=True).press_sequentially("/?ge")
        assert page.get_by_label("Service", exact=True).input_value() == "/?ge"
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_all_scripts_together_are_small() -> None:
    static = files("deploydb.query") / "static"
    sizes = {one.name: len(gzip.compress(one.read_bytes())) for one in static.iterdir() if one.name.endswith(".js")}
    assert sum(sizes.values()) <= MOST_BYTES, sizes


def _faults(page: Page) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate("() => axe.run(document)")
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"] if one["impact"] in SEVERE]
