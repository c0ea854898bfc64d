"""Pages as programs see them: the same answer as JSON, errors, headers."""

import json
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from tests.pages.given import EVIL, VERSION, world_of_pages
from tests.query.client import Service
from tests.scenario import Scenario

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("addresses") / "deploydb.db")
    with world_of_pages(f"sqlite:///{path}") as world, Service(world) as service:
        service.problems.append(f"services/foo.yml:3:5: {EVIL} is not known")
        yield service


@pytest.mark.parametrize(
    ("page", "resource"),
    [
        ("/why/search/prod.json", "/api/why/search/prod"),
        ("/audit.json?type=hold.placed", "/api/events?type=hold.placed"),
        ("/operations.json", "/api/operations"),
        ("/blame.json?environment=prod&hours=100", "/api/blame?environment=prod&hours=100"),
        ("/diff.json?from=dev&to=prod", "/api/diff?from=dev&to=prod"),
        ("/diff.json", "/api/diff?from=staging&to=prod"),
        ("/dora.json?window=90d", "/api/dora?window=90d"),
        ("/where.json?what=9fceb02", "/api/where/9fceb02"),
    ],
)
def test_a_page_is_also_json_at_its_address(service: Service, page: str, resource: str) -> None:
    assert service.ask(page).content == service.ask(resource).content


@pytest.mark.parametrize("page", ["/services/search", "/environments/staging", "/flows/2", "/artifacts/2", "/status"])
def test_a_page_of_several_answers_is_json_too(service: Service, page: str) -> None:
    assert VERSION in json.dumps(service.get(f"{page}.json"), ensure_ascii=False)


@pytest.mark.parametrize(
    ("page", "command"),
    [
        ("/status?service=search", "deploydb status --service search"),
        ("/services/search", "deploydb service describe search"),
        ("/environments/prod", "deploydb environment describe prod"),
        ("/flows/2", "deploydb flow show 2"),
        ("/why/search/prod?version=1.0", "deploydb why search prod 1.0"),
        ("/artifacts/2", "deploydb artifact show 2"),
        ("/audit?type=hold.placed", "deploydb events --type hold.placed"),
        ("/operations", "deploydb doctor"),
        ("/blame?environment=prod&hours=2", "deploydb blame prod --hours 2"),
        ("/diff?from=dev&to=prod&service=search", "deploydb diff dev prod --service search"),
        ("/dora?service=search&window=90d", "deploydb dora --service search --window 90d"),
        ("/where?what=9fceb02", "deploydb where 9fceb02"),
        ("/search?q=search+prod", "deploydb search &#39;search prod&#39;"),
    ],
)
def test_a_page_says_which_command_gives_the_same_answer(service: Service, page: str, command: str) -> None:
    shown = re.sub(r'<span class="whole">(-[^<]*)</span>', r"\1", service.ask(page).text)
    assert f"<code>{command}</code>" in shown


def test_home_is_the_inbox(service: Service) -> None:
    answer = service.ask("/", **BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (307, "/inbox")


def test_a_deployment_is_reported_with_its_flow_and_one_made_by_hand_with_its_lane(service: Service) -> None:
    answer = service.ask("/deployments/7")
    assert (answer.status_code, answer.headers["location"]) == (303, "/flows/2#deployment-7")
    by_hand = next(one for one in service.get("/api/deployments") if one["artifact"]["version"] == "0.0")
    answer = service.ask(f"/deployments/{by_hand['id']}")
    assert answer.headers["location"] == "/why/%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E/prod?version=0.0"
    assert service.ask("/deployments/4711").status_code == 404


def test_empty_fields_are_taken_out_of_the_address(service: Service) -> None:
    answer = service.ask("/status?service=&environment=prod&at=2026-11-22T12%3A00&known_at=")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/status?environment=prod&at=2026-11-22T12%3A00Z",
    )


