"""The messages of the broker as documents, made from the topology and from the types of the messages.

`document`: AsyncAPI 3.0, with every exchange and queue as a channel. `message_schemas`: JSON Schema alone, for
validators. Both describe what is sent and taken; unknown fields are ignored, in orders of people refused.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from deploydb import __version__
from deploydb.broker.topology import (
    COMMANDS,
    DEAD,
    DEAD_QUEUE,
    EVENTS,
    INGEST_QUEUE,
    NOTIFICATIONS,
    NOTIFY_QUEUE,
    command_queue,
    topology,
)
from deploydb.domain.model.commands import NO_NAME, WHEN, DeployCommand, Notification
from deploydb.domain.model.facts import fact_types, type_of
from deploydb.domain.notification_examples import example_of
from deploydb.domain.unsafe_characters import NAME, PORTABLE_NAME
from deploydb.wire.cloudevents import STRUCTURED
from deploydb.wire.native import COMMAND_CONTENT_TYPE, FACT_CONTENT_TYPE, NOTIFICATION_CONTENT_TYPE

Json = dict[str, Any]
_COMMAND_TYPES = ("deploy", "rollback")
_PARTS = {
    "type": "The type of the message.",
    "environment": "The ident of the environment.",
    "service": "The ident of the service.",
    "key": "Any routing key; DeployDB's own publishers write the type of the fact.",
    "queue": "The queue in which the message died.",
    "orchestrator": "The orchestrator that an environment names; `default` where it names none.",
}
_BINDING = {"bindingVersion": "0.3.0"}


def document() -> Json:
    """The AsyncAPI document. The same release gives the same one, key for key."""
    schemas, references = _schemas("#/components/schemas/{name}")
    facts = {type_of(kind): _fact(kind.__doc__, type_of(kind), references[type_of(kind)]) for kind in fact_types()}
    events = facts | {"cloudevent": _CLOUD_EVENT, "cdevent": _CDEVENT}
    commands = {f"command.{name}": _command(name, references["command"]) for name in _COMMAND_TYPES}
    notifications = {f"notification.{name}": _notification(name, references["notification"]) for name in WHEN}
    lane = ("environment", "service", "type")
    nothing = f" `{NO_NAME}` stands for what a notification does not name."
    channels = {
        "events": _exchange(EVENTS, "{key}", "Facts, from every publisher.", events, ("key",)),
        "commands": _exchange(COMMANDS, "{environment}.{service}.{type}", "Commands, of the relay.", commands, lane),
        "notifications": _exchange(
            NOTIFICATIONS,
            "{type}.{environment}.{service}",
            f"Changes of state, for every queue that is bound.{nothing}",
            notifications,
            ("type", "environment", "service"),
        ),
        "dead": _exchange(DEAD, "{queue}", "Messages that could not be processed.", {}, ("queue",)),
        "ingest-queue": _queue(INGEST_QUEUE, "The facts for ingest.", events),
        "orchestrator-queue": _queue(
            command_queue("{orchestrator}"), "The commands for one orchestrator.", commands, ("orchestrator",)
        ),
        "notify-queue": _queue(NOTIFY_QUEUE, "The notifications for webhooks.", notifications),
        "dead-queue": _queue(DEAD_QUEUE, "Dead letters, for `deploydb dead`.", {}),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "DeployDB",
            "version": __version__,
            "description": "Facts come in, commands and notifications go out. Each message has an id: a consumer that "
            "has seen it does nothing. Messages are persistent, exchanges and queues durable.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            "take-facts": _operation("receive", "ingest-queue", "Ingest writes each fact into the log, once."),
            "send-commands": _operation("send", "commands", "Promotion decides, and the relay sends."),
            "send-notifications": _operation("send", "notifications", "The relay sends what a transaction has added."),
            "call-webhooks": _operation("receive", "notify-queue", "Notify calls the configured webhooks."),
            "bury": _operation("send", "dead", "What cannot be processed is kept with the reason in its headers."),
        },
        "components": {"messages": events | commands | notifications, "schemas": schemas},
    }


def message_schemas() -> Json:
    """A JSON Schema (2020-12) with a definition for each message: `#/$defs/artifact.published`, `#/$defs/command`,
    `#/$defs/notification`. Every message fits the whole."""
    schemas, references = _schemas("#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "DeployDB messages",
        "description": "One message. #/$defs has the fields of each type of fact, of commands and of notifications.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in references],
        "$defs": dict(sorted((schemas | references).items())),
    }


def _schemas(template: str) -> tuple[Json, dict[str, Json]]:
    """The schemas of all types by their names, and the reference of each kind of message."""
    kinds: dict[str, Any] = {type_of(kind): kind for kind in fact_types()}
    kinds |= {"command": DeployCommand, "notification": Notification}
    found, schemas = msgspec.json.schema_components(kinds.values(), ref_template=template)
    described = {name: _tidied(schema) for name, schema in sorted(schemas.items())}
    return described, dict(zip(kinds, found, strict=True))


def _tidied(schema: Any) -> Any:  # noqa: ANN401  # any JSON
    """Descriptions on one line, and patterns in the dialect of JSON Schema."""
    match schema:
        case {"pattern": str(pattern)} if pattern == NAME:
            return schema | {"pattern": PORTABLE_NAME}
        case {"description": str(text)}:
            rest = {name: _tidied(value) for name, value in schema.items() if name != "description"}
            return {"description": " ".join(text.split())} | rest
        case dict():
            return {name: _tidied(value) for name, value in schema.items()}
        case list():
            return [_tidied(member) for member in schema]
        case _:
            return schema


def _exchange(name: str, address: str, about: str, messages: Iterable[str], parts: Iterable[str]) -> Json:
    exchange = {"name": name, "type": "topic", "durable": True, "autoDelete": False}
    return _channel(address, about, messages, parts, {"is": "routingKey", "exchange": exchange})


def _queue(name: str, about: str, messages: Iterable[str], parts: Iterable[str] = ()) -> Json:
    queue = {"name": name, "durable": True, "exclusive": False, "autoDelete": False}
    declared = next((one for one in topology({"{orchestrator}": ()}, notifies=True).queues if one.name == name), None)
    if declared is None:
        raise LookupError(f"the topology has no queue {name}")
    channel = _channel(name, about, messages, parts, {"is": "queue", "queue": queue})
    return channel | {"x-arguments": declared.arguments}


def _channel(address: str, about: str, messages: Iterable[str], parts: Iterable[str], amqp: Json) -> Json:
    return {
        "address": address,
        "description": about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "parameters": {name: {"description": _PARTS[name]} for name in parts},
        "bindings": {"amqp": amqp | _BINDING},
    }


def _operation(action: str, channel: str, about: str) -> Json:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "description": about}


def _fact(about: str | None, name: str, reference: Json) -> Json:
    return _message(name, " ".join((about or "").split()), FACT_CONTENT_TYPE, reference)


def _command(name: str, reference: Json) -> Json:
    about = {"deploy": "Put a version into an environment.", "rollback": "Put back what ran before."}[name]
    return _message(f"command.{name}", about, COMMAND_CONTENT_TYPE, _of_type(reference, name))


def _notification(name: Any, reference: Json) -> Json:  # noqa: ANN401  # a NotificationType
    example = {"name": name, "payload": msgspec.to_builtins(example_of(name))}
    payload = _of_type(reference, name)
    message = _message(f"notification.{name}", f"Sent when {WHEN[name]}.", NOTIFICATION_CONTENT_TYPE, payload)
    return message | {"examples": [example]}


def _of_type(reference: Json, name: str) -> Json:
    return {"allOf": [reference, {"properties": {"type": {"const": name}}}]}


def _message(name: str, about: str, content_type: str, payload: Mapping[str, Any]) -> Json:
    return {"name": name, "title": name, "summary": about, "contentType": content_type, "payload": payload}


_CLOUD_EVENT = _message(
    "cloudevent",
    "A CloudEvent 1.0, structured, or binary with `ce-` or `cloudEvents:` headers.",
    STRUCTURED,
    {"type": "object", "required": ["specversion", "id", "source", "type"]},
)
_CDEVENT = _message(
    "cdevent",
    "A CDEvent of 0.3 to 0.5. One that does not concern deployments is kept, and has no effect.",
    "application/json",
    {"type": "object", "required": ["context", "subject"]},
)
