"""A message, whatever its format, as it goes to the log: always one of DeployDB's own facts.

The log has one form, so that whatever reads it knows one. A message of another format is kept beside the fields that it
was mapped to, as `original`: its content type, its headers, and its body byte for byte. The mapping is done once: a
later one does not change the past.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import EventUnused, Fact, type_of
from deploydb.settings import MAX_BODY_BYTES
from deploydb.wire.native import decode_arrived, decode_logged

_WITHIN = "$.original.body"
_encoder = msgspec.json.Encoder()
_anything = msgspec.json.Decoder()


class Reading(Struct, frozen=True, kw_only=True):
    """A fact, the body that the log keeps of it, and the time that it was sent with, where that of the arrival counts.

    `names`: what other events may call it by (`event_name`, `chain_name`). `otherwise`: the fact that it is where it is
    about no deployment that DeployDB commanded. `awaits`: the names of the events with which it is a further fact.
    """

    fact: Fact
    body: bytes
    sent: datetime | None = None
    names: tuple[str, ...] = ()
    otherwise: "Reading | None" = None
    awaits: tuple[str, ...] = ()


class Original(Struct, frozen=True, kw_only=True):
    """A message as it came. `headers`: those that are a part of it."""

    content_type: str
    body: bytes
    headers: Mapping[str, str] = {}

    def fields(self) -> dict[str, Any]:
        """As the log keeps it: a body that is no JSON as base64."""
        kept: dict[str, Any] = {"content_type": self.content_type}
        if self.headers:
            kept["headers"] = self.headers
        try:
            _anything.decode(self.body)
            self.body.decode("utf-8")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return kept | {"body_base64": b64encode(self.body).decode()}
        return kept | {"body": msgspec.Raw(self.body)}


def event_name(id_: str) -> str:
    """The name by which a link means an event."""
    return f"event {id_}"


def chain_name(id_: str) -> str:
    """The name that all events of a chain share."""
    return f"chain {id_}"


def mapped(
    fields: Mapping[str, Any],
    original: Original,
    *,
    arrived_at: datetime,
    paths: Mapping[str, str] | None = None,
    names: tuple[str, ...] = (),
    otherwise: Reading | None = None,
) -> Reading:
    """The fact with these fields, None left out, beside its original. `paths`: where a field of the fact comes from.

    Raises: MessageRejected with the path in the original.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        fact, sent = decode_arrived(_encoder.encode(given), arrived_at=arrived_at)
    except MessageRejected as refused:
        path = refused.path
        known = next((name for name in sorted(paths or {}, reverse=True) if path.startswith(name)), None)
        found = paths[known] if paths is not None and known is not None else path
        raise MessageRejected(f"{refused.reason} (as {path} of {fields['type']})", path=found) from refused
    body = _encoder.encode({**given, "original": original.fields()})
    if len(body) > MAX_BODY_BYTES:
        problem = f"has {len(original.body)} bytes, and {len(body)} with the fields of {type_of(fact)}"
        raise MessageRejected(f"{problem}; at most {MAX_BODY_BYTES} are taken")
    try:
        decode_logged(body, arrived_at=arrived_at)
    except MessageRejected as refused:
        path = refused.path.replace(_WITHIN, "$") if refused.path.startswith(_WITHIN) else refused.path
        raise MessageRejected(refused.reason, path=path) from refused
    return Reading(fact=fact, body=body, sent=sent, names=names, otherwise=otherwise)


def combined(
    facts: Sequence[Mapping[str, Any]],
    events: Sequence[str],
    *,
    arrived_at: datetime,
    names: tuple[str, ...] = (),
) -> Reading:
    """The fact that several events are together, which the log has already: of those that it may be, the first one that
    fits, with the ids of the `events`. Raises: MessageRejected."""
    reading: Reading | None = None
    for fields in reversed(facts):
        given = {name: value for name, value in fields.items() if value is not None}
        body = _encoder.encode({**given, "events": events})
        fact, sent = decode_arrived(body, arrived_at=arrived_at)
        reading = Reading(fact=fact, body=body, sent=sent, names=names, otherwise=reading)
    assert reading is not None  # noqa: S101  # there is one at least
    return reading


def unused(
    kind: str,
    event: Mapping[str, Any],
    original: Original,
    *,
    arrived_at: datetime,
    paths: Mapping[str, str],
    reason: str | None = None,
) -> Reading:
    """An event that changes nothing. `event`: its id, source and time. Raises: as `mapped`."""
    fields = {"type": type_of(EventUnused), **event, "kind": kind, "reason": reason}
    return mapped(fields, original, arrived_at=arrived_at, paths=paths)
