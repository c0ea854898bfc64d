"""Every format that an inbound message may have, distinguished by its content type, its headers, or its shape.

A fact of DeployDB is tried first: it pays nothing for the others. None of these is one, whatever its content type: a
CDEvent has no `type` beside its `context`, a CloudEvent keeps its fields in `data`, an Eiffel event its type in `meta`.
"""

from collections.abc import Mapping
from datetime import datetime

from deploydb.domain.model.errors import MessageRejected
from deploydb.wire.cdevents import read_cdevent
from deploydb.wire.cloudevents import STRUCTURED, attributes_of, read_binary, read_structured, shape_of
from deploydb.wire.eiffel import read_eiffel
from deploydb.wire.eiffel_event import is_eiffel
from deploydb.wire.native import decode_arrived
from deploydb.wire.reading import Original, Reading

_OTHERS = (b'"context"', b'"specversion"', b'"meta"')
"""What each of the other formats has in it."""


def read(
    body: bytes,
    *,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
    arrived_at: datetime,
) -> Reading:
    """The fact that a message is, in whatever format. Raises: MessageRejected, with the path of the field."""
    if headers and (attributes := attributes_of(headers)) is not None:
        return read_binary(body, attributes, content_type, headers, arrived_at=arrived_at)
    if content_type.startswith(STRUCTURED):
        return read_structured(body, content_type, arrived_at=arrived_at)
    try:
        fact, sent = decode_arrived(body, arrived_at=arrived_at)
    except MessageRejected:
        if not any(word in body for word in _OTHERS):
            raise
        shape = shape_of(body)
        if shape.is_cdevent and shape.type is None:
            return read_cdevent(body, Original(content_type=content_type, body=body), arrived_at=arrived_at)
        if shape.specversion is not None:
            return read_structured(body, content_type, arrived_at=arrived_at)
        if shape.type is None and is_eiffel({"meta": shape.meta}):
            return read_eiffel(body, Original(content_type=content_type, body=body), arrived_at=arrived_at)
        raise
    return Reading(fact=fact, body=body, sent=sent)
