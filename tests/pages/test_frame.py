"""The frame of pages, in a browser: the navigation, signing in, and addresses with a typo."""

import pytest
from playwright.sync_api import Browser, expect

from tests.pages.browser import tab

ALICE = {"person": "alice"}


def test_the_navigation_marks_the_list_that_a_page_is_of_and_a_phone_fades_it_on_both_sides(
    browser: Browser, site: str
) -> None:
    with tab(browser, site, width=390) as page:
        for address, name, mark in (
            ("/services/search", "Services", "true"),
            ("/environments/prod", "Environments", "true"),
            ("/services", "Services", "page"),
        ):
            page.goto(address)
            marked = page.get_by_role("navigation", name="Pages").locator("[aria-current]")
            assert (marked.inner_text(), marked.get_attribute("aria-current")) == (name, mark)
        expect(page.locator(".top nav ul")).to_have_class("scrolled")
        page.goto("/services/search")
        assert page.locator("hgroup").inner_text().split() == ["Service", "search"]
        page.goto("/inbox")
        expect(page.locator(".top nav ul")).not_to_have_class("scrolled")


def test_who_is_signed_in_is_asked_for_no_token(browser: Browser, site: str) -> None:
    with tab(browser, site, extra_http_headers=ALICE) as page:
        page.goto("/sign-in")
        assert page.get_by_role("heading", level=1).inner_text() == "You are signed in as alice"
        assert not page.get_by_label("Your token").is_visible()
        page.get_by_role("link", name="To the inbox").click()
        assert page.url == f"{site}/inbox"


@pytest.mark.parametrize(
    ("address", "meant"),
    [("/serivces", "/services"), ("/service/search", "/services/search")],
)
def test_an_address_with_a_typo_is_answered_with_the_one_that_was_meant(
    browser: Browser, site: str, address: str, meant: str
) -> None:
    with tab(browser, site, expected=("404",)) as page:
        page.goto(address)
        assert page.locator(".lead").inner_text() == f"there is no {address}; did you mean {meant}?"
        assert page.get_by_role("heading", level=1).inner_text() == "Not found"
