"""Events: `/api/events`, the log."""

from deploydb.query.asking import Asked, Body, iso
from deploydb.query.paging import LARGEST
from deploydb.query.resource import PAGE, Resource, number, text
from deploydb.store.queries.events import EventView, Filter, events_before


def events(asked: Asked) -> Body:
    """A page of the log, newest first; `next` is the `before` of the page that follows it, null after the last."""
    page = asked.page()
    before = asked.number("before")
    wanted = Filter(
        service=asked.option("service"),
        environment=asked.option("environment"),
        type=asked.option("type"),
        source=asked.option("source"),
    )
    with asked.store() as connection:
        views, more = events_before(
            connection, min(before, LARGEST) if before is not None else None, wanted, limit=page.size
        )
    return {"events": [_body(view) for view in views], "next": views[-1].number if more else None}


def _body(view: EventView) -> Body:
    return {
        "number": view.number,
        "source": view.source,
        "id": view.id,
        "type": view.type,
        "time": iso(view.time),
        "recordedAt": iso(view.recorded_at),
        "publisher": view.publisher,
        "service": view.service,
        "environment": view.environment,
        "body": view.body,
    }


RESOURCES = (
    Resource(
        path="/api/events",
        read=events,
        parameters=(
            *PAGE,
            number("before", "Only rows with a lower number: the `next` of the page before."),
            text("service", "About this service only."),
            text("environment", "About this environment only."),
            text("type", "Of this type only, such as `approval.given`."),
            text("source", "From this source only; `deploydb` for its own decisions."),
        ),
    ),
)
