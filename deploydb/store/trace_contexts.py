"""Where events and deployments belong in traces.

The place of a deployment is that of the report of its end, else that of its command, else that of the publication of
its release; for a rollback, of the release that is rolled back.
"""

from collections.abc import Callable, Collection

import sqlalchemy as sa

from deploydb.domain.model.facts import AboutDeployment
from deploydb.domain.model.trace import TraceContext, place_in, trace_context
from deploydb.store.arrival import Arrival
from deploydb.store.deployment_resolver import Located
from deploydb.store.list_parameters import among
from deploydb.store.tables import artifact, deployment, event, outbox

Traced = Callable[[Arrival, TraceContext | None], TraceContext | None]
"""The place that an arrival gets, which is about what has a place already, or about nothing that has."""

_cause = deployment.alias("cause")


def _place(name: str, table: sa.FromClause, *where: sa.ColumnElement[bool]) -> sa.Label[str]:
    """A row's columns as one text, looked up by a subquery: a join of all tables costs more to plan than to run."""
    found = table.c.traceparent + " " + sa.func.coalesce(table.c.tracestate, "")
    return sa.select(found).where(*where).correlate(deployment).scalar_subquery().label(name)


_released = sa.func.coalesce(
    sa.select(_cause.c.artifact_id)
    .where(_cause.c.id == deployment.c.cause_id, deployment.c.kind == "rollback")
    .correlate(deployment)
    .scalar_subquery(),
    deployment.c.artifact_id,
)
_FOUND = sa.select(
    deployment.c.id,
    _place("end", event, event.c.source == deployment.c.finished_source, event.c.id == deployment.c.finished_event),
    _place("command", outbox, outbox.c.message_id == deployment.c.command),
    _place(
        "publication",
        event,
        event.c.source == artifact.c.source,
        event.c.id == artifact.c.event_id,
        artifact.c.id == _released,
    ),
)
_OF_MANY = _FOUND.where(among(deployment.c.id, "ids"))
_OF_ONE = _FOUND.where(deployment.c.id == sa.bindparam("id"))
"""Of one is the usual case. PostgreSQL plans it once, and that of an array, whose length it cannot know, each time."""


def passed_on(arrival: Arrival, trace: TraceContext | None) -> TraceContext | None:
    """The place of an arrival that came with one, where no span is made of it."""
    return place_in(trace, arrival.trace)


def columns(trace: TraceContext | None) -> dict[str, str | None]:
    """The columns of a row at this place."""
    return {
        "traceparent": trace.traceparent if trace is not None else None,
        "tracestate": trace.tracestate if trace is not None else None,
    }


def places_of_arrivals(
    connection: sa.Connection, arrivals: Collection[Arrival], located: Located, traced: Traced | None
) -> dict[tuple[str, str], TraceContext]:
    """The places of arrivals by source and id: of all of them where spans are made, else of those that came with one.
    Costs nothing without such."""
    if traced is None:
        arrivals, traced = [arrival for arrival in arrivals if arrival.trace is not None], passed_on
    about = {
        (arrival.fact.source, arrival.fact.id): found.id
        for arrival in arrivals
        if isinstance(arrival.fact, AboutDeployment) and (found := located.of(arrival.fact)) is not None
    }
    known = places_of_deployments(connection, set(about.values()))
    places = {}
    for arrival in arrivals:
        key = (arrival.fact.source, arrival.fact.id)
        place = traced(arrival, known.get(about[key]) if key in about else None)
        if place is not None:
            places[key] = place
    return places


def places_of_deployments(connection: sa.Connection, ids: Collection[int]) -> dict[int, TraceContext]:
    """The places of those that have one. Indexes: primary keys, `uq_event_source_id`, `uq_outbox_message_id`."""
    if not ids:
        return {}
    one, *more = sorted(ids)
    found = connection.execute(_OF_MANY, {"ids": [one, *more]}) if more else connection.execute(_OF_ONE, {"id": one})
    return {row.id: place for row in found if (place := _first(row.end, row.command, row.publication)) is not None}


def trace_of_release(connection: sa.Connection, id_: int) -> TraceContext | None:
    """The place of an artifact's publication. Indexes: primary key, `uq_event_source_id`."""
    row = connection.execute(
        sa.select(event.c.traceparent, event.c.tracestate)
        .join(artifact, sa.and_(event.c.source == artifact.c.source, event.c.id == artifact.c.event_id))
        .where(artifact.c.id == id_)
    ).first()
    return trace_context(row.traceparent, row.tracestate) if row is not None else None


def _first(*places: str | None) -> TraceContext | None:
    named = (place.partition(" ") for place in places if place is not None)
    return next(filter(None, (trace_context(parent, state or None) for parent, _, state in named)), None)
