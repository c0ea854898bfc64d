"""`POST /events`: programs publish facts, CDEvents and CloudEvents by HTTP."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent
from httpx2 import Response

from deploydb.broker.open import open_inbound
from deploydb.broker.port import Receipt
from deploydb.broker.topology import INGEST_QUEUE
from deploydb.gateway.publishing import Publisher
from tests.gateway.given import ALICE, JENKINS, Gateway, gateway, story
from tests.wire.cdevents import BECOMES, CONFORMANCE, conformance, published, suite_finished
from tests.wire.eiffel import created
from tests.wire.eiffel import published as eiffel_published
from tests.workers.traces import Spans

ARTIFACT = {"artifact": {"group": "com.example", "name": "foo", "version": "2.0"}}
FACT = {"type": "artifact.published", "id": "1", "source": "ci", **ARTIFACT}
JSON = "application/json"
BATCH = "application/cloudevents-batch+json"


def send(
    asked: Gateway,
    content: bytes,
    content_type: str = JSON,
    token: str | None = JENKINS,
    lines: Mapping[str, str] | None = None,
    **headers: str,
) -> Response:
    known = {"authorization": f"Bearer {token}"} if token is not None else {}
    sent = {"content_type": content_type, "prefer": "wait=0", **known, **headers}
    return asked.ask("/events", content=content, lines=tuple((lines or {}).items()), **sent)


def body(fact: Any) -> bytes:
    return json.dumps(fact).encode()


def error(answer: Response) -> str:
    message: str = answer.json()["message"]
    return message


def test_a_fact_is_published_as_it_came(asked: Gateway) -> None:
    answer = send(asked, body(FACT | {"build": 881}))
    assert answer.status_code == 202
    known = {"type": "artifact.published", "id": "1", "source": "ci", "stored": False}
    assert {name: answer.json()[name] for name in known} == known
    assert asked.received() == [FACT | {"build": 881}]


def test_an_event_is_published_in_the_trace_of_its_request(asked: Gateway) -> None:
    place = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "ci=7"}
    send(asked, body(FACT), lines=place)
    send(asked, body(FACT))
    with open_inbound(asked.broker_url, INGEST_QUEUE, name="tests") as inbound:
        first, second = inbound.receive(2, timedelta(seconds=1))
    assert {name: first.headers.get(name) for name in place} == place
    assert not place.keys() & second.headers.keys()


def test_a_span_is_of_a_request_to_a_path_by_somebody(sqlite_url: str, embedded_url: str) -> None:
    spans = Spans()
    with story(sqlite_url) as world, gateway(world, embedded_url, tracer=spans.tracer) as asked:
        assert send(asked, body(FACT), token=None).status_code == 401
        assert asked.ask("/nowhere", content=b"", authorization=f"Bearer {JENKINS}").status_code == 404
        assert asked.ask("/events", method="SURPRISE", authorization=f"Bearer {JENKINS}").status_code == 405
        assert send(asked, body(FACT)).status_code == 202
    assert [(span.name, dict(span.attributes or {})) for span in spans.all()] == [
        ("HTTP", {"http.request.method": "_OTHER", "http.route": "/events", "http.response.status_code": 405}),
        ("POST", {"http.request.method": "POST", "http.route": "/events", "http.response.status_code": 202}),
    ]


def test_the_answer_waits_for_the_log(asked: Gateway) -> None:
    send(asked, body(FACT))
    assert asked.ingest("artifact.%") == 1
    again = send(asked, body(FACT), prefer="wait=1")
    assert (again.status_code, again.json()["stored"]) == (201, True)


def test_another_event_with_the_id_of_one_is_not_taken(asked: Gateway) -> None:
    fact = FACT | {"source": "jenkins"}
    other = fact | {"artifact": ARTIFACT["artifact"] | {"commit": "9fceb02"}}
    send(asked, body(fact))
    asked.ingest("artifact.%")
    answer = send(asked, body(other), prefer="wait=1")
    assert answer.status_code == 422
    assert "1 of jenkins is another event already, which stands: send this one with an id of its own" in error(answer)
    answer = send(asked, body([other, fact, fact | {"time": "2026-11-22T12:00:00Z"}]), prefer="wait=1")
    assert answer.status_code == 207
    assert [one.get("path") for one in answer.json()["events"]] == ["$.id", None, None], "a later time is a repetition"
    assert asked.metric("deploydb_gateway_events_total", result="rejected") == 2


def test_a_cdevent_is_answered_as_the_fact_that_it_is(asked: Gateway) -> None:
    answer = send(asked, published("a-1", "2.0"))
    assert (answer.status_code, answer.json()["type"]) == (202, "artifact.published")
    assert asked.received() == [json.loads(published("a-1", "2.0"))]


def test_an_eiffel_event_is_answered_as_what_it_is_alone(asked: Gateway) -> None:
    answer = send(asked, created("a-1", "2.0"))
    known = {"type": "event.unused", "id": "a-1", "source": "eiffel", "stored": False}
    assert (answer.status_code, {name: answer.json()[name] for name in known}) == (202, known)
    assert send(asked, eiffel_published("p-1", "a-1")).status_code == 202
    assert [one["meta"]["id"] for one in asked.received()] == ["a-1", "p-1"]


@pytest.mark.skipif(not CONFORMANCE, reason="the samples are not beside this clone")
def test_every_conformance_file_is_taken(asked: Gateway) -> None:
    answer = send(asked, body([json.loads(conformance(name)) for name in BECOMES]))
    assert answer.status_code == 202
    assert [one["id"] for one in answer.json()["events"]] == list(BECOMES)
    assert len(asked.received()) == 45


def test_cloudevents_are_taken_in_each_mode(asked: Gateway) -> None:
    for mode, write in (("structured", to_structured), ("binary", to_binary)):
        headers, content = write(CloudEvent({"type": "artifact.published", "source": "/ci", "id": mode}, ARTIFACT))
        kind = headers.pop("content-type", JSON)
        answer = send(asked, content, kind, lines=headers)
        assert (answer.status_code, answer.json()["id"]) == (202, mode)
    events = [{"specversion": "1.0", "type": "x.y", "source": "/ci", "id": str(number)} for number in range(3)]
    answer = send(asked, body(events), BATCH)
    assert answer.status_code == 202
    assert [one["type"] for one in answer.json()["events"]] == ["event.unused"] * 3
    assert len(asked.received()) == 5


def test_of_several_the_good_are_taken_and_the_bad_are_named(asked: Gateway) -> None:
    bad = {name: value for name, value in FACT.items() if name != "artifact"}
    answer = send(asked, body([FACT, bad, json.loads(suite_finished("t-1", "dev", "great")), FACT | {"id": "2"}]))
    assert answer.status_code == 207
    events = answer.json()["events"]
    assert [(one["index"], "error" in one) for one in events] == [(0, False), (1, True), (2, True), (3, False)]
    assert [one["path"] for one in events if "path" in one] == ["$.artifact", "$.subject.content.outcome"]
    assert [one["id"] for one in asked.received()] == ["1", "2"]
    assert send(asked, body([bad])).status_code == 422


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b"{", 400, "not JSON"),
        (b"", 400, "empty"),
        (b"[1,", 400, "no JSON array"),
        (b"[]", 422, "send from 1 to 500"),
        (body([FACT] * 501), 422, "has 501 events"),
        (body(FACT | {"artifact": {"group": "g", "name": "n"}}), 422, "$.artifact.version"),
        (body(FACT | {"id": "1␟ci"}), 422, "$.id: ␟ is reserved: leave it out of the id"),
        (published("a␟b", "2.0"), 422, "$.context.id: ␟ is reserved"),
        (body(FACT | {"source": "gateway/alice"}), 422, "$.source"),
        (body(FACT | {"source": "deployer/default"}), 422, "$.source"),
        (body(FACT | {"source": "deploydb/verify"}), 422, "$.source"),
        (body(FACT | {"source": "hooks/github"}), 422, "$.source"),
        (body(FACT | {"source": "v1@10.0.0.5"}), 422, "$.source"),
        (
            body({"type": "hold.placed", "id": "1", "source": "s", "kind": "freeze", "by": "ann"}),
            422,
            "order of a person",
        ),
    ],
)
def test_what_is_not_taken_says_why(asked: Gateway, content: bytes, status: int, message: str) -> None:
    answer = send(asked, content)
    assert (answer.status_code, message in error(answer)) == (status, True), error(answer)
    assert asked.received() == []


def test_only_a_token_that_may_write_publishes(asked: Gateway) -> None:
    assert send(asked, body(FACT), token=None).status_code == 401
    assert send(asked, body(FACT), token=ALICE).status_code == 403
    assert send(asked, b"x", "text/plain").status_code == 415
    assert asked.received() == []


def test_without_a_confirm_the_program_is_to_send_it_again(asked: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Receipt(message_id="1", state="refused", detail="the queue is full")
    monkeypatch.setattr(Publisher, "_publish", lambda *_: [full])
    answer = send(asked, body([FACT]))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "each event counts once" in error(answer)
