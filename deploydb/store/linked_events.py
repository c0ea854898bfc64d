"""Events that are facts only together with those that they link to, which may come later.

Each of them is in the log by itself, as `event.unused`. Once the events that one needs are there, the fact that they
are together is one more row of the log, under an id of its own: whatever reads the log meets a fact like any other. An
event that needs another one is unmatched until then, and awaits it by its name (`correlation`). `correlations.lock`
lets the second of two workers with such a pair see the first one's rows.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.artifact import module_key
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import EventUnused, type_of
from deploydb.domain.model.trace import TraceContext, trace_context
from deploydb.domain.unsafe_characters import in_one_line
from deploydb.store import bulk
from deploydb.store.arrival import Arrival
from deploydb.store.correlations import forget, lock
from deploydb.store.list_parameters import among
from deploydb.store.tables import catalog_listing, correlation, event, unmatched_fact
from deploydb.wire.eiffel_event import EiffelEvent, eiffel_of
from deploydb.wire.eiffel_mapping import FURTHEST, Unlinked, followed, meaning, needed
from deploydb.wire.reading import combined, event_name


class Linked(Struct, frozen=True, kw_only=True):
    """A new row of the log: an event that others link to, by its `names`, or one that `combines` with them."""

    number: int
    names: tuple[str, ...]
    combines: bool


class Combined(Struct, frozen=True, kw_only=True):
    """A fact of several events. `number`: the row of the one that links to the others; `needs`: their ids."""

    number: int
    arrival: Arrival
    needs: tuple[str, ...]


class _Row(Struct, frozen=True, kw_only=True):
    """An event in the log."""

    number: int
    source: str
    time: datetime
    publisher: str | None
    trace: TraceContext | None
    event: EiffelEvent


def combine(connection: sa.Connection, linked: Sequence[Linked]) -> tuple[list[Combined], int]:
    """Keep the names of new events, and make the facts that are whole with them. The others wait: how many of the new
    ones, too. Indexes: primary keys of `correlation` and `event`, `ix_correlation_awaits`."""
    names = sorted({name for one in linked for name in one.names})
    known = [{"name": name, "event": one.number, "awaits": False} for one in linked for name in one.names]
    bulk.insert_rows(connection, correlation, [_EMPTY | row for row in known])
    new = {one.number for one in linked if one.combines}
    roots = _rows(connection, new | _awaiting(connection, names))
    found = _followed(connection, roots)
    listed = _services(connection, found.values())
    made: list[Combined] = []
    waiting: list[dict[str, Any]] = []
    lost: list[dict[str, Any]] = []
    for root in roots:
        try:
            made += _made(root, _known(root, found), listed)
        except (Unlinked, MessageRejected) as unlinked:
            links = unlinked.links if isinstance(unlinked, Unlinked) else ()
            waiting += _waits(root.number, links)
            lost.append(_unmatched(root.number, str(unlinked)))
    settle(connection, [root.number for root in roots])
    bulk.insert_rows(connection, correlation, waiting)
    bulk.insert_rows(connection, unmatched_fact, lost)
    return made, sum(row["event"] in new for row in lost)


def settle(connection: sa.Connection, numbers: Collection[int]) -> None:
    """The events wait no more."""
    if numbers:
        forget(connection, numbers)
        connection.execute(sa.delete(unmatched_fact).where(among(unmatched_fact.c.event, sorted(numbers))))


def refuse(connection: sa.Connection, refused: Sequence[tuple[Combined, str]]) -> None:
    """Show the events whose fact may not be stored, each with the reason: of one of the same id by another publisher it
    may be."""
    reasons = {one.number: why for one, why in refused}
    settle(connection, reasons)
    waits = {one.number: _waits(one.number, one.needs) for one, _ in refused}
    bulk.insert_rows(connection, correlation, [row for rows in waits.values() for row in rows])
    bulk.insert_rows(connection, unmatched_fact, [_unmatched(*one) for one in sorted(reasons.items())])


_EMPTY: dict[str, Any] = {"artifact_id": None, "deployment_id": None}


def _waits(number: int, ids: Iterable[str]) -> list[dict[str, Any]]:
    return [_EMPTY | {"name": event_name(one), "event": number, "awaits": True} for one in ids]


def _unmatched(number: int, why: str) -> dict[str, Any]:
    lane = dict.fromkeys(("service", "environment", "version", "module"))
    return {"event": number, **lane, "awaits": "commanded", "why": in_one_line(why)}


def _known(root: _Row, found: Mapping[str, Sequence[_Row]]) -> dict[str, _Row]:
    """The events that the links of one lead to, and theirs. Of several with one id that of the same publisher. Raises:
    Unlinked where it needs one of several."""
    known: dict[str, _Row] = {}
    wanted = list(followed(root.event))
    while wanted:
        id_ = wanted.pop()
        rows = found.get(id_, ())
        own = [row for row in rows if row.publisher == root.publisher] or rows
        if id_ not in known and len(own) == 1:
            known[id_] = own[0]
            wanted += followed(own[0].event)
    several = [id_ for id_ in followed(root.event) if id_ in found and id_ not in known]
    if several:
        raise Unlinked(f"several events have the id {several[0]}, and not one is of its publisher", *several)
    return known


def _made(root: _Row, rows: Mapping[str, _Row], listed: Mapping[str, Collection[str]]) -> list[Combined]:
    known = {id_: row.event for id_, row in rows.items()}
    made = []
    for one in meaning(root.event, known, lambda group, name: listed.get(module_key(group, name), ())):
        about = {"source": root.source, "time": root.time.isoformat()}
        names = () if one.facts[0]["type"].startswith("verification") else (event_name(one.named),)
        used = (root.event.id, *one.others)
        reading = combined([about | fields for fields in one.facts], used, arrived_at=root.time, names=names)
        publishers = dict.fromkeys([root.publisher, *(rows[id_].publisher for id_ in one.others)])
        arrival = Arrival.of_reading(reading, root.publisher, root.publisher, root.trace).by_all(tuple(publishers))
        made.append(Combined(number=root.number, arrival=arrival, needs=needed(root.event)))
    return made


def _awaiting(connection: sa.Connection, names: Sequence[str]) -> set[int]:
    """The rows that await one of the names, locked. Another worker may bring what else they await: the one that comes
    second sees the first one's rows."""
    if not names:
        return set()
    statement = sa.select(correlation.c.event).where(among(correlation.c.name, names), correlation.c.awaits)
    waiting = sorted(connection.execute(statement).scalars())
    if not waiting:
        return set()
    lock(connection, (f"row {number}" for number in waiting))
    return set(connection.execute(statement).scalars())


