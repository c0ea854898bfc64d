"""Traces: from an event through ingest, decision, command and orchestrator back; with OpenTelemetry and without."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.broker.open import open_inbound
from deploydb.broker.port import Delivery
from deploydb.broker.topology import command_queue
from deploydb.domain.model.commands import DeployCommand
from deploydb.domain.model.errors import Misconfigured
from deploydb.store.tables import event
from deploydb.telemetry import open_log
from deploydb.tracing import NO_TRACER, open_tracer
from deploydb.wire.native import decode_command
from tests.cluster import ROOT, write_config
from tests.web import Web, web
from tests.workers.in_process import CONFIG, InProcess, fact, published, until
from tests.workers.traces import OTHER, PARENT, TRACE, Spans, parent_id, span_id, trace_id


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


def test_an_exporter_that_is_not_installed_is_named() -> None:
    with pytest.raises(Misconfigured, match="OTEL_TRACES_EXPORTER: no exporter 'nowhere' is installed"):
        open_tracer("ingest", {"OTEL_TRACES_EXPORTER": "nowhere"}, open_log("info", name="tests"))


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
