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
from deploydb.wire.eiffel_mapping import verification
from deploydb.wire.native import decode_as
from deploydb.wire.reading import Original, Reading, event_name, mapped, unused

SOURCE = "eiffel"
"""The source of their facts, followed by the domain of the event where it names one."""

_PARTS = (CREATED, ENVIRONMENT, COMPOSITION, SUBMITTED, CHANGE)
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
    domain = event.meta.source.domain if event.meta.source is not None else None
    about = {"id": event.id, "source": f"{SOURCE}/{domain}" if domain else SOURCE, "time": _time(event).isoformat()}

    def is_unused(reason: str | None = None, **more: Any) -> Reading:  # noqa: ANN401  # fields of a reading
        reading = unused(event.meta.type, about, original, arrived_at=arrived_at, paths=_PATHS, reason=reason)
        return msgspec.structs.replace(reading, **more)

    kind = event.meta.type
    if kind not in (*_PARTS, PUBLISHED, DEPLOYED, CONFIDENCE):
        return is_unused()
    own, artifacts, subjects = event.custom, event.linked("ARTIFACT"), event.linked("SUBJECT")
    if kind in _PARTS:
        return is_unused(_use(event), names=(event_name(event.id),))
    if kind == CONFIDENCE:
        fields = verification(event)
        if fields is None:
            return is_unused("names no subject: link one (SUBJECT), or give customData.deploydb")
        if len(subjects) > 1:
            return is_unused(
                "a fact for each of its subjects",
                awaits=tuple(map(event_name, event.linked("ARTIFACT", "ENVIRONMENT", "SUBJECT"))),
            )
        return mapped(about | fields, original, arrived_at=arrived_at, paths=_PATHS)
    if kind == DEPLOYED and (own.deployment is not None or own.command is not None):
        named = {"deployment": own.deployment, "command": own.command}
        fields = {"type": "deployment.finished", "outcome": "succeeded", "url": event.text("uri"), **named}
        return mapped(about | fields, original, arrived_at=arrived_at, paths=_PATHS)
    if not artifacts:
        return is_unused("names no artifact: link one (ARTIFACT)")
    if kind == DEPLOYED and own.environment is None and not event.linked("ENVIRONMENT"):
        return is_unused("names no environment: link one (ENVIRONMENT)")
    return is_unused(
        "a fact of its own, with the events that it links to",
        awaits=tuple(map(event_name, event.linked("ARTIFACT", "ENVIRONMENT", "SUBJECT"))),
    )


def _use(part: EiffelEvent) -> str:
    if part.meta.type == CREATED:
        try:
            return f"events that link to it are about {part.file['name']} {part.file['version']}"
        except MessageRejected as refused:
            return f"it names no artifact: {refused}"
    return "events that link to it are about it"


def _time(event: EiffelEvent) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=event.meta.time)
    except OverflowError as error:
        raise MessageRejected("is out of range: expected milliseconds since 1970", path="$.meta.time") from error
