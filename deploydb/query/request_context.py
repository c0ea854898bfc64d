"""A request as a resource sees it: what was asked for, checked, and where the answer is to be found."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TypeVar

import sqlalchemy as sa
from msgspec import Struct
from starlette.requests import Request

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.templates import Template
from deploydb.http.errors import bad_request, existing, nearest, not_found, shown
from deploydb.http.ids import integer, row_id
from deploydb.query.paging import DEFAULT_SIZE, MOST, Page
from deploydb.query.resource import PAGING, Parameter
from deploydb.store.engine import reading
from deploydb.store.environment_names import names_of

T = TypeVar("T")
_EARLIEST, _LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
"""Beyond them a time with a few months more or less, in any zone, is none."""


class RequestContext(Struct, frozen=True, kw_only=True, eq=False):
    """One request. The catalog and the time are the same from its beginning to its end."""

    request: Request
    catalog: Catalog
    now: datetime
    engine: sa.Engine
    parameters: Mapping[str, Parameter]
    """Those that the resource has declared; it may ask for no other."""
    problems: tuple[str, ...] = ()
    """What is wrong with the configuration's files."""
    trace_link: Template | None = None
    """To a trace; None where there is no address for traces."""

    def store(self) -> AbstractContextManager[sa.Connection]:
        """A connection for the queries of one answer."""
        return reading(self.engine)

    def ident(self, what: str, name: str = "id") -> int:
        """An id of the path. Raises: HTTPException 400 where it is no integer, 404 where no row can have it."""
        return row_id(self.request.path_params[name], what)

    def row(self, what: str, read: Callable[[sa.Connection, int], T | None]) -> T:
        """The row that the id of the path names, by a query. Raises: HTTPException as `ident`, 404 for no row."""
        ident = self.ident(what)
        with self.store() as connection:
            return existing(read(connection, ident), f"{what} {ident}")

    def name(self, what: str) -> str:
        """A name of the path. Raises: HTTPException 404 for one that nothing can have."""
        text: str = self.request.path_params[what]
        if "\0" in text:
            raise not_found(f"there is no {what} {shown(text)}: no name has a NUL character")
        return text

    def option(self, name: str) -> str | None:
        """A parameter of the query; None where it is not given, or empty. Raises: HTTPException 400, for what is
        none of its choices too."""
        text = self._parameter(name) or None
        if text is not None and "\0" in text:
            raise bad_request(f"{name} has a NUL character")
        choices = self.parameters[name].choices
        if text is not None and choices and text not in choices:
            raise bad_request(f"{name}={shown(text)} is not known{nearest(text, choices)}")
        return text

    def number(self, name: str) -> int | None:
        """A whole number of the query, within its bounds; None where it is not given. Raises: HTTPException 400."""
        text = self._parameter(name)
        if text is None:
            return None
        number = integer(text)
        if number is None or number < 0:
            raise bad_request(f"{name}={shown(text)} is not a whole number from 0")
        declared = self.parameters[name]
        if declared.most and not declared.least <= number <= declared.most:
            raise bad_request(f"{name}={shown(text)} is not from {declared.least} to {declared.most}")
        return number

    def moment(self, name: str) -> datetime | None:
        """A time of the query, ISO 8601 with its offset from UTC; None where it is not given. Raises: HTTPException
        400."""
        text = self.option(name)
        if text is None:
            return None
        if " " in text:
            raise bad_request(f"{name}={shown(text)} has a blank: a plus sign in an address is written %2B")
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise bad_request(f"{name}={shown(text)} is not a time with its offset, such as 2026-11-22T12:00:00Z")
        return in_utc(moment)

    def past(self, name: str) -> datetime | None:
        """A time of the query that has been. Raises: HTTPException 400, and 404 for one that is still to come."""
        at = self.moment(name)
        if at is not None and at > self.now:
            raise not_found(f"{name}={iso(at)} is still to come: it is {iso(self.now)}")
        return at

    def environment(self) -> str | None:
        """The parameter `environment`, by its name of now. Raises: HTTPException as `option`."""
        name = self.option("environment")
        return names_of(self.engine).now(name) if name is not None else None

    def page(self, *, size: int = DEFAULT_SIZE) -> Page:
        """The page that is asked for, of `size` where it has none.

        Raises: HTTPException 400 for what is no page, 404 for one beyond any list.
        """
        asked = self.number("perPageSize")
        if asked == 0:
            raise bad_request("perPageSize=0 is not a page's size: a whole number from 1")
        filters = "&".join(
            f"{name}={text}" for name, text in self.request.query_params.multi_items() if name not in PAGING
        )
        address = f"{self.request.scope['path']}{'?' if filters else ''}{filters}"
        wanted = min(asked, MOST) if asked else size
        return Page.of(self.number("pageNumber") or 0, wanted, address, self._parameter("pageNumber"))

    def _parameter(self, name: str) -> str | None:
        if name not in self.parameters:
            raise LookupError(f"{self.request.scope['path']} has no parameter {name}: declare it with the resource")
        given = self.request.query_params.getlist(name)
        if len(set(given)) > 1 and name not in PAGING:  # of these the first counts, as clients of v1 have it
            raise bad_request(f"{name} is given more than once: {shown(', '.join(given))}")
        return given[0] if given else None


def in_utc(moment: datetime) -> datetime:
    """The same time in UTC; one at an edge of the calendar, which may have none there, as the edge."""
    return min(max(moment, _EARLIEST), _LATEST).astimezone(UTC)


def iso(moment: datetime | None) -> str | None:
    """A time as the interface writes it: ISO 8601, with its offset from UTC in numbers."""
    return moment.isoformat() if moment is not None else None
