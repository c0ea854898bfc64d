"""What people see, in a browser: on every page, in light and dark, on a desk and on a telephone."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from deploydb.query.views import views
from tests.pages.browser import tab
from tests.pages.given import EVIL, NAME, VERSION

AXE = (Path(__file__).parent / "axe-4.14.1.min.js").read_text(encoding="utf-8")
SEVERE = ("serious", "critical")

NAMED = quote(NAME, safe="")
PAGES = (
    "/status",
    "/status?at=2026-11-22T12:30:00Z",
    "/status?at=2026-11-22T12:30:00Z&compare=now",
    "/status?group=team&closed=%21",
    "/status?wall=1&group=label:tier",
    "/status?open=search",
    "/status?view=comfortable&sort=trouble",
    "/status?match=nothing",
    f"/services/{NAMED}",
    "/services/search",
    "/services/payments?days=1&outcome=failed",
    "/services",
    "/environments",
    "/environments/prod",
    "/flows/2",
    "/flows/4",
    "/why/search/prod",
    f"/why/{NAMED}/prod",
    "/orders/search/prod",
    f"/orders/{NAMED}/prod",
    "/artifacts/2",
    "/audit",
    "/blame?hours=700",
    "/diff?from=dev&to=prod",
    "/diff?from=dev&to=prod&at=2026-11-23T12:00:00Z",
    *(view.path.removeprefix("/api") for view in views() if view.template is not None),
    f"/where?what={quote(VERSION)}",
    "/where?what=9fceb02",
    "/where",
    "/search?q=search",
    "/search?q=serach",
    "/operations",
    "/effect?source=tests&id=hold.placed-1",
    "/sign-in?wrong=1",
    "/nowhere",
)
WITH_EVIL = {
    "/inbox": (EVIL, VERSION, NAME),
    "/status": (VERSION, NAME),
    f"/services/{NAMED}": (NAME, EVIL),
    "/services/search": (VERSION, EVIL),
    "/services": (NAME, EVIL),
    "/environments/prod": (NAME, EVIL),
    "/flows/1": (f"fine {EVIL}",),
    "/flows/2": (VERSION,),
    "/why/search/prod": (VERSION,),
    f"/why/{NAMED}/prod": (NAME,),
    f"/orders/search/prod?version={quote(VERSION, safe='')}": (VERSION,),
    f"/orders/{NAMED}/prod": (NAME, EVIL),
    "/artifacts/2": (VERSION,),
    "/audit?perPageSize=200": (VERSION, EVIL, NAME),
    "/operations": (EVIL, VERSION),
    "/blame?hours=700": (EVIL, VERSION, NAME),
    "/diff?from=dev&to=prod": (VERSION, NAME),
    f"/dora?service={NAMED}": (NAME,),
    f"/where?what={quote(VERSION)}": (VERSION,),
    f"/where?what={quote(EVIL)}": (EVIL,),
    f"/services/{quote(EVIL.replace('/', ''), safe='')}": (EVIL.replace("/", ""),),
}

_OVERLAPS = """
() => {
  const reported = (element) => element.textContent.trim().slice(0, 40);
  const within = (box, cut) => ({
    left: Math.max(box.left, cut.left),
    right: Math.min(box.right, cut.right),
    top: Math.max(box.top, cut.top),
    bottom: Math.min(box.bottom, cut.bottom),
  });
  const boxes = [];
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest("datalist, .unseen, .skip, [hidden], .hidden, thead") || !element.checkVisibility()) continue;
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own && !element.matches("input, button, select, svg.icon")) continue;
    const cut = element.closest("svg svg:has(> rect)")?.querySelector(":scope > rect").getBoundingClientRect();
    for (const box of element.getClientRects()) boxes.push([element, cut ? within(box, cut) : box]);
  }
  const found = [];
  for (let i = 0; i < boxes.length; i++) {
    for (let j = i + 1; j < boxes.length; j++) {
      const [a, one] = boxes[i], [b, other] = boxes[j];
      if (a === b || a.contains(b) || b.contains(a)) continue;
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (across > 2 && down > 4) found.push(`${reported(a)} | ${reported(b)}`);
    }
  }
  return found;
}
"""


_SHIFT = """
() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) sum += one.value; })
    .observe({type: "layout-shift", buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
})
"""

ALICE = {"person": "alice"}


def test_axe_finds_no_serious_fault_on_any_page_in_light_or_dark(browser: Browser, site: str) -> None:
    with tab(browser, site, color_scheme="light", expected=("404",), extra_http_headers=ALICE) as page:
        for address in PAGES:
            page.emulate_media(color_scheme="light")
            page.goto(address)
            page.evaluate(AXE)
            _no_severe_fault(page, address, "{}")
            page.emulate_media(color_scheme="dark")
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 27)"
            _no_severe_fault(page, address, "{runOnly: ['color-contrast']}")  # all else is the same


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_or_is_wider_than_the_window_or_lies_over_another(
    browser: Browser, site: str, width: int
) -> None:
    with tab(browser, site, width=width, expected=("404",), extra_http_headers=ALICE) as page:
        for address in PAGES:
            page.goto(address)
            assert page.evaluate(_SHIFT) < 0.05, address
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
            assert page.evaluate(_OVERLAPS) == [], address


def test_the_navigation_of_a_phone_is_one_line_that_scrolls_to_where_one_is(browser: Browser, site: str) -> None:
    with tab(browser, site, width=390, extra_http_headers=ALICE) as page:
        for name in ("Inbox", "Services"):
            page.goto(f"/{name.lower()}")
            links = page.get_by_role("navigation", name="Pages").get_by_role("link")
            assert len({round(links.nth(place).bounding_box()["y"]) for place in range(links.count())}) == 1
            box = links.filter(has_text=name).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390


def test_a_difference_shows_what_differs_and_folds_what_does_not(browser: Browser, site: str) -> None:
    with tab(browser, site, java_script_enabled=False) as page:
        page.goto("/diff?from=dev&to=qa")
        folded = page.get_by_role("region", name="The same in both")
        assert not folded.is_visible()
        page.get_by_text("1 is the same in both").click()
        assert folded.get_by_role("link", name="search").is_visible()
        assert page.get_by_text("Both run the same.").is_visible()
        page.goto("/diff?from=dev&to=prod")
        assert page.get_by_role("region", name="Differences").get_by_text("behind").is_visible()


def test_markup_in_a_version_a_comment_or_a_name_is_text(browser: Browser, site: str) -> None:
    with tab(browser, site, expected=("404",)) as page:
        for address, texts in WITH_EVIL.items():
            page.goto(address)
            shown = page.locator("body").inner_text() + page.locator("body").text_content()
            assert [text for text in texts if text not in shown] == [], address
            assert page.locator("main img, main script").count() == 0
            assert page.locator("a[href^='javascript']").count() == 0


def test_without_scripts_the_pages_read_the_same(browser: Browser, site: str) -> None:
    with (
        tab(browser, site, expected=("404",)) as page,
        tab(browser, site, java_script_enabled=False, expected=("404",)) as plain,
    ):
        page.clock.set_fixed_time(0)  # ages grow by the browser's clock, and those of the other page do not
        for address in PAGES:
            page.goto(address)
            plain.goto(address)
            assert _words(plain) == _words(page), address


def test_where_people_are_asked_there_is_a_form_for_a_signed_in_person(browser: Browser, site: str) -> None:
    for address in ("/flows/2", "/why/search/staging"):
        with tab(browser, site) as page:
            page.goto(address)
            assert page.get_by_role("link", name="Sign in to approve or refuse").count() == 1
            assert page.get_by_role("button", name="Approve").count() == 0
        with tab(browser, site, extra_http_headers=ALICE) as page:
            page.goto(address)
            form = page.locator("form.decide")
            sent = form.evaluate("form => Object.fromEntries(new FormData(form))")
            assert len(sent.pop("form")) > 40
            assert sent == {
                "service": "search",
                "environment": "staging",
                "version": VERSION,
                "promotion": "manual",
                "deployment": "7",
                "comment": "",
                "next": address,
            }
            assert form.evaluate("form => [form.method, new URL(form.action).pathname]") == ["post", "/api/approvals"]
            buttons = form.get_by_role("button").evaluate_all("all => all.map((one) => [one.name, one.value])")
            assert buttons == [["decision", "approve"], ["decision", "refuse"]]
            assert page.get_by_role("button", name="Sign out").count() == 1


def test_filters_are_in_the_address_and_a_time_of_a_field_is_utc(browser: Browser, site: str) -> None:
    with tab(browser, site, java_script_enabled=False) as page:
        page.goto("/status")
        page.get_by_label("Environment", exact=True).fill("prod")
        page.get_by_text("Time", exact=True).click()
        page.get_by_label("At (UTC)", exact=True).fill("2026-11-22T18:00:30")
        page.get_by_role("button", name="Show").click()
        assert page.url == f"{site}/status?environment=prod&at=2026-11-22T18%3A00%3A30Z"
        assert page.locator("thead").inner_text().split() == ["Service", "prod"]
        assert page.get_by_label("At (UTC)", exact=True).input_value() == "2026-11-22T18:00:30"
        assert "deploydb status --environment prod --at 2026-11-22T18:00:30Z" in page.locator("main").inner_text()
        page.get_by_role("link", name="Clear").click()
        assert page.url == f"{site}/status"


def test_the_keyboard_reaches_what_there_is(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/status")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site}/status#main")
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.closest('tbody a') !== null"):
                break
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site}/services/**")


def test_paper_has_the_answer_and_not_the_controls(browser: Browser, site: str) -> None:
    with tab(browser, site, color_scheme="dark") as page:
        page.goto("/status")
        page.emulate_media(media="print")
        assert page.locator("table").is_visible()
        assert not page.get_by_role("button", name="Show").is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(24, 32, 44)"


def _no_severe_fault(page: Page, address: str, rules: str) -> None:
    found = page.evaluate(f"() => axe.run(document, {rules})")
    assert [_fault(address, one) for one in found["violations"] if one["impact"] in SEVERE] == []
    assert found["passes"]


def _words(page: Page) -> list[str]:
    """What a page says, but for what a script adds: that it is live, and a button that copies."""
    text = page.locator("body").inner_text()
    words = text.replace("not live: reconnecting", "").split()
    return [word for word in words if word not in ("live", "copy")]


def _fault(address: str, found: dict[str, Any]) -> str:
    return f"{address}: {found['id']}: {[node['html'][:200] for node in found['nodes']][:3]}"
