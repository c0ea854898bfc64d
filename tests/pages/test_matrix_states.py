"""The states of lanes are decided once: the matrix, its list for phones, environments, the inbox and `where` agree."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.pages.browser import tab
from tests.pages.conftest import fresh_file
from tests.pages.given import NAME, served, world_of_pages
from tests.query.client import Service
from tests.scenario import Scenario


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    with world_of_pages(fresh_file(sqlite_template, tmp_path_factory)) as world:
        yield world


@pytest.fixture(scope="module")
def service(world: Scenario) -> Iterator[Service]:
    with Service(world) as service:
        yield service


@pytest.fixture(scope="module")
def site(world: Scenario) -> Iterator[str]:
    with served(world) as address:
        yield address


def page_of(service: Service, path: str) -> str:
    answer = service.ask(path, accept="text/html")
    assert answer.status_code == 200
    return answer.text


def shown(service: Service, state: str) -> list[str]:
    """The services with a lane in a state."""
    table = page_of(service, f"/status?show={state}").partition("<tbody>")[2]
    return re.findall(r'href="/services/([^"]+)"', table)


def cell(page: str, service: str, environment: str) -> tuple[str, str]:
    """The classes and the title of a cell."""
    found = re.search(rf'<td(?: class="([^"]*)")?[^>]*><a href="/why/{service}/{environment}" title="([^"]*)"', page)
    assert found is not None
    return found[1] or "", found[2]


def looked_at(page: str) -> list[tuple[str, str]]:
    """The lanes that need a look, each with its version and text."""
    rows = re.findall(r"<li class=\"[^\"]*\"><a [^>]*>(.*?)</a>(.*?)</li>", page, re.DOTALL)
    plain = [[re.sub(r"<(?:span|svg|use|/|p|i|b)[^>]*>", "", part) for part in row] for row in rows]
    return [(unescape(lane), unescape(" ".join(text.split()))) for lane, text in plain]


def test_what_will_not_come_is_shown_so_and_waits_nowhere(service: Service) -> None:
    matrix = page_of(service, "/status")
    _, title = cell(matrix, "payments", "qa")
    assert title == "will not come 2.0: failed in dev: its orchestrator gave no reason"
    assert "payments" not in shown(service, "waiting")
    behind = re.findall(r'/environments/(\w+)">[^<]*</a> <span class="behind"[^>]*>(\d+)', matrix)
    assert dict(behind) == {"dev": "2", "qa": "1", "staging": "1", "prod": "2"}
    for path in ("/environments/qa", "/status?view=comfortable", "/services/payments"):
        page = page_of(service, path)
        assert re.search(
            r"will not come</span>\s<span><a class=\"version\" href=\"/why/payments/qa\?version=2.0\"", page
        )
        assert ">failed in dev: its orchestrator gave no reason, <time" in page


def test_a_vetoed_version_that_runs_is_trouble_everywhere(service: Service) -> None:
    matrix = page_of(service, "/status")
    looks, title = cell(matrix, "search", "prod")
    assert "bad" in looks.split()
    assert title.startswith("1.0 is vetoed by dave: breaks ranking")
    assert "search" in shown(service, "trouble")
    assert dict(looked_at(matrix))["search → prod"].startswith("runs 1.0 1.0 is vetoed by dave: breaks ranking")
    (entry,) = service.get("/api/inbox?kind=vetoed")["entries"]
    assert (entry["service"], entry["environment"], entry["version"]) == ("search", "prod", "1.0")
    assert entry["text"] == "it runs, and 1.0 is vetoed by dave: breaks ranking"
    (found,) = service.get("/api/where/com.example:search:1.0")["artifacts"]
    vetoes = {one["environment"]: one.get("veto") for one in found["places"]}
    assert vetoes["prod"] == "1.0 is vetoed by dave: breaks ranking"
    assert vetoes["dev"] is None
    assert 'title="1.0 is vetoed by dave: breaks ranking"' in page_of(service, "/where?what=com.example:search:1.0")


def test_what_waits_for_people_needs_a_look(service: Service) -> None:
    assert shown(service, "approval") == ["search"]
    assert dict(looked_at(page_of(service, "/status")))["search → staging"].endswith("waits for 1 approval")


def test_the_cause_stands_before_what_waits_for_it(service: Service) -> None:
    text = dict(looked_at(page_of(service, "/status")))[f"{NAME} → prod"]
    assert text.startswith("runs 0.0 completed; drift: 0.2 expected; pinned to 0.2 by ")


def test_on_a_telephone_the_list_says_of_which_environment_it_is_with_its_holds(browser: Browser, site: str) -> None:
    with tab(browser, site, width=390) as page:
        page.goto("/status")
        note = page.locator("p.phone")
        assert " ".join(note.inner_text().split()) == "Of each service its last environment: prod frozen"
    with tab(browser, site) as page:
        page.goto("/status")
        assert not page.locator("p.phone").is_visible()


def test_the_legend_has_the_marks_of_the_page_alone(service: Service) -> None:
    legend = page_of(service, "/status?match=payments").partition('<ul class="legend">')[2].partition("</ul>")[0]
    words = re.findall(r'<span class="state [^"]*">(?:<svg.*?</svg>)?([^<]+)</span>', legend)
    assert words == ["failed", "will not come", "frozen"]
    assert "completed</span>: deployed, not verified yet" in page_of(service, "/status")


def test_only_filters_are_cleared_and_the_view_stays(service: Service) -> None:
    assert ">Clear</a>" not in page_of(service, "/status?view=comfortable")
    page = page_of(service, "/status?view=comfortable&match=search&show=trouble")
    assert '<a href="/status?view=comfortable">Clear</a>' in page
