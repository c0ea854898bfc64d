"""What is configured, listed for people and for programs; one environment; and what `curl` is answered."""

import re
from collections.abc import Iterator
from datetime import UTC, time, timedelta

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.calendar.window import Window
from deploydb.domain.gates.window import WindowPromotion
from deploydb.domain.model.catalog import Incomplete
from deploydb.domain.model.catalog import Service as Configured
from deploydb.domain.model.service_metadata import ServiceMetadata
from tests.query.client import Service
from tests.scenario import Scenario, catalog

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
HOURS = WindowPromotion(ident="hours", description="By day.", zone="UTC", allow=(Window(start=time(9), end=time(17)),))
BAR = Configured(ident="bar", description="Bars.", metadata=ServiceMetadata(team="Shop", labels={"tier": "gold"}))


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    foo = catalog().services["foo"]
    known = catalog(foo, BAR, promotions=(HOURS,), entry={"prod": ("hours",)})
    known.incomplete["new"] = Incomplete(service=Configured(ident="new"), lacks=("pipeline main",))
    with Scenario(database_url, known) as world:
        yield world


def test_services_are_a_list_for_programs_and_a_page_for_people(world: Scenario, service: Service) -> None:
    found = service.get("/services")
    assert found == service.get("/services.json")
    assert [one["service"] for one in found["services"]] == ["bar", "foo", "new"]
    assert found["services"][0] == {
        "service": "bar",
        "description": "Bars.",
        "team": "Shop",
        "labels": {"tier": "gold"},
        "artifacts": [],
        "environments": [],
        "lacks": [],
    }
    assert found["services"][2]["lacks"] == ["pipeline main"]
    page = service.ask("/services", **BROWSER)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for text in ('href="/services/foo"', "takes no releases: lacks pipeline main", "<code>tier=gold</code>"):
        assert text in page.text


def test_services_come_in_pages(world: Scenario, service: Service) -> None:
    world.catalog = catalog(*(replace(BAR, ident=f"s{number:03}") for number in range(450)))
    for page, count, more in ((0, 200, True), (1, 200, True), (2, 50, False), (3, 0, False)):
        found = service.get(f"/services?pageNumber={page}")
        assert (len(found["services"]), found["more"]) == (count, more)
    assert 'href="?pageNumber=2"' in service.ask("/services?pageNumber=1", **BROWSER).text
    assert (
        'href="?perPageSize=5&amp;pageNumber=2"' in service.ask("/services?perPageSize=5&pageNumber=1", **BROWSER).text
    )
    assert service.refusal("/services?pageNumber=x")[0] == 400


