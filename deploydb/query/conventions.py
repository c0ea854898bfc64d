"""What every resource shares: media types, ids, pages, JSON bodies and errors (the v1 interface's conventions)."""

from datetime import datetime
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"
V1_JSON = "application/vnd.deploydb.v1+json"
_TAKEN = (JSON, V1_JSON, "*/*", "application/*")

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 1000
MAX_QUERY_LENGTH = 8192
_LARGEST_ID = 2**63 - 1

_encoder = msgspec.json.Encoder()


def answer(request: Request, body: Any, *, status: int = 200) -> Response:  # noqa: ANN401  # any JSON
    """A body as JSON, in the media type that was asked for."""
    asked = request.headers.get("accept", JSON)
    media_type = V1_JSON if V1_JSON in asked and JSON not in asked else JSON
    return Response(_encoder.encode(body), status_code=status, media_type=media_type)


def failed(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error's body: its code, and what was asked for."""
    body = _encoder.encode({"code": status, "message": message})
    return Response(body, status_code=status, media_type=JSON, headers=headers)


def check_accepted(request: Request) -> None:
    """Return only if the client takes what we have. Raises: HTTPException 406, 414."""
    if len(request.url.query) > MAX_QUERY_LENGTH:
        raise HTTPException(414, f"the query is longer than {MAX_QUERY_LENGTH} characters")
    asked = request.headers.get("accept")
    if asked is None or not asked.strip():
        return
    ranges = [each.partition(";")[0].strip().lower() for each in asked.split(",")]
    if not any(each in _TAKEN for each in ranges):
        raise HTTPException(406, f"{asked} is not available: ask for {JSON} or {V1_JSON}")


def identifier(request: Request, what: str, name: str = "id") -> int:
    """An id of the path. Raises: HTTPException 400 where it is no integer, 404 where no row can have it."""
    text = request.path_params[name]
    number = _integer(text)
    if number is None:
        raise HTTPException(400, f"{what} id {text} is not an integer")
    if not 0 < number <= _LARGEST_ID:
        raise HTTPException(404, f"there is no {what} {text}")
    return number


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list is wanted."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many come before it."""
        return self.number * self.size


def page(request: Request) -> Page:
    """The page that a query asks for. Raises: HTTPException 400 for what is no page, 404 for one beyond any list."""
    number = _parameter(request, "pageNumber", 0)
    size = _parameter(request, "perPageSize", DEFAULT_PAGE_SIZE)
    if number * size > _LARGEST_ID:
        raise HTTPException(404, f"there is no page {number}")
    if size == 0:
        if number > 0:
            raise HTTPException(404, f"there is no page {number} of a list without pages (perPageSize=0)")
        return Page(number=0, size=MAX_PAGE_SIZE)
    return Page(number=number, size=min(size, MAX_PAGE_SIZE))


def found(items: list[Any], wanted: Page) -> list[Any]:
    """The page's items. Raises: HTTPException 404 where there are none."""
    if not items:
        raise HTTPException(404, f"there is no page {wanted.number}: nothing is on it")
    return items


def limit(request: Request) -> int:
    """How many of a list's newest are wanted (`perPageSize`). Raises: HTTPException 400."""
    size = _parameter(request, "perPageSize", DEFAULT_PAGE_SIZE)
    return min(size, MAX_PAGE_SIZE) or MAX_PAGE_SIZE


def number_before(request: Request) -> int | None:
    """`before`, the number from which a list goes back. Raises: HTTPException 400."""
    return _parameter(request, "before", 0) or None


def iso(moment: datetime | None) -> str | None:
    """A time as the interface writes it: ISO 8601 with its offset."""
    return moment.isoformat() if moment is not None else None


def _parameter(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    number = _integer(text)
    if number is None or number < 0:
        raise HTTPException(400, f"{name}={text} is not a whole number from 0")
    if number > _LARGEST_ID:
        raise HTTPException(404 if name == "pageNumber" else 400, f"{name}={text[:40]} is beyond any list")
    return number


def _integer(text: str) -> int | None:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        return None
    return int(text) if len(text) < 25 else _LARGEST_ID + 1
