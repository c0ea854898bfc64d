"""CloudEvents in, as the SDK writes them."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent

from deploydb.domain.model import facts
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import EventUnused
from deploydb.wire.formats import read
from deploydb.wire.native import encode_fact
from deploydb.wire.reading import Reading
from tests.wire.cdevents import published

ARRIVAL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ATTRIBUTES = {"id": "e-1", "source": "/ci", "time": "2026-11-22T11:00:00Z"}
ARTIFACT = {"artifact": {"group": "com.example", "name": "foo", "version": "1"}}
FACT = {"type": "artifact.published", "id": "1", "source": "ci", **ARTIFACT}
PREFIXES = ["ce-", "ce_", "cloudEvents:", "cloudEvents_"]


def event(kind: str, data: Any, **more: str) -> CloudEvent:
    return CloudEvent({"type": kind, **ATTRIBUTES, **more}, data)


def structured(sent: CloudEvent) -> Reading:
    headers, body = to_structured(sent)
    return read(body, content_type=headers["content-type"], headers={}, arrived_at=ARRIVAL)


def binary(sent: CloudEvent, prefix: str = "ce-") -> Reading:
    headers, body = to_binary(sent)
    renamed = {name.replace("ce-", prefix, 1): value for name, value in headers.items()}
    return read(body, content_type="application/json", headers=renamed, arrived_at=ARRIVAL)


@pytest.mark.parametrize("mode", [structured, binary])
def test_a_cdevent_inside_is_the_event(mode: Any) -> None:
    data = json.loads(published("cd-1", "1.0"))
    reading = mode(event("dev.cdevents.artifact.published.0.2.0", data))
    assert isinstance(reading.fact, facts.ArtifactPublished)
    assert (reading.fact.id, reading.fact.source, reading.fact.artifact.version) == ("cd-1", "/ci", "1.0")
    assert b'"original"' in reading.body


@pytest.mark.parametrize("mode", [structured, binary])
def test_a_fact_inside_is_the_event_with_its_own_bytes(mode: Any) -> None:
    reading = mode(event("artifact.published", FACT))
    assert (reading.fact.id, reading.fact.source) == ("1", "ci")
    assert json.loads(reading.body) == FACT


@pytest.mark.parametrize("kind", ["artifact.published", "dev.deploydb.artifact.published"])
@pytest.mark.parametrize("mode", [structured, binary])
def test_the_attributes_are_the_fields_that_the_data_does_not_have(mode: Any, kind: str) -> None:
    fact = mode(event(kind, ARTIFACT)).fact
    assert isinstance(fact, facts.ArtifactPublished)
    assert (fact.id, fact.source, fact.time) == ("e-1", "/ci", datetime(2026, 11, 22, 11, tzinfo=UTC))


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_headers_of_the_binary_mode_have_any_known_prefix(prefix: str) -> None:
    assert binary(event("artifact.published", ARTIFACT), prefix).fact.id == "e-1"


@pytest.mark.parametrize("mode", [structured, binary])
def test_another_event_is_kept_as_unused(mode: Any) -> None:
    reading = mode(event("com.example.order", {"order": 7}))
    assert isinstance(reading.fact, EventUnused)
    assert (reading.fact.kind, reading.fact.id) == ("com.example.order", "e-1")
    kept = json.loads(reading.body)["original"]
    found = kept["body"]["data"] if mode is structured else kept["body"]
    assert found == {"order": 7}


def test_data_that_is_no_json_is_kept_as_base64() -> None:
    reading = read(
        b"\xff\0",
        content_type="image/png",
        headers={"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "a.b"},
        arrived_at=ARRIVAL,
    )
    assert json.loads(reading.body)["original"]["body_base64"] == b64encode(b"\xff\0").decode()


def test_data_may_be_in_base64() -> None:
    body = {"specversion": "1.0", "type": "artifact.published", **ATTRIBUTES}
    body["data_base64"] = b64encode(json.dumps(ARTIFACT).encode()).decode()
    reading = read(json.dumps(body).encode(), content_type="application/cloudevents+json", arrived_at=ARRIVAL)
    assert isinstance(reading.fact, facts.ArtifactPublished)


def test_an_order_inside_has_no_unknown_field() -> None:
    freeze = {"kind": "freeze", "by": "ann", "utnil": "2027-01-01T00:00:00Z"}
    with pytest.raises(MessageRejected) as raised:
        structured(event("hold.placed", freeze))
    assert raised.value.path == "$.data.utnil"


@pytest.mark.parametrize(
    ("change", "path", "problem"),
    [
        ({"specversion": "0.3"}, "$.specversion", "send CloudEvents 1.0"),
        ({"source": None}, "$.source", ""),
        ({"time": "yesterday"}, "$.time", ""),
        ({"data": {"artifact": {"group": "g", "name": "n"}}}, "$.data.artifact.version", "missing"),
        ({"type": "dev.cdevents.build.started.0.1.0"}, "$.data", "is no CDEvent"),
        ({"data_base64": "%"}, "$.data_base64", "no base64"),
    ],
)
def test_what_cannot_be_taken_names_its_field(change: dict[str, Any], path: str, problem: str) -> None:
    body = {"specversion": "1.0", "type": "artifact.published", **ATTRIBUTES, "data": ARTIFACT} | change
    with pytest.raises(MessageRejected) as raised:
        read(json.dumps(body).encode(), content_type="application/cloudevents+json", arrived_at=ARRIVAL)
    assert raised.value.path == path
    assert problem in raised.value.reason


def test_a_field_without_a_value_leaves_the_attribute_and_an_error_shows_what_was_sent() -> None:
    body = {"specversion": "1.0", "type": "artifact.published", **ATTRIBUTES, "data": {**ARTIFACT, "id": None}}
    read(json.dumps(body).encode(), content_type="application/cloudevents+json", arrived_at=ARRIVAL)
    given = {"type": "deployment.finished", "command": "c", "outcome": "nope"}
    with pytest.raises(MessageRejected) as raised:
        read(
            json.dumps(body | {"data": given}).encode(), content_type="application/cloudevents+json", arrived_at=ARRIVAL
        )
    assert "Raw object" not in raised.value.reason


def test_a_missing_header_is_named() -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-type": "a"}
    with pytest.raises(MessageRejected) as raised:
        read(b"{}", headers=headers, arrived_at=ARRIVAL)
    assert raised.value.path == "headers.ce-source"


def test_a_fact_with_other_headers_is_a_fact() -> None:
    assert isinstance(FACT, dict)
    fact = read(json.dumps(FACT).encode(), headers={"ce-id": "x", "trace": "y"}, arrived_at=ARRIVAL).fact
    assert json.loads(encode_fact(fact))["id"] == "1"
