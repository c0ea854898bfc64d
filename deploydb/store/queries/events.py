"""The log, newest first; and facts by their source and id."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from deploydb.store import bulk
from deploydb.store.columns import viewed
from deploydb.store.journal import EXPLANATIONS, fact_text, own_id
from deploydb.store.list_parameters import among
from deploydb.store.queries.log_positions import numbers_between
from deploydb.store.tables import deployment, event

MOST_BODY_CHARACTERS = 8 * 1024 * 1024
"""Of the bodies of one answer together: a body may be 1 MiB, and a page has up to 1000 of them."""


class EventView(Struct, frozen=True, kw_only=True):
    """One row of the log: its source, its time, and when it was recorded. `body` is JSON as it is stored."""

    number: int
    source: str
    id: str
    type: str
    time: datetime
    recorded_at: datetime
    publisher: str | None
    who: str | None
    service: str | None
    environment: str | None
    body: msgspec.Raw


class Filter(Struct, frozen=True, kw_only=True):
    """Which rows are wanted; None for any. `who`: the person it names; `since` and `until`: when it was recorded."""

    service: str | None = None
    environment: str | None = None
    who: str | None = None
    type: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def stored_keys(connection: sa.Connection, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those sources and ids of which the log has a fact. Index: `uq_event_source`."""
    given = bulk.table_of(connection, [event.c.source, event.c.id])
    found = sa.select(event.c.source, event.c.id).join(
        given, sa.and_(event.c.source == given.c.source, event.c.id == given.c.id)
    )
    rows = [{"source": source, "id": id_} for source, id_ in keys]
    return {(row.source, row.id) for row in connection.execute(found, bulk.parameter(connection, rows))}


def events_before(
    connection: sa.Connection, before: int | None, wanted: Filter, *, limit: int, characters: int | None = None
) -> tuple[list[EventView], bool]:
    """Rows with a lower number than `before`, newest first, and whether there are more of them. Explanations are left
    out where their type is not wanted.

    At most `limit`, and fewer where their bodies together would pass so many `characters` (None:
    `MOST_BODY_CHARACTERS`). Indexes: primary key; of a service `ix_event_lane`; of a person `ix_event_who`; of a rare
    type `ix_event_rare`. What is rare by another filter (a source, an environment alone) costs the way back to it.
    """
    size = sa.func.length(sa.cast(event.c.body, sa.Text)).label("size")
    numbers = sa.select(event.c.number, size).order_by(event.c.number.desc()).limit(limit + 1)
    for column, value in (
        (event.c.service, wanted.service),
        (event.c.environment, wanted.environment),
        (event.c.who, wanted.who),
        (event.c.source, wanted.source),
    ):
        if value is not None:
            numbers = numbers.where(column == value)
    if wanted.type is None:
        numbers = numbers.where(event.c.type != EXPLANATIONS)
    else:  # a literal, so that the condition of its index is seen to hold
        numbers = numbers.where(event.c.type == sa.literal(wanted.type, literal_execute=True))
    if wanted.since is not None or wanted.until is not None:
        numbers = numbers.where(*_recorded(connection, wanted.since, wanted.until))
    if before is not None:
        numbers = numbers.where(event.c.number < before)
    found = connection.execute(numbers).all()
    most = MOST_BODY_CHARACTERS if characters is None else characters
    kept: list[int] = []
    total = 0
    for row in found[:limit]:
        total += row.size
        if kept and total > most:
            break
        kept.append(row.number)
    return _events(connection, kept), len(kept) < len(found)


def event_deployments(connection: sa.Connection, numbers: Collection[int]) -> dict[int, tuple[int, str]]:
    """The deployment that each of some rows is about, with its version. Indexes: primary keys."""
    meant = deployment.c.id == sa.func.coalesce(event.c.deployment_id, own_id("deployment"))
    found = sa.select(event.c.number, deployment.c.id, deployment.c.version).join(deployment, meant)
    rows = connection.execute(found.where(among(event.c.number, numbers)))
    return {row.number: (row.id, row.version) for row in rows}


def body_of(connection: sa.Connection, source: str, ident: str) -> dict[str, Any] | None:
    """A fact as the log has it; None where it is not stored (yet). Index: `uq_event_source`."""
    row = connection.execute(sa.select(fact_text()).where(event.c.source == source, event.c.id == ident)).first()
    return msgspec.json.decode(row.body, type=dict[str, Any]) if row is not None else None


def _recorded(
    connection: sa.Connection, since: datetime | None, until: datetime | None
) -> Iterator[sa.ColumnElement[bool]]:
    low, high = numbers_between(connection, since, until)
    yield event.c.number.between(low, high)
    if since is not None:
        yield event.c.recorded_at >= since
    if until is not None:
        yield event.c.recorded_at <= until


def _events(connection: sa.Connection, numbers: list[int]) -> list[EventView]:
    """The rows with these numbers, newest first. Index: primary key."""
    columns = viewed(EventView, event, body=fact_text())
    statement = sa.select(*columns).where(among(event.c.number, numbers)).order_by(event.c.number.desc())
    return [
        EventView(**{**row._mapping, "body": msgspec.Raw(row.body.encode())}) for row in connection.execute(statement)
    ]
