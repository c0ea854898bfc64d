"""The page of a service: its lanes as a picture, what ran and failed on a timeline, and a history that is filtered."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from deploydb.domain.model.catalog import Service
from deploydb.domain.model.service_metadata import ServiceMetadata
from deploydb.store.tables import deployment
from tests.pages.browser import tab
from tests.pages.conftest import fresh_file
from tests.pages.given import served
from tests.scenario import Scenario, catalog

FOO = Service(
    ident="foo",
    artifacts=("com.example:foo",),
    pipelines=("main",),
    promotions=("smoke",),
    metadata=ServiceMetadata(repository="https://gitlab.com/example/foo"),
)
OLD, NEW = "1" * 40, "2" * 40


@pytest.fixture(scope="module")
def service_site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """dev and prod ran 1.0 and 1.1; 2.0 failed in dev; prod was rolled back to 1.0."""
    with Scenario(fresh_file(sqlite_template, tmp_path_factory), catalog(FOO)) as world:
        for version, commit in (("1.0", OLD), ("1.1", NEW)):
            world.publish(version, artifact={"commit": commit})
            world.evaluate(hours=1)
            for _ in range(2):
                _deploy(world)
        world.publish("2.0")
        world.evaluate(hours=20)
        world.deploy("failed")
        world.tell("rollback.requested", service="foo", environment="prod", by="alice", reason="slow")
        world.evaluate(minutes=1)
        _deploy(world)
        world.evaluate(hours=2)
        with served(world) as address:
            yield address


def _deploy(world: Scenario) -> None:
    world.deploy()
    for row in world.rows(deployment):
        if row.status == "COMPLETED":
            world.tell("verification.finished", deployment=row.id, promotion="smoke", outcome="passed")
    world.evaluate(minutes=5)


def test_the_picture_has_versions_failures_and_the_commits_between_stages(browser: Browser, service_site: str) -> None:
    with tab(browser, service_site) as page:
        page.goto("/services/foo")
        cards = page.locator(".stop")
        assert [version.split() for version in cards.locator("a.version").all_inner_texts()] == [["1.1"], ["1.0"]]
        assert (
            " ".join(cards.first.locator(".line").last.text_content().split())
            == "failed: 2.0 its orchestrator gave no reason"
        )
        assert "will not come: 2.0 failed in dev" in " ".join(cards.last.text_content().split())
        commits = cards.last.get_by_role("link", name="1 commit from dev")
        assert commits.get_attribute("href") == f"https://gitlab.com/example/foo/-/compare/{OLD}...{NEW}"
        assert page.locator(".edges .edge.good").count() == 0  # they run different versions


def test_failures_and_rollbacks_are_on_the_timeline(browser: Browser, service_site: str) -> None:
    with tab(browser, service_site) as page:
        page.goto("/services/foo?days=1")
        dev, prod = (page.get_by_role("img", name=f"{name}: ") for name in ("dev", "prod"))
        assert "2.0 failed" in dev.locator("title").last.text_content()
        assert prod.locator(".bar.again").count() == 1
        assert dev.locator(".bar.again").count() == 0


def test_range_and_filters_are_links_that_keep_each_other(browser: Browser, service_site: str) -> None:
    with tab(browser, service_site, java_script_enabled=False) as page:
        page.goto("/services/foo")
        page.get_by_role("link", name="7 d", exact=True).click()
        page.get_by_role("link", name="failed", exact=True).click()
        page.get_by_role("link", name="dev", exact=True).last.click()
        assert page.url == f"{service_site}/services/foo?days=7&outcome=failed&environment=dev#history"
        assert _versions(page) == ["2.0"]
        page.get_by_role("link", name="rollbacks", exact=True).click()
        assert page.get_by_text("No deployment matches.").count() == 1
        page.get_by_role("link", name="every environment", exact=True).click()
        assert _versions(page) == ["1.0"]
        chosen = page.locator(".chips [aria-current]").all_inner_texts()
        assert chosen == ["7 d", "every environment", "rollbacks"]


def _versions(page: Page) -> list[str]:
    return page.get_by_role("region", name="What has been tried").locator("tbody .version").all_inner_texts()


def test_a_card_says_for_how_long_its_version_runs(browser: Browser, service_site: str) -> None:
    with tab(browser, service_site) as page:
        page.goto("/services/foo")
        assert "for 22h" in " ".join(page.locator(".stop").first.inner_text().split())
        assert page.get_by_text("no promotion asks for more").count() == 0
