"""`/api/events.jsonl`: the log as JSON lines, however long it is."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.routing import Route

from deploydb.domain.unsafe_characters import encoded_visibly
from deploydb.query.answer_limits import Lasting, Places
from deploydb.query.paging import MOST
from deploydb.query.resources.events import FILTERS, event_of, filter_of
from deploydb.query.response_cache import Sources
from deploydb.store.engine import reading
from deploydb.store.queries.events import Filter, events_before

JSON_LINES = "application/x-ndjson"
PAGE_CHARACTERS = 1024 * 1024
"""Of the bodies of one page: what is in memory for each export, twice."""
MOST_EXPORTS = 8
MOST_EXPORTS_EACH = 4
_FIRST_PAGE = 100
"""Rows. The next one has up to twice as many: the sizes of all rows that might be on a page are looked up."""


class _Page(Struct, frozen=True, kw_only=True):
    lines: bytes
    rows: int
    last: int | None
    """The number of the last row where there are more."""


class Export:
    """The log, page after page of it, each from a thread and each a look of its own: what is added meanwhile is newer
    than where it began."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._places = Places("exports", most=MOST_EXPORTS, most_each=MOST_EXPORTS_EACH)

    def route(self) -> Route:
        """Its path; it takes the filters of `/api/events`."""
        return Route("/api/events.jsonl", self.export, methods=["GET"])

    async def export(self, request: Request) -> Lasting:
        """The rows that are wanted, newest first, one a line."""
        wanted = filter_of(self._sources.asked(request, FILTERS))
        free = self._places.take(request)
        try:  # a problem of the database is reported before anything is sent
            first = await self._page(None, wanted, _FIRST_PAGE)
        except BaseException:
            free()
            raise
        return Lasting(self._lines(first, wanted), free=free, media_type=JSON_LINES, headers={})

    async def _lines(self, page: _Page, wanted: Filter) -> AsyncIterator[bytes]:
        while True:
            if page.lines:
                yield page.lines
            if page.last is None:
                return
            page = await self._page(page.last, wanted, min(2 * page.rows, MOST))

    async def _page(self, before: int | None, wanted: Filter, limit: int) -> _Page:
        def read() -> _Page:
            with reading(self._sources.engine) as connection:
                views, more = events_before(connection, before, wanted, limit=limit, characters=PAGE_CHARACTERS)
            lines = b"".join(encoded_visibly(msgspec.json.encode(event_of(view))) + b"\n" for view in views)
            return _Page(lines=lines, rows=len(views), last=views[-1].number if more else None)

        return await asyncio.get_running_loop().run_in_executor(self._sources.threads, read)
