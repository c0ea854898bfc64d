"""Facts whose source and id the log has already: repetitions, others of the same publisher, and those of another one.

A repetition changes nothing. Of a publisher the fact that came first stands; another one under its id is counted and
noted. An id that another publisher has used first is no obstacle: the fact is kept under an id of its own, which names
its publisher. So no publisher can take the id of an event of another one before that comes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.access import OF_HOOKS
from deploydb.domain.model.fact import ID_MARK
from deploydb.store import bulk
from deploydb.store.columns import BigId
from deploydb.store.journal import Journal
from deploydb.store.rare_notes import noted_last, noted_lately
from deploydb.store.tables import event

DIFFERED = "duplicate.differed"
"""The type of the events that note it."""
_LONGEST_ID = 255
_UNCOMPARED = ("time", "original")
"""Fields in which a repetition by the same publisher may differ: the message that a fact was mapped from, and when a
client repeated it."""
_REWORDED = (*_UNCOMPARED, "reason", "url")
"""Of a webhook: a tool repeats its event with the value of now, or from another of its replicas."""


class Repeated(Struct, frozen=True, kw_only=True):
    """A fact of a batch that was not stored. `bodies`: those that it may have been stored with."""

    index: int
    source: str
    id: str
    publisher: str | None
    bodies: tuple[bytes, ...]


class Differing(Struct, frozen=True, kw_only=True):
    """A fact that differs from the one with its source and id. `fact`: the row of that one; `other`: whether another
    publisher has sent it."""

    source: str
    id: str
    publisher: str | None
    fact: int
    other: bool
    at: datetime


def compare(connection: sa.Connection, given: Sequence[Repeated], now: datetime) -> dict[int, Differing]:
    """Those that differ from the stored fact, by their index. Index: `uq_event_source_id`."""
    if not given:
        return {}
    wanted = bulk.table_of(connection, [event.c.source, event.c.id])
    columns = (event.c[name] for name in ("number", "source", "id", "publisher", "body"))
    statement = sa.select(*columns).join(wanted, sa.and_(event.c.source == wanted.c.source, event.c.id == wanted.c.id))
    keys = [{"source": source, "id": id_} for source, id_ in sorted({(one.source, one.id) for one in given})]
    stored = {(row.source, row.id): row for row in connection.execute(statement, bulk.parameter(connection, keys))}
    found = {}
    for one in given:
        row = stored.get((one.source, one.id))
        if row is None:
            continue
        other = row.publisher != one.publisher
        uncompared = () if other else _REWORDED if (one.publisher or "").startswith(OF_HOOKS) else _UNCOMPARED
        if not any(_is_same(row.body, body, uncompared) for body in one.bodies):
            found[one.index] = Differing(
                source=one.source, id=one.id, publisher=one.publisher, fact=row.number, other=other, at=now
            )
    return found


def own_id(id_: str, publisher: str | None) -> str:
    """The id of a fact whose own one another publisher has used."""
    whole = f"{id_}{ID_MARK}{publisher or ''}"
    return whole if len(whole) <= _LONGEST_ID else f"{sha256(whole.encode()).hexdigest()}{ID_MARK}"


def with_id(body: bytes, id_: str) -> bytes:
    """The body of a fact under another id."""
    fields: dict[str, Any] = msgspec.json.decode(body)
    return msgspec.json.encode(fields | {"id": id_})


def note(connection: sa.Connection, found: Iterable[Differing], now: datetime) -> None:
    """Write an event for each source that has none of the last hour."""
    firsts: dict[str, Differing] = {}
    for one in found:
        firsts.setdefault(one.source, one)
    if not firsts:
        return
    recent = noted_lately(connection, DIFFERED, "origin", firsts, now)
    journal = Journal(now)
    for source, one in sorted(firsts.items()):
        if source not in recent:
            journal.note(DIFFERED, origin=source, ident=one.id, sender=one.publisher, other=one.other, fact=one.fact)
    journal.write(connection)


def recently_differing(connection: sa.Connection) -> list[Differing]:
    """The notes of the last day of the log, newest first."""
    found = noted_last(
        connection,
        DIFFERED,
        event.c.body["origin"].as_string().label("source"),
        event.c.body["ident"].as_string().label("id"),
        event.c.body["sender"].as_string().label("publisher"),
        event.c.body["other"].as_boolean().label("other"),
        sa.cast(event.c.body["fact"].as_string(), BigId).label("fact"),
    )
    return [Differing(**row._mapping) for row in found]


def _is_same(stored: dict[str, Any], body: bytes, uncompared: tuple[str, ...]) -> bool:
    fields: dict[str, Any] = msgspec.json.decode(body)
    names = (fields.keys() | stored.keys()).difference(uncompared)
    return all(fields.get(name) == stored.get(name) for name in names)
