"""Traces: from an event through ingest, decision, command and orchestrator back; with OpenTelemetry and without."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import StatusCode

from deploydb.broker.open import open_inbound, open_outbound
from deploydb.broker.port import Delivery, Message, Outbound, Receipt
from deploydb.broker.topology import command_queue
from deploydb.domain.model.commands import DeployCommand
from deploydb.domain.model.errors import Misconfigured, Transient
from deploydb.otel_tracer import OpenTelemetryTracer
from deploydb.store.record import record
from deploydb.store.tables import event
from deploydb.telemetry import open_log
from deploydb.tracing import NO_TRACER, open_tracer
from deploydb.wire.native import decode_command
from tests.cluster import ROOT, write_config
from tests.scenario import Scenario
from tests.web import Web, web
from tests.workers.in_process import CONFIG, InProcess, fact, published, until
from tests.workers.traces import OTHER, PARENT, TRACE, Spans, parent_id, span_id, trace_id
from workers.ingest_spans import IngestSpans


@pytest.fixture
def spans(workshop: InProcess) -> Iterator[Spans]:
    """Those of the workers of the workshop."""
    made = Spans()
    workshop.tracer = made.tracer
    yield made
    made.tracer.close()


def taken(workshop: InProcess) -> tuple[DeployCommand, Delivery]:
    """The next command off the queue, acked, as an orchestrator gets it."""

    def look() -> Delivery | None:
        with open_inbound(workshop.settings.broker_url, command_queue("default"), name="tests") as inbound:
            deliveries = inbound.receive(1, timedelta(seconds=1))
            inbound.ack(deliveries)
            return next(iter(deliveries), None)

    delivery = until(look, "a command")
    return decode_command(delivery.body), delivery


def finished(command: DeployCommand, id_: str, **fields: str) -> bytes:
    return fact("deployment.finished", id_, command=command.id, outcome="succeeded", **fields)


def test_one_trace_leads_from_the_event_to_the_end_of_each_deployment(workshop: InProcess, spans: Spans) -> None:
    workshop.start("ingest", "promote", "relay")
    workshop.publish(published("1.0"), headers={"traceparent": PARENT, "tracestate": "ci=7"})
    dev, delivery = taken(workshop)
    sent = spans.message("send deploydb.commands", dev.id)
    assert delivery.headers == {"traceparent": f"00-{TRACE}-{span_id(sent)}-01", "tracestate": "ci=7"}
    workshop.publish(finished(dev, "echoed"), headers=delivery.headers)
    prod, _ = taken(workshop)
    workshop.publish(finished(prod, "silent"))
    last = spans.of_deployment("decide succeeded", prod.deployment)

    arrived = spans.event("foo-1.0")
    assert parent_id(arrived) == "b7ad6b7169203331"
    decided = spans.of_deployment("decide deploy", dev.deployment)
    assert parent_id(decided) == span_id(arrived)
    assert parent_id(sent) == span_id(decided)
    back = spans.event("echoed")
    assert parent_id(back) == span_id(sent)
    assert parent_id(spans.of_deployment("decide succeeded", dev.deployment)) == span_id(back)
    commanded = spans.of_deployment("decide deploy", prod.deployment)
    assert parent_id(commanded) == span_id(arrived)
    silent = spans.event("silent")
    assert parent_id(silent) == span_id(commanded)
    assert parent_id(last) == span_id(silent)
    assert {trace_id(span) for span in spans.all()} == {TRACE}
    assert dict(decided.attributes or {}) == {
        "cicd.pipeline.name": "foo",
        "cicd.pipeline.run.id": str(dev.flow),
        "cicd.pipeline.task.name": "dev",
        "cicd.pipeline.task.run.id": str(dev.deployment),
        "cicd.pipeline.task.type": "deploy",
        "deployment.environment.name": "dev",
        "deployment.id": str(dev.deployment),
        "deployment.name": "foo 1.0",
    }
    assert dict(sent.attributes or {}) == {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "send",
        "messaging.operation.name": "send",
        "messaging.destination.name": "deploydb.commands",
        "messaging.rabbitmq.destination.routing_key": "dev.foo.deploy",
        "messaging.message.id": dev.id,
    }


def test_an_event_without_a_trace_begins_one_and_a_report_of_another_is_linked(
    workshop: InProcess, spans: Spans
) -> None:
    workshop.start("ingest", "promote", "relay")
    workshop.publish(published("1.0"), headers={"traceparent": "00-not-a-trace-01"})
    arrived = spans.event("foo-1.0")
    assert parent_id(arrived) is None
    command, _ = taken(workshop)
    workshop.publish(finished(command, "other"), headers={"traceparent": OTHER})
    report = spans.event("other")
    assert trace_id(report) == trace_id(arrived)
    assert parent_id(report) == span_id(spans.of_deployment("decide deploy", command.deployment))
    assert [f"{link.context.trace_id:032x}" for link in report.links] == [OTHER[3:35]]


def test_without_opentelemetry_the_place_is_passed_on_and_no_part_of_the_event(workshop: InProcess) -> None:
    workshop.start("ingest", "promote", "relay")
    workshop.publish(published("1.0"), headers={"traceparent": PARENT})
    command, delivery = taken(workshop)
    assert delivery.headers == {"traceparent": PARENT}
    workshop.publish(published("1.0"), headers={"traceparent": OTHER})
    workshop.publish(finished(command, "silent"))
    stored = sa.select(event.c.id, event.c.traceparent).where(event.c.source == "tests").order_by(event.c.number)
    rows = until(lambda: seen if len(seen := workshop.rows(stored)) == 2 else None, "the report")
    assert [tuple(row) for row in rows] == [("foo-1.0", PARENT), ("silent", None)]
    prod, second = taken(workshop)
    assert second.headers == {"traceparent": PARENT}
    workshop.publish(finished(prod, "lost"), headers={"traceparent": f"{PARENT}0", "tracestate": "x" * 600})
    rows = until(lambda: seen if len(seen := workshop.rows(stored)) == 3 else None, "the last report")
    assert rows[-1].traceparent is None


def test_spans_of_messages_that_are_not_confirmed_or_not_recorded_have_an_error(
    workshop: InProcess, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[str] = []

    def opened(url: str, *, name: str) -> Outbound:
        outbound = open_outbound(url, name=name)
        publish = outbound.publish

        def publish_later(messages: Sequence[Message]) -> list[Receipt]:
            if name == "relay" and messages and not lost:
                lost.extend(message.headers["traceparent"] for message in messages)
                raise Transient("lost")
            return publish(messages)

        monkeypatch.setattr(outbound, "publish", publish_later)
        return outbound

    monkeypatch.setattr("workers.__main__.open_outbound", opened)
    workshop.start("ingest", "promote", "relay")
    workshop.publish(b"{}", headers={"traceparent": PARENT})
    refused = spans.one("process deploydb.ingest")
    assert (trace_id(refused), refused.status.status_code) == (TRACE, StatusCode.ERROR)
    assert refused.status.description
    workshop.publish(published("1.0"), headers={"traceparent": PARENT})
    _, delivery = taken(workshop)
    until(lambda: len([one for one in spans.all() if one.name == "send deploydb.commands"]) == 2, "both attempts")
    first, second = (one for one in spans.all() if one.name == "send deploydb.commands")
    assert lost == [f"00-{TRACE}-{span_id(first)}-01"]
    assert delivery.headers["traceparent"] == f"00-{TRACE}-{span_id(second)}-01"
    assert [one.status.description for one in (first, second)] == ["unconfirmed", None]


def test_each_span_of_an_event_that_is_recorded_again_ends(sqlite_url: str) -> None:
    spans = Spans()
    of_ingest = IngestSpans(spans.tracer)
    with Scenario(sqlite_url) as world:
        for _ in range(2):
            record(world.engine, [world.arrival(published("1.0"))], world.now, traced=of_ingest.traced)
        of_ingest.end()
        (row,) = (one for one in world.rows(event) if one.id == "foo-1.0")
    first, second = spans.all()
    assert row.traceparent.split("-")[1:3] == [trace_id(first), span_id(first)]
    assert [one.status.description for one in (first, second)] == ["done again", None]


def test_a_webhook_is_called_in_the_trace_of_its_deployment(workshop: InProcess, spans: Spans) -> None:
    with web() as receiver:
        receiver.reply("/chat", 200)
        hook = f"url: {receiver.url}/chat\ntypes: [deployment.succeeded]\n"
        write_config(workshop.config, CONFIG | {"webhook/chat.yml": hook})
        workshop.settings = replace(workshop.settings, outgoing_allow="127.0.0.1")
        workshop.provision()
        workshop.start("ingest", "promote", "relay", "notify")
        workshop.publish(published("1.0"), headers={"traceparent": PARENT})
        command, _ = taken(workshop)
        workshop.publish(finished(command, "f"))
        headers = until(lambda: called(receiver), "the call")
    call = spans.one("POST")
    assert headers["traceparent"] == f"00-{TRACE}-{span_id(call)}-01"
    assert parent_id(call) == span_id(spans.one("process deploydb.notify"))
    assert parent_id(spans.one("process deploydb.notify")) == span_id(spans.one("send deploydb.notifications"))


def called(receiver: Web) -> dict[str, str] | None:
    return next((dict(headers) for _, path, _, headers in list(receiver.asked) if path == "/chat"), None)


def test_no_process_imports_opentelemetry_without_a_wish_for_it() -> None:
    code = (
        "import sys, os; import workers.__main__, workers.web, workers.deployer_process, deploydb.cli;"
        "from deploydb.tracing import open_tracer, NO_TRACER;"
        "assert open_tracer('ingest', {}, None) is NO_TRACER;"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


@pytest.mark.parametrize(
    "environ",
    [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}],
)
def test_spans_are_made_where_opentelemetry_is_configured(environ: dict[str, str]) -> None:
    log = open_log("info", name="tests")
    assert open_tracer("ingest", environ, log) is NO_TRACER


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"OTEL_TRACES_EXPORTER": "nowhere"}, "OTEL_TRACES_EXPORTER: no exporter 'nowhere' is installed"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon"}, "OTEL_EXPORTER_OTLP_PROTOCOL: no exporter 'otlp of pigeon' is"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "otel:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is no http or https address"),
        (
            {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5000"},
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE or .*: max_export_batch",
        ),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "OTEL_BSP_MAX_QUEUE_SIZE, .*: max_queue_size must be"),
        ({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "x"}, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT must be"),
    ],
)
def test_a_wrong_variable_is_named(environ: dict[str, str], problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ({"OTEL_TRACES_EXPORTER": "otlp"} | environ).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured, match=problem):
        open_tracer("ingest", os.environ, open_log("info", name="tests"))


def test_spans_that_are_not_exported_at_the_end_are_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploydb.otel_tracer._CLOSE_WITHIN_SECONDS", 0.01)
    stream, answers, provider = io.StringIO(), threading.Event(), TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(provider, "shutdown", answers.wait)
    OpenTelemetryTracer(provider, open_log("info", name="tests", stream=stream)).close()
    answers.set()
    assert json.loads(stream.getvalue())["event"] == "the last spans are not exported"


def test_the_console_exporter_writes_the_spans_of_a_process() -> None:
    code = (
        "import os; from deploydb.telemetry import open_log; from deploydb.tracing import open_tracer;"
        "tracer = open_tracer('relay', os.environ, open_log('info', name='relay'));"
        "tracer.begin('send', 'producer', None).end(); tracer.close()"
    )
    environ = {"OTEL_TRACES_EXPORTER": "console", "OTEL_RESOURCE_ATTRIBUTES": "team=infra"}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    span = json.loads(ended.stdout)
    assert (span["name"], span["parent_id"]) == ("send", None)
    attributes = span["resource"]["attributes"]
    assert (attributes["service.name"], attributes["team"]) == ("deploydb-relay", "infra")
