"""Where events and deployments belong in traces.

The place of a deployment is that of the report of its end, else that of its command, else that of the publication of
its release; for a rollback, of the release that is rolled back.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.facts import AboutDeployment
from deploydb.domain.model.trace import TraceContext, place_in, trace_context
from deploydb.store.arrival import Arrival
from deploydb.store.deployment_resolver import Located
from deploydb.store.list_parameters import among
from deploydb.store.tables import artifact, deployment, event, outbox

Traced = Callable[[Arrival, TraceContext | None], TraceContext | None]
"""The place that an arrival gets, which is about what has a place already, or about nothing that has."""

_cause, _publication, _end = deployment.alias("cause"), event.alias("publication"), event.alias("end")
_places = (
    ("end", _end),
    ("command", outbox),
    ("publication", _publication),
)
_FOUND = (
    sa.select(
        deployment.c.id,
        *(
            table.c[name].label(f"{prefix}_{name}")
            for prefix, table in _places
            for name in ("traceparent", "tracestate")
        ),
    )
    .outerjoin(_cause, sa.and_(_cause.c.id == deployment.c.cause_id, deployment.c.kind == "rollback"))
    .join(artifact, artifact.c.id == sa.func.coalesce(_cause.c.artifact_id, deployment.c.artifact_id))
    .outerjoin(
        _publication, sa.and_(_publication.c.source == artifact.c.source, _publication.c.id == artifact.c.event_id)
    )
    .outerjoin(_end, sa.and_(_end.c.source == deployment.c.finished_source, _end.c.id == deployment.c.finished_event))
    .outerjoin(outbox, outbox.c.message_id == deployment.c.command)
    .where(among(deployment.c.id, "ids"))
)


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
    found = ((row.id, _first(row._mapping)) for row in connection.execute(_FOUND, {"ids": sorted(ids)}))
    return {id_: place for id_, place in found if place is not None}


def trace_of_release(connection: sa.Connection, id_: int) -> TraceContext | None:
    """The place of an artifact's publication. Indexes: primary key, `uq_event_source_id`."""
    row = connection.execute(
        sa.select(event.c.traceparent, event.c.tracestate)
        .join(artifact, sa.and_(event.c.source == artifact.c.source, event.c.id == artifact.c.event_id))
        .where(artifact.c.id == id_)
    ).first()
    return trace_context(row.traceparent, row.tracestate) if row is not None else None


def _first(row: Mapping[Any, Any]) -> TraceContext | None:
    found = (trace_context(row[f"{prefix}_traceparent"], row[f"{prefix}_tracestate"]) for prefix, _ in _places)
    return next((place for place in found if place is not None), None)
