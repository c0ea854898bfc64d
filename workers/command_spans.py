"""The spans of commands that a deployer runs, and what its programs and reports carry of them."""

from msgspec.structs import replace

from deploydb.broker.port import Delivery, Message
from deploydb.domain.model.commands import DeployCommand
from deploydb.domain.model.trace import TraceContext, trace_of
from deploydb.tracing import Attributes, Span, Tracer, deploying, messaging


def about(command: DeployCommand) -> dict[str, str | int]:
    """The attributes of a command's deployment."""
    return deploying(
        service=command.service,
        environment=command.environment,
        version=command.artifact.version,
        deployment=command.deployment,
        flow=command.flow,
    )


def begin_command(tracer: Tracer, queue: str, command: DeployCommand, delivery: Delivery) -> Span:
    """The span of a command off a queue. One that is part of no trace begins none."""
    parent = trace_of(delivery.headers)
    if parent is None:
        return Span(None)
    return tracer.begin(
        f"process {queue}", "consumer", parent, messaging("process", queue, command.id) | about(command)
    )


class CommandSpans:
    """Those of the commands in hand, by their ids."""

    def __init__(self, tracer: Tracer, queue: str) -> None:
        self._tracer = tracer
        self._queue = queue
        self._spans: dict[str, Span] = {}

    def begin(self, command: DeployCommand, delivery: Delivery) -> None:
        """Begin the span of a run."""
        self._spans[command.id] = begin_command(self._tracer, self._queue, command, delivery)

    def variables(self, command: str) -> dict[str, str]:
        """The environment variables of a program, by OpenTelemetry's rule for them."""
        place = self._place(command)
        return {name.upper(): value for name, value in place.headers().items()} if place is not None else {}

    def placed(self, message: Message, command: str) -> Message:
        """A report of a command, in its trace."""
        place = self._place(command)
        return replace(message, headers=place.headers()) if place is not None else message

    def end(self, command: str, *, succeeded: bool) -> None:
        """End the span of a run. Its place is kept for the report."""
        result: Attributes = {"cicd.pipeline.task.run.result": "success" if succeeded else "failure"}
        self._spans[command].end(result, error=None if succeeded else "failure")

    def forget(self, command: str) -> None:
        """Forget a command that is reported."""
        self._spans.pop(command, None)

    def _place(self, command: str) -> TraceContext | None:
        span = self._spans.get(command)
        return span.context if span is not None else None
