"""Eiffel events: `meta`, `data` and `links`. What most of them say is about the events that they link to.

ArtifactCreated, EnvironmentDefined, CompositionDefined, SourceChangeSubmitted and SourceChangeCreated say nothing by
themselves: others link to them. Those, and what links to them, are in the log as `event.unused`, with the original;
further facts are made of them (`eiffel_mapping`) once the events that these need are there, in whichever order they
come. Any other type is of no use.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.unsafe_characters import in_one_line, is_name
from deploydb.wire.eiffel_event import (
    CHANGE,
    COMPOSITION,
    CONFIDENCE,
    CREATED,
    DEPLOYED,
    ENVIRONMENT,
    PUBLISHED,
    SUBMITTED,
    EiffelEvent,
)
from deploydb.wire.eiffel_mapping import MOST_ELEMENTS, Unlinked, needed, verification
from deploydb.wire.error_messages import shortened
from deploydb.wire.native import decode_as
from deploydb.wire.reading import Original, Reading, event_name, mapped, unused

SOURCE = "eiffel"
"""The source of their facts, followed by the domain of the event where it names one."""

_PARTS = (CREATED, ENVIRONMENT, COMPOSITION, SUBMITTED, CHANGE)
_TOGETHER = "a fact of its own, with the events that it links to"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PATHS = {
    "$.id": "$.meta.id",
    "$.source": "$.meta.source.domainId",
    "$.kind": "$.meta.type",
    "$.promotion": "$.data.name",
    "$.links": "$.links",
}


_decoder = msgspec.json.Decoder(EiffelEvent)


def read_eiffel(body: bytes, original: Original, *, arrived_at: datetime) -> Reading:
    """The fact that an Eiffel event is by itself. Raises: MessageRejected, with the path of the field."""
    event = decode_as(_decoder, (EiffelEvent,), body)
    source = f"{SOURCE}/{event.meta.source.domain}" if event.meta.source and event.meta.source.domain else SOURCE
    about = {"id": event.id, "source": source if is_name(source) else SOURCE, "time": _time(event).isoformat()}

    def is_unused(reason: str | None = None, **more: Any) -> Reading:  # noqa: ANN401  # fields of a reading
        reading = unused(event.meta.type, about, original, arrived_at=arrived_at, paths=_PATHS, reason=reason)
        return msgspec.structs.replace(reading, **more)

    kind = event.meta.type
    if kind not in (*_PARTS, PUBLISHED, DEPLOYED, CONFIDENCE):
        return is_unused()
    own = event.custom
    if kind in _PARTS:
        return is_unused(in_one_line(shortened(_use(event))), names=(event_name(event.id),))
    try:
        if kind == CONFIDENCE:
            fields = verification(event)
            if len(needed(event)) <= 1:
                return mapped(about | fields, original, arrived_at=arrived_at, paths=_PATHS)
        elif kind == DEPLOYED and (own.deployment is not None or own.command is not None):
            named = {"deployment": own.deployment, "command": own.command}
            fields = {"type": "deployment.finished", "outcome": "succeeded", "url": event.url, **named}
            return mapped(about | fields, original, arrived_at=arrived_at, paths=_PATHS)
        awaits = tuple(map(event_name, needed(event)))
    except Unlinked as of_no_use:
        return is_unused(str(of_no_use))
    alone = "a fact for each of its subjects" if kind == CONFIDENCE else _TOGETHER
    return is_unused(alone, awaits=awaits)


def _use(part: EiffelEvent) -> str:
    if part.meta.type == CREATED:
        try:
            return f"events that link to it are about {part.file['name']} {part.file['version']}"
        except MessageRejected as refused:
            return f"it names no artifact: {refused}"
    elements = len(part.linked("ELEMENT"))
    if part.meta.type == COMPOSITION and elements > MOST_ELEMENTS:
        return f"it has {elements} elements: of more than {MOST_ELEMENTS} none is looked at for a commit or an author"
    return "events that link to it are about it"


def _time(event: EiffelEvent) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=event.meta.time)
    except OverflowError as error:
        raise MessageRejected("is out of range: expected milliseconds since 1970", path="$.meta.time") from error
