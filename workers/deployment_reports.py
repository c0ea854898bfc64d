"""What a deployer says of a command: that it has begun, and how it ended. The ids come from the command's, so that
saying it again changes nothing."""

from datetime import datetime

from deploydb.broker.port import Delivery, Message
from deploydb.broker.topology import EVENTS
from deploydb.domain.model.commands import DeployCommand
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import DeploymentFinished, DeploymentStarted
from deploydb.wire.native import FACT_CONTENT_TYPE, decode_command, encode_fact, oversized

from .subprocess_runner import Ended


def reportable(delivery: Delivery, source: str, now: datetime) -> DeployCommand:
    """The command of a delivery. Raises: Refused, also where its facts could not be published under its id."""
    if delivery.cut_from is not None:
        raise oversized(delivery.cut_from)
    command = decode_command(delivery.body)
    if problem := started(command.id, source, now).unsendable:
        raise MessageRejected(f"no fact can be published about it: {problem}", path="$.id")
    return command


def about(command: DeployCommand) -> dict[str, str]:
    """A command, as the log has it."""
    return {
        "type": command.type,
        "service": command.service,
        "environment": command.environment,
        "version": command.artifact.version,
        "command": command.id,
    }


def started(command: str, source: str, now: datetime) -> Message:
    """The message that says that a run begins."""
    fact = DeploymentStarted(id=f"{command}/started", source=source, time=now, command=command)
    return _message(fact.id, encode_fact(fact), "deployment.started")


def finished(command: str, source: str, ended: Ended, now: datetime) -> bytes:
    """The fact that says how a command ended, to be kept until it is confirmed, and after."""
    return encode_fact(
        DeploymentFinished(
            id=f"{command}/finished",
            source=source,
            time=now,
            command=command,
            outcome="succeeded" if ended.succeeded else "failed",
            reason=ended.reason or None,
        )
    )


def end(command: str, fact: bytes) -> Message:
    """The message of a `finished` fact."""
    return _message(f"{command}/finished", fact, "deployment.finished")


def _message(ident: str, body: bytes, kind: str) -> Message:
    return Message(exchange=EVENTS, routing_key=kind, body=body, message_id=ident, content_type=FACT_CONTENT_TYPE)
