"""CloudEvents 1.0: an envelope of attributes around data, which is a CDEvent, a fact of DeployDB, or neither.

Over AMQP 0-9-1, as over HTTP, it comes in one of two modes. Structured: the message is a JSON object with the content
type `application/cloudevents+json`. Binary: the attributes are headers, the message is the data, and its content type
that of the data. Headers begin with `ce-` (HTTP, Kafka's `ce_`), or with `cloudEvents:` or `cloudEvents_` (AMQP 1.0).
"""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from deploydb.domain.model.artifact import Name
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.fact import Time, fact_types, type_of
from deploydb.wire.cdevents import read_cdevent
from deploydb.wire.error_messages import shortened
from deploydb.wire.native import decode_arrived, decode_as
from deploydb.wire.reading import Original, Reading, mapped, unused

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
TYPE_PREFIX = "dev.deploydb."
"""May stand before the type of a fact, as the type of a CloudEvent."""

_PREFIXES = ("ce-", "ce_", "cloudevents:", "cloudevents_")
_FACTS = frozenset(type_of(kind) for kind in fact_types())


class CloudEvent(Struct, frozen=True, kw_only=True):
    """The attributes, and the data: JSON as it came. `data` is empty for data of another kind, and for none."""

    specversion: str
    id: Name
    source: Name
    type: Name
    time: Time | None = None
    data: msgspec.Raw = msgspec.Raw()
    data_base64: str | None = None


class _Shape(Struct):
    """What data has to have for one form or the other."""

    context: Any = None
    subject: Any = None
    type: Any = None
    specversion: Any = None
    meta: Any = None

    @property
    def is_cdevent(self) -> bool:
        return isinstance(self.context, dict) and isinstance(self.subject, dict)


_decoder = msgspec.json.Decoder(CloudEvent)
_shapes = msgspec.json.Decoder(_Shape)
_objects = msgspec.json.Decoder(dict[str, Any])


def attributes_of(headers: Mapping[str, str]) -> dict[str, str] | None:
    """The attributes that the headers of a message have; None where they are of no CloudEvent."""
    found = {}
    for header, value in headers.items():
        prefix = next((one for one in _PREFIXES if header[: len(one)].lower() == one), None)
        if prefix is not None:
            found[header[len(prefix) :].lower()] = unquote(value)
    return found if "specversion" in found else None


def shape_of(body: bytes) -> _Shape:
    """The form of a body; of none where it is no JSON object."""
    try:
        return _shapes.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Shape()


def read_structured(body: bytes, content_type: str, *, arrived_at: datetime) -> Reading:
    """The fact of a CloudEvent in one JSON object. Raises: MessageRejected, with the path of the field."""
    event = decode_as(_decoder, (CloudEvent,), body)
    data = bytes(event.data) or None
    if event.data_base64 is not None:
        try:
            data = b64decode(event.data_base64, validate=True)
        except (NoBase64, ValueError) as error:
            raise MessageRejected(f"is no base64: {error}", path="$.data_base64") from error
    return _read(event, data, Original(content_type=content_type, body=body), within="$.data", arrived_at=arrived_at)


def read_binary(
    body: bytes, attributes: Mapping[str, str], content_type: str, headers: Mapping[str, str], *, arrived_at: datetime
) -> Reading:
    """The fact of a CloudEvent whose attributes are headers. Raises: MessageRejected; headers have the path
    `headers.ce-NAME`."""
    kept = {name: value for name, value in headers.items() if name.lower().startswith(_PREFIXES)}
    known = {
        name: value for name, value in attributes.items() if name in ("specversion", "id", "source", "type", "time")
    }
    try:
        event = msgspec.convert(known, CloudEvent, strict=False)
    except msgspec.ValidationError as error:
        missing = next((name for name in ("id", "source", "type") if name not in known), None)
        problem, _, path = str(error).partition(" - at `$.")
        name = missing or path.rstrip("`")
        raise MessageRejected("is missing" if missing else shortened(problem), path=f"headers.ce-{name}") from error
    return _read(
        event, body, Original(content_type=content_type, body=body, headers=kept), within="$", arrived_at=arrived_at
    )


def _read(event: CloudEvent, data: bytes | None, original: Original, *, within: str, arrived_at: datetime) -> Reading:
    if event.specversion != "1.0":
        path = "$.specversion" if within != "$" else "headers.ce-specversion"
        raise MessageRejected(f"{shortened(event.specversion)!r} is not taken: send CloudEvents 1.0", path=path)
    about = {"id": event.id, "source": event.source, "time": event.time}
    shape = shape_of(data) if data is not None else _Shape()
    kind = event.type.removeprefix(TYPE_PREFIX)
    try:
        if data is not None and shape.is_cdevent:
            return read_cdevent(data, original, arrived_at=arrived_at)
        if kind in _FACTS or (isinstance(shape.type, str) and shape.type in _FACTS):
            return _fact(data, {"type": kind, **about}, original, arrived_at)
    except MessageRejected as refused:
        path = refused.path.replace("$", within, 1) if refused.path.startswith("$") else refused.path
        raise MessageRejected(refused.reason, path=path) from refused
    if event.type.startswith(("dev.cdevents.", "dev.cdeventsx.")):
        raise MessageRejected(f"is no CDEvent, as {event.type} says: it needs `context` and `subject`", path=within)
    return unused(event.type, about, original, arrived_at=arrived_at, paths={"$.kind": "$.type"})


def _fact(data: bytes | None, about: dict[str, Any], original: Original, arrived_at: datetime) -> Reading:
    """A fact of DeployDB as data: whole, or without the fields that the attributes say."""
    try:
        given = _objects.decode(data or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageRejected(f"is no JSON object, as {about['type']} needs: {error}") from error
    if {"id", "source", "type"} <= given.keys() and data is not None:
        fact, sent = decode_arrived(data, arrived_at=arrived_at)
        return Reading(fact=fact, body=data, sent=sent)
    named = {name: value for name, value in given.items() if value is not None}
    return mapped(about | named, original, arrived_at=arrived_at)
