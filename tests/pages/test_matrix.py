"""The matrix: dense on a desk, a list by trouble on a telephone, searched and paged on the server."""

import json
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from playwright.sync_api import Browser, Page

from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.catalog import Service as Configured
from deploydb.domain.model.service_metadata import ServiceMetadata
from deploydb.query.pages.versions import cut
from deploydb.store.record import record
from tests.pages.browser import tab
from tests.pages.given import served
from tests.query.client import Service
from tests.scenario import Scenario, catalog

ENVIRONMENTS = ("dev", "test", "staging", "preprod", "prod")
SERVICES = 260
KIB_200 = 200 * 1024
LONG = "1.4.0-rc.1+build.20261122.9fceb02d0ae5"
LIKE_IT = "1.4.0-rc.1+build.20261121.9fceb02d0ae5"


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    """260 services in five environments: svc-007 failed in dev, svc-009 is behind in prod, svc-250 is paused."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("matrix") / "deploydb.db")
    stages = tuple(
        Stage(environment=name, after=After(environments=ENVIRONMENTS[max(place - 1, 0) : place]))
        for place, name in enumerate(ENVIRONMENTS)
    )
    names = [f"svc-{number:03}" for number in range(SERVICES)]
    services = [Configured(ident=name, artifacts=(f"com.example:{name}",), pipelines=("main",)) for name in names]
    services[42] = replace(services[42], metadata=ServiceMetadata(team="Payments", labels={"tier": "web"}))
    services[7] = replace(services[7], metadata=ServiceMetadata(team="Ads, Growth", labels={"tier": "web"}))
    with Scenario(f"sqlite:///{path}", catalog(*services, stages=stages)) as made:
        for environment in ENVIRONMENTS:
            facts = [_observed(made, name, environment) for name in names]
            record(made.engine, [made.arrival(json.dumps(fact).encode()) for fact in facts], made.now)
        made.publish("2.0", name="svc-007")
        made.evaluate(minutes=1)
        made.deploy("failed")
        made.tell("hold.placed", kind="pause", service="svc-250", by="erin", reason="migration")
        made.tell("hold.placed", kind="freeze", environment="prod", by="carol", reason="holidays")
        made.evaluate(minutes=1)
        yield made


def _observed(world: Scenario, name: str, environment: str) -> dict[str, object]:
    version = LONG if name == "svc-009" else "1.0"
    if environment == "prod" and name == "svc-009":
        version = LIKE_IT
    return {
        "type": "deployment.observed",
        "id": f"{name}-{environment}",
        "source": "tests",
        "time": world.now.isoformat(),
        "service": name,
        "environment": environment,
        "artifact": {"group": "com.example", "name": name, "version": version},
    }


@pytest.fixture(scope="module")
def service(world: Scenario) -> Iterator[Service]:
    with Service(world) as service:
        yield service


@pytest.fixture(scope="module")
def site(world: Scenario) -> Iterator[str]:
    with served(world) as address:
        yield address


def page_of(service: Service, query: str = "") -> str:
    answer = service.ask(f"/status{query}", accept="text/html")
    assert answer.status_code == 200
    assert len(answer.content) <= KIB_200
    return answer.text


def names(page: str) -> list[str]:
    """The services of its rows."""
    return re.findall(r'href="/services/([^"]+)"', page)


def test_thirty_services_fit_on_a_screen(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/status")
        bottoms = page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.getBoundingClientRect().bottom)")
        assert sum(bottom <= 900 for bottom in bottoms) >= 30
        assert page.locator(".dense td", has_text="1.0").first.evaluate("cell => cell.offsetHeight") <= 24


def test_nothing_moves_while_a_page_loads(browser: Browser, site: str) -> None:
    for width in (1280, 390):
        with tab(browser, site, width=width) as page:
            page.add_init_script(
                "window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach(one => window.moved += "
                "one.value)).observe({type: 'layout-shift', buffered: true})"
            )
            page.goto("/status")
            page.get_by_text("live", exact=True).wait_for()
            assert page.evaluate("window.moved") < 0.05


def test_a_page_has_at_most_200_services_and_the_next_one_the_rest(service: Service) -> None:
    first = page_of(service)
    assert names(first)[:2] == ["svc-000", "svc-001"]
    assert "260 services, page 1 of 2" in first
    (address,) = set(re.findall(r'<a href="([^"]*pageNumber[^"]*)">Next</a>', first))
    rest = page_of(service, unescape(address).removeprefix("/status"))
    assert names(first) + names(rest) == [f"svc-{number:03}" for number in range(SERVICES)]
    assert names(page_of(service, "?pageNumber=99")) == names(rest)


def test_a_page_that_says_all_is_small_too(service: Service) -> None:
    assert 1 < len(names(page_of(service, "?view=comfortable"))) < 100


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?match=svc-01", [f"svc-{number:03}" for number in range(10, 20)]),
        ("?match=0RC.1", []),
        ("?match=RC.1%2Bbuild+009", ["svc-009"]),
        ("?match=payments+tier%3Dweb", ["svc-042"]),
        ("?match=payments+9.9", []),
        ("?team=Payments", ["svc-042"]),
        ("?label=tier:web", ["svc-007", "svc-042"]),
        ("?label=tier&team=Payments", ["svc-042"]),
        ("?label=tier:gold", []),
        ("?service=svc-250", ["svc-250"]),
        ("?service=-25", [f"svc-{number}" for number in range(250, 260)]),
        ("?show=trouble", ["svc-007"]),
        ("?show=held", ["svc-250"]),
        ("?show=drift&match=svc-250", []),
        ("?environment=mars", []),
        ("?service=nothing", []),
    ],
)
def test_a_filter_narrows_and_one_that_matches_nothing_is_an_empty_list(
    service: Service, query: str, found: list[str]
) -> None:
    page = page_of(service, query)
    assert names(page) == found
    assert ("No service matches." in page) == (found == [])
    assert 'aria-label="Filter"' in page


def test_services_are_grouped_and_a_closed_group_is_a_line(service: Service) -> None:
    page = page_of(service, "?group=team")
    assert names(page)[:4] == ["svc-007", "svc-042", "svc-000", "svc-001"]
    assert groups(page) == [("true", "Ads, Growth", "1"), ("true", "Payments", "1"), ("true", "none", "258")]
    (close,) = re.findall(r'href="/status([^"]+)" aria-expanded="true">Ads, Growth<', page)
    page = page_of(service, unescape(close))
    assert names(page)[:2] == ["svc-042", "svc-000"]
    assert groups(page)[0] == ("false", "Ads, Growth", "1")
    (close,) = re.findall(r'href="/status([^"]+)" aria-expanded="true">none<', page)
    page = page_of(service, unescape(close))
    assert names(page) == ["svc-042"]
    (reopen,) = re.findall(r'href="/status([^"]+)" aria-expanded="false">Ads, Growth<', page)
    assert names(page_of(service, unescape(reopen))) == ["svc-007", "svc-042"]
    assert groups(page_of(service, "?group=label:tier"))[0] == ("true", "web", "2")
    assert service.ask("/status?group=colour").status_code == 400


def groups(page: str) -> list[tuple[str, str, str]]:
    """Whether it is open, its name, and how many services it has."""
    return re.findall(r'aria-expanded="(\w+)">([^<]+)</a> <span class="muted">(\d+)<', page)


def test_json_is_of_a_team_or_a_label(service: Service) -> None:
    found = service.get("/api/status?team=Payments&label=tier:web&environment=dev")["lanes"]
    assert [one["service"] for one in found] == ["svc-042"]
    assert service.refusal("/api/status?team=Paymnets") == (
        404,
        "no service is of team Paymnets; did you mean Payments?",
    )
    assert service.refusal("/api/status?label=tier:wbe")[0] == 404


def test_a_column_leads_to_the_page_of_its_environment(service: Service) -> None:
    head = page_of(service).partition("</thead>")[0]
    assert re.findall(r'<th scope="col"><a href="([^"]+)"', head) == [f"/environments/{name}" for name in ENVIRONMENTS]


def test_a_part_of_an_environments_name_chooses_columns(service: Service) -> None:
    for part, found in (("prod", ["prod"]), ("PRO", ["preprod", "prod"])):
        head = page_of(service, f"?environment={part}").partition("</thead>")[0]
        assert re.findall(r'<th scope="col"><a [^>]*>([a-z]+)</a>', head) == found


def test_orders_put_the_worst_or_the_latest_first(service: Service) -> None:
    assert names(page_of(service, "?sort=trouble"))[:2] == ["svc-007", "svc-250"]
    assert names(page_of(service, "?sort=name"))[0] == "svc-000"
    assert service.ask("/status?sort=colour").status_code == 400


def test_a_hold_over_an_environment_stands_once_over_its_column(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/status")
        assert page.get_by_text("frozen", exact=True).count() == 3  # and in the legend, and on phones
        assert page.locator("thead").get_by_text("frozen", exact=True).is_visible()
        assert page.locator("tr", has_text="svc-007").locator("td").first.get_attribute("class") == "bad"
        assert page.locator("thead th", has_text="dev").locator(".behind").get_attribute("title") == (
            "1 of 260 lanes is not up to date"
        )


def test_a_second_page_of_an_unchanged_matrix_reads_no_lanes(service: Service, world: Scenario) -> None:
    page_of(service)
    asked: list[str] = []

    def note(*given: object) -> None:
        asked.append(str(given[2]))

    sa.event.listen(world.engine, "before_cursor_execute", note)
    try:
        page_of(service, "?pageNumber=1&sort=trouble")
    finally:
        sa.event.remove(world.engine, "before_cursor_execute", note)
    assert [statement for statement in asked if "current_version" in statement] == []


def test_a_long_version_is_cut_in_the_middle_and_copied_whole(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/status?match=svc-009")
        dev, prod = page.locator("td b").first, page.locator("td b").last
        assert (dev.text_content(), prod.text_content()) == (LONG, LIKE_IT)
        shown = [_shown(page, place) for place in (0, 4)]
        assert shown[0] != shown[1]
        assert max(len(text) for text in shown) < 20
        assert LONG in str(page.locator("td a").first.get_attribute("title"))
        looks = page.locator("tbody td").evaluate_all("cells => cells.map(cell => cell.className)")
        assert looks == ["w0", "w0", "w0", "w0", "w1 last"]


def _shown(page: Page, place: int) -> str:
    return str(page.locator("td b").nth(place).evaluate("b => [...b.childNodes].map(n => n.data || '…').join('')"))


def test_details_come_by_hover_and_focus_and_go_by_escape(browser: Browser, site: str) -> None:
    with tab(browser, site) as page:
        page.goto("/status?match=svc-007")
        card = page.get_by_role("tooltip")
        page.locator("td a").first.hover()
        card.get_by_text("failed", exact=True).wait_for()
        page.keyboard.press("Escape")
        card.wait_for(state="detached")
        page.get_by_role("link", name="svc-007", exact=True).focus()
        page.mouse.move(5, 5)
        page.keyboard.press("Tab")
        card.get_by_text("failed", exact=True).wait_for()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_row_opens_and_the_filters_stay(browser: Browser, site: str, *, scripts: bool) -> None:
    with tab(browser, site, java_script_enabled=scripts) as page:
        page.goto("/status?match=svc-00&sort=trouble")
        page.get_by_role("button", name="Details of svc-007").click()
        page.wait_for_url("**/status?*open=svc-007")
        row = page.locator("tr.opened")
        assert row.get_by_text("failed", exact=True).is_visible()
        assert page.locator("tbody tr").count() == 10
        page.get_by_role("button", name="Details of svc-007").click()
        page.locator("tr.opened").wait_for(state="detached")
        assert page.locator("tbody tr").count() == 10


def test_on_a_telephone_trouble_is_first_and_a_service_is_a_line(browser: Browser, site: str) -> None:
    with tab(browser, site, width=390, java_script_enabled=False) as page:
        page.goto("/status")
        look = page.get_by_role("region", name="Needs a look")
        assert "svc-007 → dev" in look.inner_text()
        rows = page.locator("tbody tr")
        heights = rows.evaluate_all("rows => rows.map(row => row.offsetHeight)")
        assert max(heights) <= 44
        assert look.bounding_box()["y"] < rows.first.bounding_box()["y"]  # type: ignore[index]


def test_versions_that_would_look_alike_are_cut_where_they_do_not_differ() -> None:
    def looks(*versions: str) -> list[str]:
        parts = cut(versions, 12)
        assert ["".join(text for text, _ in parts[version]) for version in versions] == list(versions)
        return ["".join(text if shown else "…" for text, shown in parts[version]) for version in versions]

    assert looks("1.0", "main-20261122-9fceb02") == ["1.0", "main…9fceb02"]
    assert looks("名" * 8) == ["名名…名名名"]
    assert looks("1.0-rc.1.aaaaaaaaaaaa", "1.0-rc.2.aaaaaaaaaaaa") == ["1.….1.aaaaa…", "1.….2.aaaaa…"]
    assert len(set(looks(LONG, LIKE_IT, f"{LONG}.1", f"{LONG}.2"))) == 4
