"""Events: the log, as people audit it."""

from typing import Any

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.query.conventions import answer, iso, limit, number_before
from deploydb.store.engine import reading
from deploydb.store.queries.events import EventView, events_before


class Log:
    """The resource, on one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def routes(self) -> list[Route]:
        """Its path."""
        return [Route("/api/events", self.events)]

    def events(self, request: Request) -> Response:
        """`/api/events`: newest first; `next` is the `before` of the page that follows, null on the last one."""
        asked = request.query_params
        size = limit(request)
        with reading(self._engine) as connection:
            views = events_before(
                connection,
                before=number_before(request),
                limit=size,
                service=asked.get("service"),
                environment=asked.get("environment"),
                kind=asked.get("type"),
                source=asked.get("source"),
            )
        following = views[-1].number if len(views) == size else None
        return answer(request, {"events": [_body(view) for view in views], "next": following})


def _body(view: EventView) -> dict[str, Any]:
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