def test_what_only_looks_like_a_time_is_left_as_it_is(service: Service) -> None:
    assert service.ask("/why/search/prod?version=2026-11-22T12:00").status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nowhere", 404, "there is no /nowhere; did you mean /where?"),
        ("/services/nothing", 404, "there is no service nothing"),
        ("/environments/mars", 404, "there is no environment mars"),
        ("/flows/x", 400, "x is not the id of flow"),
        ("/flows/4711", 404, "there is no flow 4711"),
        ("/why/search/mars", 404, "there is no environment mars"),
        ("/artifacts/4711", 404, "there is no artifact 4711"),
        ("/status?at=yesterday", 400, "at=yesterday is not a time with its offset"),
        ("/where?what=abc", 404, "nothing is known by abc"),
        ("/diff?from=mars", 404, "there is no environment mars"),
        ("/blame?hours=0", 400, "hours=0 is not from 1 to"),
        ("/services/search?days=0", 400, "days=0 is not from 1 to 3650"),
    ],
)
def test_an_error_is_a_page_for_people_and_json_for_programs(
    service: Service, path: str, status: int, words: str
) -> None:
    page = service.ask(path, **BROWSER)
    assert page.status_code == status
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert words in page.text
    assert 'href="/status"' in page.text
    code, message = service.refusal(path)
    assert code == status
    assert message in unescape(page.text)


def test_a_database_that_is_away_is_a_page_too(tmp_path: Path) -> None:
    with Scenario(f"sqlite:///{tmp_path}/nowhere/deploydb.db") as world, Service(world) as service:
        page = service.ask("/services/foo", **BROWSER)
        assert page.status_code == 503
        assert page.headers["retry-after"] == "1"
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "the database cannot be asked at the moment: try again" in page.text
        assert service.refusal("/services/foo")[0] == 503


def test_the_interface_for_programs_answers_browsers_in_json_too(service: Service) -> None:
    assert service.refusal("/api/flows/4711", **BROWSER) == (404, "there is no flow 4711")


def test_a_page_may_load_nothing_from_elsewhere_and_run_nothing_of_its_own(service: Service) -> None:
    answer = service.ask("/status")
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["cache-control"] == "no-store"
    assert re.findall(r"<script(?! defer src=\"/static/)", answer.text) == []
    assert " style=" not in answer.text
    assert re.findall(r"\son[a-z]+=\"", answer.text) == []


def test_what_pages_bring_along_is_kept_for_ever_and_has_its_licence(service: Service) -> None:
    addresses = re.findall(r'"(/static/[^"]+)"', service.ask("/status").text)
    assert len(addresses) == 10
    for address in addresses:
        answer = service.ask(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert service.ask("/static/page.css").headers["cache-control"] == "no-cache"
    assert "Zero-Clause BSD" in service.ask("/static/htmx-2.0.11.LICENSE").text
    assert "BSD Zero Clause" in service.ask("/static/htmx-ext-sse-2.2.4.LICENSE").text
    assert service.ask("/static/..%2Fpages%2Fpage.py").status_code == 404


def test_a_form_has_a_secret_that_only_this_browser_knows(service: Service) -> None:
    first = service.ask("/sign-in?next=/flows/2")
    cookie = first.headers["set-cookie"]
    name, _, secret = cookie.partition(";")[0].partition("=")
    assert name == "deploydb_form"
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {"httponly", "path=/", "samesite=strict"}
    assert f'name="form" value="{secret}"' in first.text
    assert 'name="next" value="/flows/2"' in first.text
    second = service.ask("/sign-in", cookie=f"deploydb_form={secret}")
    assert f'value="{secret}"' in second.text
    assert "set-cookie" not in second.headers


@pytest.mark.parametrize("onward", ["https://example.com/", "//example.com/", "/\\example.com", "javascript:alert(1)"])
def test_signing_in_leads_nowhere_else(service: Service, onward: str) -> None:
    assert 'name="next" value="/inbox"' in service.ask(f"/sign-in?next={onward}").text


def test_an_address_that_a_fact_brings_is_a_link_only_where_it_leads_to_the_web(service: Service) -> None:
    page = service.ask("/flows/4").text
    assert "javascript:alert(1)" in page
    assert 'href="javascript' not in page
