"""CDEvents 0.3 to 0.5, decoded leniently: of each version's fields those that say something here, in any of its forms.

An event whose type says nothing here is kept as `event.unused`. `cdevents_mapping` has the others.
"""

import re
from base64 import b64decode
from binascii import Error as NoBase64
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from deploydb.domain.model.artifact import Coordinate, Name
from deploydb.domain.model.fact import Time
from deploydb.wire.cdevents_mapping import CONTENT, MAPPINGS, SUBJECT, Content, Event
from deploydb.wire.custom_data import converted, custom_of
from deploydb.wire.native import decode_as
from deploydb.wire.reading import Original, Reading, chain_name, event_name, mapped, unused

_TYPE = re.compile(r"dev\.cdeventsx?\.(?P<name>[a-z][a-z-]*\.[a-z]+)\.\d+\.\d+\.\d+(?:[-+].*)?")
_CUSTOM = "$.customData.deploydb"
_PATHS = {
    "$.id": "$.context.id",
    "$.source": "$.context.source",
    "$.kind": "$.context.type",
    "$.time": "$.context.timestamp",
    "$.links": "$.context.links",
    "$.chain": "$.context.chainId",
    "$.environment": f"{CONTENT}.environment.id",
    "$.reason": f"{CONTENT}.reason",
}


class _End(Struct, rename="camel"):
    context_id: Name | None = None


class _Link(Struct, rename={"from_": "from"}):
    target: _End | None = None
    from_: _End | None = None


class _Context(Struct, rename="camel"):
    id: Name
    source: Name
    type: Name
    timestamp: Time | None = None
    chain_id: Name | None = None
    links: list[_Link] = []


class _Subject(Struct):
    id: Coordinate
    content: dict[str, Any] = {}


class _Event(Struct, rename="camel"):
    context: _Context
    subject: _Subject
    custom_data: Any = None


_decoder = msgspec.json.Decoder(_Event)


def read_cdevent(body: bytes, original: Original, *, arrived_at: datetime) -> Reading:
    """The fact that a CDEvent is. Raises: MessageRejected, with the path of the wrong or missing field."""
    event = decode_as(_decoder, (_Event,), body)
    context = event.context
    about = {"id": context.id, "source": context.source, "time": context.timestamp}
    found = _TYPE.fullmatch(context.type)
    mapping = MAPPINGS.get(found["name"]) if found is not None else None
    if found is None or mapping is None:
        return unused(context.type, about, original, arrived_at=arrived_at, paths=_PATHS)
    known = Event(
        name=found["name"],
        kind=context.type,
        about=about,
        subject=event.subject.id,
        content=converted(event.subject.content, Content, CONTENT),
        custom=custom_of(_own_data(event.custom_data), _CUSTOM),
        links=_linked(context.links),
        chain=context.chain_id,
    )
    facts = mapping(known)
    if isinstance(facts, str):
        return unused(context.type, about, original, arrived_at=arrived_at, paths=_PATHS, reason=facts)
    names = (event_name(context.id), *([chain_name(context.chain_id)] if context.chain_id else []))
    named = () if facts[0]["type"].startswith(("verification", "incident")) else names
    reading: Reading | None = None
    for fields in reversed(facts):
        paths = _PATHS | {"$.artifact": SUBJECT if known.name.startswith("artifact") else f"{CONTENT}.artifactId"}
        reading = mapped(about | fields, original, arrived_at=arrived_at, paths=paths, names=named, otherwise=reading)
    assert reading is not None  # noqa: S101  # a mapping gives one at least
    return reading


def _linked(links: list[_Link]) -> tuple[str, ...]:
    """The ids of the events that the links lead to, each once."""
    ends = (end for link in links for end in (link.target, link.from_))
    return tuple(dict.fromkeys(end.context_id for end in ends if end is not None and end.context_id is not None))


def _own_data(data: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
    """`deploydb` of the custom data, which is an object, or one in base64; nothing where there is none."""
    if isinstance(data, str):
        try:
            data = msgspec.json.decode(b64decode(data, validate=True))
        except (NoBase64, msgspec.DecodeError, ValueError, RecursionError):
            return {}
    found = data.get("deploydb") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}
