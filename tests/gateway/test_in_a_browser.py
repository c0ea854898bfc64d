"""A person with a browser signs in, approves, and has a version tried again, on a real `deploydb up`."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.up import Up
from tests.pages.browser import tab
from tests.pages.conftest import browser
from tests.workers.in_process import fact, published

__all__ = ["browser"]

HOSTILE = "<script>alert('comment')</script>"


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_signs_in_approves_by_the_button_and_the_version_goes_on(
    up: Up, browser: Browser, *, scripts: bool
) -> None:
    up.publish(published("1.0"))
    assert up.deploy() == "dev"
    up.until(lambda: "waits for" in str(up._get("/api/why/foo/dev?version=1.0")), "people are asked")
    with tab(browser, up.url, java_script_enabled=scripts) as page:
        page.goto("/flows/1")
        page.get_by_role("link", name="Sign in to approve or refuse").first.click()
        _sign_in(page, "ddb_wrong")
        page.get_by_text("That token is not known").wait_for()
        _sign_in(page, (up.folder / "data" / "token").read_text().strip())
        page.wait_for_url("**/flows/1")
        form = page.locator("form.decide").first
        form.get_by_role("textbox").fill(HOSTILE)
        form.get_by_role("button", name="Approve").click()
        assert up.deploy() == "prod"
        up.until(lambda: _reads(page, HOSTILE), "the comment can be read")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Sign in", exact=True).wait_for()
    up.stop()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_has_what_failed_tried_again_and_reads_what_came_of_it(
    up: Up, browser: Browser, *, scripts: bool
) -> None:
    up.publish(published("1.0"))
    assert up.deploy("failed") == "dev"
    up.until(lambda: "failed" in str(up._get("/api/why/foo/dev?version=1.0")), "it has failed")
    with tab(browser, up.url, java_script_enabled=scripts) as page:
        page.goto("/why/foo/dev?version=1.0")
        page.get_by_role("link", name="Sign in to try it again").click()
        _sign_in(page, (up.folder / "data" / "token").read_text().strip())
        page.wait_for_url("**/why/foo/dev?version=1.0")
        page.locator("details.retry summary").click()
        form = page.locator("details.retry form")
        form.get_by_role("button", name="Try again").click()
        assert form.locator("textarea:invalid").count() == 1, "a reason is required"
        form.get_by_role("textbox").fill(HOSTILE)
        form.get_by_role("button", name="Try again").click()
        page.wait_for_url("**/effect?source=**")
        page.get_by_text("It counts: attempt 2").wait_for()
        assert HOSTILE in page.inner_text("main")
        assert up.deploy() == "dev"
        up.until(lambda: up.running().get("dev") == ["1.0"], "dev runs it")
        page.goto("/services/foo")
        summary = page.locator("details.retry summary").first
        summary.wait_for()
        assert "Deploy again" in summary.inner_text()
    up.stop()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_release_is_approved_from_the_inbox_by_five_keys(up: Up, browser: Browser, *, scripts: bool) -> None:
    up.publish(published("1.0"))
    assert up.deploy() == "dev"
    up.until(lambda: "waits for" in str(up._get("/api/why/foo/dev?version=1.0")), "people are asked")
    with tab(browser, up.url, java_script_enabled=scripts) as page:
        page.goto("/sign-in?next=/inbox")
        _sign_in(page, (up.folder / "data" / "token").read_text().strip())
        page.wait_for_url("**/inbox")
        page.get_by_text("your approval", exact=True).wait_for()
        for key in ("Tab", "Enter", "Tab", "Tab", "Enter"):
            page.keyboard.press(key)
        assert up.deploy() == "prod"
        if scripts:
            page.get_by_text("your approval", exact=True).wait_for(state="detached")
    up.stop()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_contradiction_is_decided_on_the_page_of_the_inbox(up: Up, browser: Browser, *, scripts: bool) -> None:
    foo = {"group": "com.example", "name": "foo", "version": "1.0"}
    files = ("sha256:aa", "sha256:bb")
    up.publish(*(fact("artifact.published", digest, artifact={**foo, "digest": digest}) for digest in files))
    up.until(lambda: "contradiction" in up._get("/api/inbox")["counts"], "the files contradict each other")
    with tab(browser, up.url, java_script_enabled=scripts) as page:
        page.goto("/sign-in?next=/inbox?kind=contradiction")
        _sign_in(page, (up.folder / "data" / "token").read_text().strip())
        page.wait_for_url("**/inbox?kind=contradiction")
        entry = page.locator("#inbox .entry")
        if scripts:
            with page.expect_response("**/inbox?kind=contradiction"):
                page.evaluate("htmx.trigger(document.querySelector('[sse-connect]'), 'refresh')")
            expect(page.locator("body > :not(main) summary")).to_have_count(0)
        entry.locator("summary").click()
        entry.get_by_label("The file that com.example:foo 1.0 is").select_option("sha256:bb")
        entry.get_by_role("textbox").fill(HOSTILE)
        entry.get_by_role("button", name="Accept this file").click()
        page.wait_for_url("**/effect?source=**")
        page.get_by_text("It counts").wait_for()
        assert HOSTILE in page.inner_text("main")
        page.goto("/inbox?kind=contradiction")
        page.get_by_text("Nothing needs attention of this kind").wait_for()
    up.stop()


def _sign_in(page: Page, token: str) -> None:
    page.get_by_label("Your token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def _reads(page: Page, text: str) -> bool:
    page.goto("/flows/1")
    return text in page.inner_text("main")
