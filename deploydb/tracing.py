"""Spans: what the processes do with a message, for OpenTelemetry where it is installed and wanted.

Without it a span is nothing, and the context of a message is passed on as it is.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Literal

from deploydb.domain.model.trace import TraceContext
from deploydb.telemetry import Log

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int]

WANTED_BY = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Variables of OpenTelemetry. With one of them spans are exported; else each process would look for a collector."""


class Span:
    """A step. `context`: what messages that it leads to carry; None where nothing is traced. A span that is not ended
    is not exported."""

    def __init__(self, context: TraceContext | None) -> None:
        self.context = context

    def end(self, attributes: Attributes | None = None, *, error: str | None = None) -> None:
        """End it now. `error`: what it failed with."""


class Tracer:
    """Begins spans that are nothing."""

    is_on = False
    """Whether spans are made."""

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: TraceContext | None,
        attributes: Attributes | None = None,
        links: Sequence[TraceContext] = (),
    ) -> Span:
        """A span that begins now: of its parent's trace, or of a new one."""
        del name, kind, attributes, links
        return Span(parent)

    def close(self) -> None:
        """Export what has ended. Never raises, and takes two seconds at most: a warning where they are not enough."""


NO_TRACER = Tracer()


def open_tracer(name: str, environ: Mapping[str, str], log: Log) -> Tracer:
    """The tracer of the process `name`, by the `OTEL_…` variables. Raises: Misconfigured for a wrong one."""
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if off or not any(environ.get(variable) for variable in WANTED_BY):
        return NO_TRACER
    try:
        made: Tracer = import_module("deploydb.otel_tracer").of_environment(name, environ, log)
    except ImportError as error:
        log.warning("no traces: install deploydb[otel]", problem=str(error))
        return NO_TRACER
    return made


def messaging(operation: Literal["send", "process"], destination: str, message_id: str | None) -> dict[str, str | int]:
    """The attributes of a message, by OpenTelemetry's conventions for messaging."""
    about: dict[str, str | int] = {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": destination,
    }
    return about if message_id is None else {**about, "messaging.message.id": message_id}


def deploying(
    *, service: str, environment: str, version: str, deployment: int, flow: int | None
) -> dict[str, str | int]:
    """The attributes of a deployment, by OpenTelemetry's conventions for CI/CD: a service's pipeline is run by a flow,
    and a stage is a task of it."""
    about: dict[str, str | int] = {
        "cicd.pipeline.name": service,
        "cicd.pipeline.task.name": environment,
        "cicd.pipeline.task.type": "deploy",
        "cicd.pipeline.task.run.id": str(deployment),
        "deployment.environment.name": environment,
        "deployment.id": str(deployment),
        "deployment.name": f"{service} {version}",
    }
    return about if flow is None else {**about, "cicd.pipeline.run.id": str(flow)}
