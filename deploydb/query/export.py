"""`/api/events.jsonl` and `/api/events.csv`: the log as JSON lines and as a table, however long it is."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.routing import Route

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.unsafe_characters import encoded_visibly, in_one_line
from deploydb.query.answer_limits import Lasting, Places
from deploydb.query.paging import MOST
from deploydb.query.resources.events import FILTERS, Event, event_of, filter_of, require_filters
from deploydb.query.response_cache import Sources
from deploydb.store.engine import reading
from deploydb.store.queries.events import Filter, events_before

JSON_LINES = "application/x-ndjson"
CSV = "text/csv"
COLUMNS = (
    "number",
    "time",
    "recordedAt",
    "type",
    "service",
    "environment",
    "who",
    "source",
    "publisher",
    "id",
    "reason",
    "body",
)
"""Of the table."""
_FORMULA = ("=", "+", "-", "@")
"""What a cell begins with that a spreadsheet would calculate."""
PAGE_CHARACTERS = 1024 * 1024
"""Of the bodies of one page: what is in memory for each export, twice."""
MOST_EXPORTS = 8
MOST_EXPORTS_EACH = 4
_FIRST_PAGE = 100
"""Rows. The next one has up to twice as many: the sizes of all rows that might be on a page are looked up."""


_NO_BODY = msgspec.Raw(b"null")


class _Format(Struct, frozen=True, kw_only=True):
    """How rows are written. `heading`: before the first one."""

    name: str
    media_type: str
    written: Callable[[Sequence[Event]], bytes]
    heading: bytes = b""


def _lines(rows: Sequence[Event]) -> bytes:
    return b"".join(encoded_visibly(msgspec.json.encode(row)) + b"\n" for row in rows)


def _table(rows: Sequence[Event]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(map(_cells, rows))
    return written.getvalue().encode()


def _cells(row: Event) -> list[str]:
    """What a spreadsheet would calculate begins with an apostrophe."""
    known = msgspec.json.decode(msgspec.json.encode(replace(row, body=_NO_BODY)))
    known |= {"reason": known.get("reason", {}).get("text"), "body": encoded_visibly(bytes(row.body)).decode()}
    cells = ["" if (value := known[column]) is None else in_one_line(str(value)) for column in COLUMNS]
    return [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]


_FORMATS = (
    _Format(name="jsonl", media_type=JSON_LINES, written=_lines),
    _Format(
        name="csv", media_type=f"{CSV}; charset=utf-8", written=_table, heading=f"{','.join(COLUMNS)}\r\n".encode()
    ),
)


class _Page(Struct, frozen=True, kw_only=True):
    written: bytes
    rows: int
    last: int | None
    """The number of the last row where there are more."""


class Export:
    """The log, page after page of it, each from a thread and each a look of its own: what is added meanwhile is newer
    than where it began."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._places = Places("exports", most=MOST_EXPORTS, most_each=MOST_EXPORTS_EACH)

    def routes(self) -> list[Route]:
        """A path for each format; they take the filters of `/api/events`."""
        return [
            Route(f"/api/events.{one.name}", partial(self.export, as_=one), methods=["GET"], name=f"events.{one.name}")
            for one in _FORMATS
        ]

    async def export(self, request: Request, as_: _Format) -> Lasting:
        """The rows that are wanted, newest first, one a line."""
        asked = self._sources.asked(request, FILTERS)
        wanted = filter_of(asked)
        free = self._places.take(request)
        try:  # a problem of the database is reported before anything is sent
            first = await self._page(as_, None, wanted, _FIRST_PAGE, asked.catalog)
        except BaseException:
            free()
            raise
        named = {"Content-Disposition": f'attachment; filename="deploydb-events.{as_.name}"'}
        return Lasting(self._written(as_, first, wanted), free=free, media_type=as_.media_type, headers=named)

    async def _written(self, as_: _Format, page: _Page, wanted: Filter) -> AsyncIterator[bytes]:
        if as_.heading:
            yield as_.heading
        while True:
            if page.written:
                yield page.written
            if page.last is None:
                return
            page = await self._page(as_, page.last, wanted, min(2 * page.rows, MOST))

    async def _page(
        self, as_: _Format, before: int | None, wanted: Filter, limit: int, catalog: Catalog | None = None
    ) -> _Page:
        """With a catalog the filters of an empty page are checked.

        Raises: HTTPException 404 for one that names nothing.
        """

        def read() -> _Page:
            with reading(self._sources.engine) as connection:
                views, more = events_before(connection, before, wanted, limit=limit, characters=PAGE_CHARACTERS)
                if not views and catalog is not None:
                    require_filters(connection, catalog, wanted)
            written = as_.written([event_of(view) for view in views])
            return _Page(written=written, rows=len(views), last=views[-1].number if more else None)

        return await asyncio.get_running_loop().run_in_executor(self._sources.threads, read)
