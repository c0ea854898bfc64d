"""The log by who, what and when; as JSON lines and as a table."""

import csv
import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from tests.query.client import Service
from tests.scenario import NOON, Scenario

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def logged_events(world: Scenario) -> None:
    """1.0 at noon, a hold by alice at one, one by bob at two, which alice lifts at three."""
    world.publish("1.0")
    world.evaluate()
    for kind, by in (("placed", "alice"), ("placed", "bob"), ("lifted", "alice")):
        world.now += HOUR
        scope = {"environment": "prod"} if by == "bob" or kind == "lifted" else {}
        world.tell(f"hold.{kind}", kind="freeze", by=by, reason="sale", **scope)
        world.evaluate()


def types(service: Service, query: str) -> list[str]:
    return [event["type"] for event in service.get(f"/api/events?{query}")["events"]]


def test_of_a_person(service: Service) -> None:
    assert types(service, "who=alice") == ["hold.lifted", "hold.placed"]
    assert types(service, "who=bob") == ["hold.placed"]


@pytest.mark.parametrize("path", ["/api/events", "/api/events.jsonl", "/api/events.csv"])
@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("type=hold.place", "there is no type hold.place of events; did you mean hold.placed?"),
        ("who=alise", "no group and no event has the person alise; did you mean alice?"),
        ("service=fo", "there is no service fo; did you mean foo?"),
    ],
)
def test_a_filter_that_names_nothing_is_refused_with_the_nearest_name(
    service: Service, path: str, query: str, why: str
) -> None:
    assert service.refusal(f"{path}?{query}") == (404, why)
    page = unescape(service.ask(f"/audit?{query}", accept="text/html").text)
    assert f"No event matches: {why}." in page


def test_a_filter_that_names_something_may_find_nothing(service: Service) -> None:
    assert types(service, "type=incident.detected") == []
    assert types(service, f"type=hold.placed&since={quote((NOON + 9 * HOUR).isoformat())}") == []
    assert service.ask("/api/events.csv?type=incident.detected").text.splitlines()[1:] == []


def test_of_a_time_of_recording(service: Service) -> None:
    one, two = (quote((NOON + hours * HOUR).isoformat()) for hours in (1, 2))
    assert types(service, f"since={one}&until={two}&source=tests") == ["hold.placed", "hold.placed"]
    assert types(service, f"since={two}&who=alice") == ["hold.lifted"]
    assert types(service, f"until={quote((NOON - HOUR).isoformat())}") == []
    assert types(service, f"until={quote(NOON.isoformat())}")[-1] == "artifact.published"


def test_pages_have_no_numbers(service: Service) -> None:
    code, message = service.refusal("/api/events?pageNumber=1")
    assert (code, "before" in message) == (400, True)
    assert len(types(service, "pageNumber=0&perPageSize=2")) == 2


def test_all_of_it_as_json_lines_is_what_the_pages_say(service: Service) -> None:
    answer = service.ask("/api/events.jsonl")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines: list[dict[str, Any]] = [json.loads(line) for line in answer.text.splitlines()]
    assert lines == service.get("/api/events?perPageSize=1000")["events"]
    filtered = service.ask("/api/events.jsonl?who=bob").text.splitlines()
    assert [json.loads(line)["type"] for line in filtered] == ["hold.placed"]


def test_what_makes_no_sense_is_refused_before_anything_is_sent(service: Service) -> None:
    assert service.refusal("/api/events.jsonl?since=soon")[0] == 400


def test_all_of_it_as_a_table_is_what_the_pages_say(world: Scenario, service: Service) -> None:
    world.tell("hold.placed", kind="pause", service="foo", by="=cmd", reason='+1, "quoted"')
    answer = service.ask("/api/events.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="deploydb-events.csv"'
    rows = list(csv.DictReader(answer.text.splitlines()))
    expected = service.get("/api/events?perPageSize=1000")["events"]
    assert [json.loads(row["body"]) for row in rows] == [event["body"] for event in expected]
    for row, event in zip(rows, expected, strict=True):
        assert row["number"] == str(event["number"])
        assert row["reason"] == event.get("reason", {}).get("text", "")
    assert [row["type"] for row in csv.DictReader(service.ask("/api/events.csv?who=bob").text.splitlines())] == [
        "hold.placed"
    ]


@pytest.mark.parametrize("first", ["=", "+", "-", "@"])
def test_a_spreadsheet_calculates_nothing(embedded: Service, first: str) -> None:
    embedded.world.tell("hold.placed", kind="pause", service="foo", by=f"{first}cmd", reason="lunch")
    row, *_ = csv.DictReader(embedded.ask("/api/events.csv").text.splitlines())
    assert row["who"] == f"'{first}cmd"


def test_the_page_leads_to_each_event_and_to_its_json(embedded: Service) -> None:
    embedded.world.publish("1.0")
    embedded.world.evaluate()
    types = ("service.evaluated", "flow.opened")
    for type_ in types:
        number = embedded.get(f"/api/events?type={type_}")["events"][0]["number"]
        page = embedded.ask(f"/audit?type={type_}", accept="text/html").text
        itself, as_json = (
            unescape(found[1])
            for word in (f"Event {number}", "JSON")
            if (found := re.search(f'<a href="([^"]+)">{word}</a>', page))
        )
        assert itself.endswith(f"#event-{number}")
        assert f'id="event-{number}"' in embedded.ask(itself, accept="text/html").text
        assert [one["number"] for one in embedded.get(as_json)["events"]] == [number]
