"""`/api/events.jsonl`: the log as JSON lines, however long it is."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from deploydb.query.answers import Sources
from deploydb.query.paging import MOST
from deploydb.query.resources.events import FILTERS, Event, event_of
from deploydb.store.engine import reading
from deploydb.store.queries.events import Filter, events_before

JSON_LINES = "application/x-ndjson"


class Export:
    """The log, page after page of it, each from a thread and each a look of its own: what is added meanwhile is newer
    than where it began."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def route(self) -> Route:
        """Its path; it takes the filters of `/api/events`."""
        return Route("/api/events.jsonl", self.export, methods=["GET"])

    async def export(self, request: Request) -> StreamingResponse:
        """The rows that are wanted, newest first, one a line."""
        asked = self._sources.asked(request, FILTERS)
        wanted = Filter(
            service=asked.option("service"),
            environment=asked.option("environment"),
            who=asked.option("who"),
            type=asked.option("type"),
            source=asked.option("source"),
            since=asked.moment("since"),
            until=asked.moment("until"),
        )
        first = await self._page(None, wanted)  # what is wrong with the database is told before anything is sent
        return StreamingResponse(self._lines(first, wanted), media_type=JSON_LINES)

    async def _lines(self, page: tuple[list[Event], bool], wanted: Filter) -> AsyncIterator[bytes]:
        while True:
            found, more = page
            if found:
                yield b"".join(msgspec.json.encode(one) + b"\n" for one in found)
            if not more:
                return
            page = await self._page(found[-1].number, wanted)

    async def _page(self, before: int | None, wanted: Filter) -> tuple[list[Event], bool]:
        def read() -> tuple[list[Event], bool]:
            with reading(self._sources.engine) as connection:
                views, more = events_before(connection, before, wanted, limit=MOST)
            return [event_of(view) for view in views], more

        return await asyncio.get_running_loop().run_in_executor(self._sources.threads, read)
