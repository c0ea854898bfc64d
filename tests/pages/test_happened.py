"""The pages of what happened, in a browser: usable, calm, and the same for those who do not see colours or lines."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.pages.browser import tab
from tests.pages.given import served, world_of_pages
from tests.pages.test_pages import AXE, SEVERE

HOUR = timedelta(hours=1)
_SHIFTS = """
() => new Promise((done) => {
  new PerformanceObserver((list) => done(list.getEntries().reduce((sum, one) => sum + one.value, 0)))
    .observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(0), 200)));
})
"""


@pytest.fixture(scope="module")
def site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The past of the pages; an incident is reported in prod twice, and two hours pass."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("happened") / "deploydb.db")
    with world_of_pages(f"sqlite:///{path}") as world:
        for reason in ("slow", "slower"):
            world.tell("incident.detected", service="search", environment="prod", incident="INC-7", reason=reason)
            world.evaluate(hours=1)
        with served(world) as address:
            yield address


@pytest.mark.parametrize("address", ["/audit", "/blame?hours=100", "/dora?window=7d"])
def test_axe_finds_no_serious_fault_and_nothing_moves(browser: Browser, site: str, address: str) -> None:
    with tab(browser, site) as page:
        page.goto(address)
        assert page.evaluate(_SHIFTS) < 0.05
        page.evaluate(AXE)
        found = page.evaluate("() => axe.run(document)")
        assert [one["id"] for one in found["violations"] if one["impact"] in SEVERE] == []
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_services_are_ranked_by_each_column(browser: Browser, site: str) -> None:
    with tab(browser, site, java_script_enabled=False) as page:
        page.goto("/dora?window=7d")
        table = page.get_by_role("region", name="Services, by deployments, the best first")
        assert table.locator("[aria-sort]").all_inner_texts() == ["Deployments ↓"]
        assert table.locator("tbody th").all_inner_texts()[0] == "search"
        for name, way, arrow in (
            ("Change failure rate", "ascending", "↑"),
            ("Deployment frequency", "descending", "↓"),
        ):
            page.get_by_role("link", name=name).click()
            table = page.get_by_role("region", name=f"Services, by {name.lower()}, the best first")
            assert table.locator("[aria-sort]").get_attribute("aria-sort") == way
            assert table.locator("[aria-sort]").inner_text() == f"{name} {arrow}"
        assert page.url == f"{site}/dora?window=7d&sort=frequency#services"
        page.get_by_role("button", name="Show", exact=True).click()
        assert "sort=frequency" in page.url


def test_an_incident_is_chosen_and_the_window_before_it_made_longer(browser: Browser, site: str) -> None:
    with tab(browser, site, java_script_enabled=False) as page:
        page.goto("/blame?hours=1")
        page.get_by_role("link", name="INC-7").click()
        assert page.url == f"{site}/blame?environment=prod&at=2026-11-25T14%3A38%3A00Z&hours=1"
        texts = [" ".join(text.split()) for text in page.locator(".stream li").all_inner_texts()]
        assert texts[1].startswith("10m before deployed <img src=x onerror=alert(1)> in prod 0.0 observed by tests")
        assert any("10m before freeze placed all services in prod by carol" in text for text in texts)
        page.get_by_role("link", name="7 days", exact=True).click()
        assert page.url.endswith("&hours=168")
        assert "deployed search in prod 1.0" in " ".join(page.locator(".stream").inner_text().split())
        assert "deploydb blame prod --at 2026-11-25T14:38:00Z --hours 168" in page.locator("main").inner_text()
        assert page.get_by_role("link", name="INC-7").get_attribute("aria-current") == "true"
        page.get_by_role("link", name="← earlier").click()
        assert page.url.startswith(f"{site}/blame?environment=prod&at=2026-11-18T14%3A38%3A00Z")
        page.get_by_role("link", name="later →").click()
        assert "at=2026-11-25T14%3A38%3A00Z" in page.url


def test_points_of_one_time_are_one_with_their_number_and_the_worst_is_on_top(browser: Browser, site: str) -> None:
    with tab(browser, site, java_script_enabled=False) as page:
        page.goto("/blame?hours=100")
        points = page.locator(".chronology g")
        counts = [int(text) for text in points.locator(".count").all_text_contents()]
        assert sum(counts) + points.count() - len(counts) == page.locator(".stream li").count()
        assert points.last.get_attribute("class") == "bad"
        assert "failed payments 2.0, " in points.last.locator("title").inner_html()
        ticks = [page.locator(f".chronology {name}[data-tick]:not([display])").count() for name in ("line", "text")]
        assert ticks[0] == ticks[1] > 2
        freeze = page.locator(".stream li").filter(has_text="freeze placed")
        assert freeze.locator("use").first.get_attribute("href") == "#icon-freeze"
        failed = page.locator(".stream li").filter(has_text="payments").filter(has_text="failed")
        assert "failure response: stop · its orchestrator gave no reason" in failed.first.inner_text()