def test_an_environment_of_an_unchanged_matrix_reads_no_lanes(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    dev = service.get("/environments/dev.json")
    read: list[str] = []

    def note(*given: object) -> None:
        read.append(str(given[2]))

    sa.event.listen(world.engine, "before_cursor_execute", note)
    try:
        prod = service.get("/environments/prod.json")
    finally:
        sa.event.remove(world.engine, "before_cursor_execute", note)
    assert [one["environment"] for one in (*dev["lanes"], *prod["lanes"])] == ["dev", "prod"]
    assert read
    assert [statement for statement in read if "current_version" in statement] == []


def test_environments_are_listed_in_the_order_of_releases(world: Scenario, service: Service) -> None:
    expected = [(name, 1) for name in ("dev", "prod")]
    found = service.get("/environments")["environments"]
    assert [(one["environment"], one["services"]) for one in found] == expected
    assert 'href="/environments/dev"' in service.ask("/environments", **BROWSER).text


def test_an_environment_has_what_runs_changes_holds_and_windows(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    world.tell("hold.placed", kind="freeze", environment="prod", by="carol", reason="holidays")
    world.evaluate(minutes=1)
    dev, prod = service.get("/environments/dev.json"), service.get("/environments/prod.json")
    assert [one["running"][0]["version"] for one in dev["lanes"]] == ["1.0"]
    assert [one["kind"] for one in dev["changes"]] == ["deployed"]
    assert (dev["holds"], dev["windows"], dev["entry"]) == ([], [], [])
    assert [(one["kind"], one["by"]) for one in prod["holds"]] == [("freeze", "carol")]
    window = {"promotion": "hours", "description": "By day.", "open": True, "until": "2026-11-22T17:00:00+00:00"}
    assert (prod["entry"], prod["windows"]) == (["hours"], [window])
    assert [one["kind"] for one in prod["changes"]] == ["held"]
    page = service.ask("/environments/prod").text
    assert re.search("open</span> until <[^>]*>2026-11-22 17:00:00 UTC<", page)
    world.now = world.now.astimezone(UTC) + timedelta(hours=8)
    page = service.ask("/environments/prod").text
    assert re.search("closed</span> until <[^>]*>2026-11-23 09:00:00 UTC<", page)


def test_services_are_counted_found_by_words_and_have_their_worst_state(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy("failed")
    for words, found in (("tier=gold shop", ["bar"]), ("BARS", ["bar"]), ("nothing", [])):
        assert [one["service"] for one in service.get(f"/services?match={words}")["services"]] == found
    assert [service.get("/services?perPageSize=2&pageNumber=1")[name] for name in ("total", "first")] == [3, 3]
    assert "3 services, 1 to 2, by name" in service.ask("/services?perPageSize=2", **BROWSER).text
    page = service.ask("/services", **BROWSER).text
    assert re.search(r'href="/status\?service=foo"><span class="state bad">.*?trouble</span>', page)
    assert "/status?service=bar" not in page
    assert "No service matches." in service.ask("/services?match=nothing", **BROWSER).text


def test_a_freeze_is_seen_in_the_list_of_environments(world: Scenario, service: Service) -> None:
    assert ">Holds<" not in service.ask("/environments", **BROWSER).text
    assert ">Description<" not in service.ask("/environments", **BROWSER).text
    world.tell("hold.placed", kind="freeze", environment="prod", by="carol", reason="holidays")
    world.tell("hold.placed", kind="pin", service="foo", environment="dev", version="1.0", by="carol", reason="x")
    world.evaluate(minutes=1)
    dev, prod = service.get("/environments")["environments"]
    assert (dev["holds"], [one["kind"] for one in prod["holds"]]) == ([], ["freeze"])
    assert "frozen</span>" in service.ask("/environments", **BROWSER).text


def test_holds_of_an_environment_say_of_which_service(world: Scenario, service: Service) -> None:
    world.tell("hold.placed", kind="pin", service="foo", environment="prod", version="1.0", by="carol", reason="slow")
    world.evaluate(minutes=1)
    page = service.ask("/environments/prod", **BROWSER).text
    assert re.search(r'<a href="/services/foo">foo</a>: <span[^>]*>pinned to 1.0 by carol: slow', page)
    assert re.search(r'class="lane-name"><span class="state wait">.*?foo pinned</span>', page)
    assert "SUMMARY:foo in prod: pinned to 1.0 by carol: slow" in service.ask("/environments/prod.ics").text


def test_the_services_of_an_environment_are_counted_and_found(world: Scenario, service: Service) -> None:
    foo = catalog().services["foo"]
    names = [f"s{number:03}" for number in range(250)]
    world.catalog = catalog(*(replace(foo, ident=name, artifacts=(f"com.example:{name}",)) for name in names))
    page = service.ask("/environments/dev", **BROWSER).text
    assert "250 services, 1 to 200" in page
    idents = re.findall(r' id="([^"]+)"', page)
    assert len(set(idents)) == len(idents)
    assert [page.count(f'name="{name}"') for name in ("q", "match")] == [1, 1]
    assert "On its way, and what stands over it" not in page
    assert "250 services, 201 to 250" in service.ask("/environments/dev?pageNumber=1", **BROWSER).text
    found = service.get("/environments/dev.json?match=S24")
    assert [one["service"] for one in found["lanes"]] == [f"s24{number}" for number in range(10)]
    assert (found["total"], found["more"]) == (10, False)
    assert "No service matches." in service.ask("/environments/dev?match=nothing", **BROWSER).text


def test_curl_gets_the_addresses_of_answers(world: Scenario, service: Service) -> None:
    answer = service.ask("/", accept="*/*", host="deploydb.example.com")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert "DEPLOYDB_URL=http://deploydb.example.com deploydb status" in answer.text
    found = service.ask("/", accept="application/json").json()
    assert found["service"] == "deploydb"
    for address in found["addresses"]:
        assert address in answer.text
        real = address.replace("SERVICE", "foo").replace("ENVIRONMENT", "dev").replace("COMMIT", "1.0")
        assert service.ask(real).status_code in (200, 404), address
    assert service.ask("/", **BROWSER).headers["location"] == "/inbox"