def _rows(connection: sa.Connection, numbers: Collection[int]) -> list[_Row]:
    """Those of the rows of the log that are such events, in their order."""
    if not numbers:
        return []
    columns = (event.c[name] for name in ("number", "source", "time", "publisher", "traceparent", "tracestate"))
    statement = sa.select(*columns, event.c.body["original"].label("original"))
    condition = (among(event.c.number, sorted(numbers)), event.c.type == type_of(EventUnused))
    rows = connection.execute(statement.where(*condition).order_by(event.c.number))
    found = [(row, eiffel_of(row.original)) for row in rows]
    return [
        _Row(
            number=row.number,
            source=row.source,
            time=row.time,
            publisher=row.publisher,
            trace=trace_context(row.traceparent, row.tracestate),
            event=one,
        )
        for row, one in found
        if one is not None
    ]


def _followed(connection: sa.Connection, roots: Iterable[_Row]) -> dict[str, list[_Row]]:
    """By their ids, the events that the links of these lead to, and theirs."""
    found: dict[str, list[_Row]] = {}
    wanted = {id_ for root in roots for id_ in followed(root.event)}
    for _ in range(FURTHEST):
        names = sorted(map(event_name, wanted - found.keys()))
        if not names:
            break
        statement = sa.select(correlation.c.event).where(
            among(correlation.c.name, names), sa.not_(correlation.c.awaits)
        )
        rows = _rows(connection, set(connection.execute(statement).scalars()))
        level: dict[str, list[_Row]] = defaultdict(list)
        for row in rows:
            level[row.event.id].append(row)
        found |= level
        wanted = {id_ for row in rows for id_ in followed(row.event)}
    return found


def _services(connection: sa.Connection, found: Iterable[Sequence[_Row]]) -> dict[str, list[str]]:
    """The services that list the modules of artifacts, by the modules' keys. Index: primary key of
    `catalog_listing`."""
    files = [file for rows in found for row in rows if (file := row.event.file_or_none) is not None]
    keys = sorted({module_key(file["group"], file["name"]) for file in files})
    listed: dict[str, list[str]] = defaultdict(list)
    if keys:
        statement = sa.select(catalog_listing.c.module_key, catalog_listing.c.service)
        for row in connection.execute(statement.where(among(catalog_listing.c.module_key, keys))):
            listed[row.module_key].append(row.service)
    return listed
