"""What the matrix says of single services, and when it reads the store."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from html import unescape
from threading import Barrier, BrokenBarrierError

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from playwright.sync_api import Browser

from deploydb.domain.model.catalog import Environment, Stage
from deploydb.domain.model.catalog import Service as Configured
from deploydb.store.tables import flow
from tests.contract.test_set_aside import refuse
from tests.pages.browser import tab
from tests.pages.given import served
from tests.query.client import Service
from tests.query.test_starvation import STARVED, starve
from tests.query.test_status_of_the_past import seen
from tests.scenario import Scenario, catalog

FOO = catalog().services["foo"]


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    several = replace(FOO, ident="several", artifacts=("com.example:a", "com.example:b"))
    with Scenario(database_url, catalog(FOO, several)) as world:
        yield world


@pytest.fixture
def service(world: Scenario) -> Iterator[Service]:
    with Service(world) as service:
        yield service


def page_of(service: Service, query: str = "") -> str:
    answer = service.ask(f"/status{query}", accept="text/html")
    assert answer.status_code == 200
    return answer.text


def released(world: Scenario, version: str, name: str) -> None:
    world.publish(version, name=name)
    world.evaluate(minutes=1)
    world.deploy()


def before_others(world: Scenario) -> None:
    """200 more services, which fill the first page."""
    more = [f"a-{number:03}" for number in range(200)]
    world.catalog.services.update(
        {name: Configured(ident=name, artifacts=(f"com.example:{name}",), pipelines=("main",)) for name in more}
    )


def looks(page: str) -> str:
    """The list of lanes that need a look."""
    found = re.search(r'<section class="phone".*?</section>', page, re.DOTALL)
    return found[0] if found else ""


@contextmanager
def statements(world: Scenario) -> Iterator[list[str]]:
    """What is asked of the store."""
    asked: list[str] = []

    def note(*given: object) -> None:
        asked.append(str(given[2]))

    sa.event.listen(world.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sa.event.remove(world.engine, "before_cursor_execute", note)


def test_a_failed_second_module_is_not_drawn_as_success(world: Scenario, service: Service) -> None:
    for name, version, outcome in (("a", "1.0", "passed"), ("b", "7.0", "failed")):
        released(world, version, name)
        lane = {"service": "several", "environment": "dev", "version": version}
        world.tell("verification.finished", promotion="smoke", outcome=outcome, **lane)
        world.evaluate(minutes=1)
    cell = re.search(r'<td class="([^"]*)"><a href="/why/several/dev"([^>]*)>(.*)</a>', page_of(service))
    assert cell is not None
    assert "bad" in cell[1].split()
    assert "failed 7.0" in cell[2]
    assert cell[3].startswith('<svg class="bad"><use href="#icon-cross"')


def test_a_service_that_is_set_aside_needs_one_look_with_its_reason_from_every_page(
    world: Scenario, service: Service
) -> None:
    refuse(world, flow, "INSERT")
    before_others(world)
    released(world, "1.0", "foo")
    page = page_of(service)
    assert "/services/foo" not in page
    assert looks(page).count("<li") == looks(page).count("foo is set aside since") == 1


def test_a_starved_lane_of_another_page_needs_a_look_with_its_reason(world: Scenario, service: Service) -> None:
    starve(world)
    before_others(world)
    page = page_of(service)
    assert "/services/foo" not in page
    assert STARVED.partition("is ")[2] in looks(page)


def test_on_a_telephone_a_service_shows_its_last_lane_and_ages_are_of_the_second(
    browser: Browser, world: Scenario
) -> None:
    world.now += timedelta(seconds=37)
    artifact = {"group": "com.example", "name": "lone", "version": "3.0"}
    world.tell("deployment.observed", service="lone", environment="dev", artifact=artifact)
    world.evaluate(seconds=3)
    with served(world) as site, tab(browser, site, width=390) as page:
        page.goto("/status?match=lone")
        cell = page.locator("tbody tr td:visible")
        assert "3.0" in cell.inner_text()
        age = cell.locator("time")
        assert (age.get_attribute("datetime"), age.get_attribute("title")) == (
            "2026-11-22T12:00:37Z",
            "2026-11-22 12:00:37 UTC",
        )
        assert int(age.inner_text().removesuffix("s")) < 30


def test_an_environment_of_the_configuration_is_itself_though_it_has_no_lane(world: Scenario, service: Service) -> None:
    world.catalog = catalog(stages=(Stage(environment="preprod"),))
    world.catalog.environments["prod"] = Environment(ident="prod")
    assert "No service matches." in page_of(service, "?environment=prod")
    assert "preprod</a>" in page_of(service, "?environment=pro")


@pytest.mark.parametrize(
    ("query", "command", "link"),
    [
        ("", "deploydb status", "/api/status"),
        ("?match=foo&sort=age&show=held&service=fo&environment=ro", "deploydb status", "/api/status"),
        (
            "?environment=prod&service=foo&match=x&at=2026-11-22T12:00:00Z",
            "deploydb status --service foo --environment prod --at 2026-11-22T12:00:00Z",
            "/api/status?service=foo&environment=prod&at=2026-11-22T12%3A00%3A00Z",
        ),
    ],
)
def test_the_command_and_the_json_are_what_programs_can_have(
    world: Scenario, service: Service, query: str, command: str, link: str
) -> None:
    world.evaluate(minutes=1)
    page = unescape(page_of(service, query))
    shown = re.search("<code>(.*?)</code>", page)
    assert shown is not None
    assert re.sub("<[^>]*>", "", shown[1]) == command
    assert f'<a href="{link}">JSON</a>' in page
    assert service.get(link.replace("/api/status", "/status.json")) == service.get(link)


def test_many_who_ask_after_a_change_wait_for_one_reading(world: Scenario, service: Service) -> None:
    released(world, "1.0", "foo")
    both, read = Barrier(2), []

    def meet(*given: object) -> None:
        if "current_version" in str(given[2]):
            read.append(given[2])
            with suppress(BrokenBarrierError):
                both.wait(0.5)  # for a second reading, which does not come

    sa.event.listen(world.engine, "before_cursor_execute", meet)
    try:
        with ThreadPoolExecutor(4) as threads:
            pages = list(threads.map(lambda _: page_of(service), range(4)))
    finally:
        sa.event.remove(world.engine, "before_cursor_execute", meet)
    assert all("/why/foo/dev" in page for page in pages)
    first, *more = read
    assert read.count(first) == 1, more


def test_looks_into_the_past_leave_now_as_it_is_kept(world: Scenario, service: Service) -> None:
    released(world, "1.0", "foo")
    page_of(service)
    for second in range(8):
        page_of(service, f"?at=2026-11-22T12:00:0{second}Z")
    with statements(world) as asked:
        page_of(service, "?sort=age")
    assert [one for one in asked if "current_version" in one] == []


@pytest.mark.parametrize("query", ["sort=colour", "show=blue", "view=nice", "pageNumber=x", "match=%00"])
def test_what_cannot_be_understood_is_refused_before_the_store_is_read(
    world: Scenario, service: Service, query: str
) -> None:
    with statements(world) as asked:
        assert service.ask(f"/status?{query}").status_code == 400
    assert asked == []


def test_on_a_wall_the_matrix_is_dark_and_alone_and_follows_the_state(
    browser: Browser, world: Scenario, service: Service
) -> None:
    released(world, "1.0", "foo")
    with served(world) as site, tab(browser, site, color_scheme="light") as page:
        page.goto("/status?wall=1")
        page.get_by_text("live", exact=True).wait_for()
        assert page.locator("header, form.filters, footer").filter(visible=True).count() == 0
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 27)"
        page.get_by_role("link", name="Leave the wall view").click()
        page.wait_for_url("**/status")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(15, 20, 27)"
    assert service.ask("/status?wall=2").status_code == 400


def test_without_scripts_links_lead_from_deployment_to_deployment(browser: Browser, world: Scenario) -> None:
    released(world, "1.0", "foo")
    world.now += timedelta(hours=1)
    with served(world) as site, tab(browser, site, java_script_enabled=False) as page:
        page.goto("/status")
        assert not page.get_by_role("slider").is_visible()
        page.get_by_role("link", name="Previous deployment").click()
        page.wait_for_url("**/status?at=*")
        page.get_by_role("link", name="Compare with now").click()
        page.wait_for_url("**&compare=now")
        page.get_by_role("link", name="Now", exact=True).click()
        page.wait_for_url("**/status")


def test_keys_move_the_slider_by_deployments_and_keep_the_focus(browser: Browser, world: Scenario) -> None:
    for version in ("1.0", "1.1", "1.2"):
        world.tell("deployment.observed", service="foo", environment="dev", **seen(version, world.now))
        world.evaluate()
        world.now += timedelta(hours=1)
    with served(world) as site, tab(browser, site) as page:
        page.goto("/status?match=foo")
        slider = page.get_by_role("slider", name="Deployment")
        assert slider.get_attribute("aria-valuetext") == "now"
        now = slider.input_value()
        slider.focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        page.wait_for_url("**/status?at=*&match=foo#moment")
        assert "foo 1.1 in dev" in str(slider.get_attribute("aria-valuetext"))
        assert page.evaluate("document.activeElement.id") == "moment"
        page.go_back()
        page.wait_for_url("**/status?match=foo")
        assert (slider.input_value(), slider.get_attribute("aria-valuetext")) == (now, "now")
        page.get_by_role("link", name="Previous deployment").click()
        page.get_by_role("link", name="Previous deployment").click()
        page.get_by_role("link", name="Compare with now").click()
        page.locator(".dense td > a", has_text="now 1.2").hover()
        assert "now 1.2" in page.get_by_role("tooltip").inner_text().replace("\n", " ")


def test_the_slider_of_the_live_page_follows_the_state(browser: Browser, world: Scenario) -> None:
    def observe(version: str) -> None:
        world.now += timedelta(hours=1)
        world.tell("deployment.observed", service="foo", environment="dev", **seen(version, world.now))
        world.evaluate()

    observe("1.0")
    with served(world) as site, tab(browser, site) as page:
        page.goto("/status")
        page.get_by_text("live", exact=True).wait_for()
        page.get_by_role("slider", name="Deployment").focus()
        observe("1.1")
        page.locator("#deployments option[label^='foo 1.1 in dev']").wait_for(state="attached")
        assert page.evaluate("document.activeElement.id") == "moment"
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        page.wait_for_url("**/status?at=*#moment")
        assert "foo 1.1 in dev" in page.locator("output[for=moment]").inner_text()


def test_the_preview_of_a_link_counts_the_states(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.evaluate(minutes=1)
    world.deploy("failed")
    preview = '<meta property="og:description" content="{}">'
    assert preview.format("2 services, 1 trouble.") in page_of(service)
    page = page_of(service, "?at=2026-11-22T12:00:00Z")
    assert preview.format("What ran at 2026-11-22 12:00:00 UTC: 2 services.") in page
