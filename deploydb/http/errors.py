"""Errors as clients get them: `{"code": 404, "message": "…"}`, always in plain JSON, or a page where people ask."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from deploydb.domain.suggestions import close_match, nearest_word
from deploydb.domain.unsafe_characters import encoded_visibly
from deploydb.http.negotiation import JSON

ErrorAnswer = Callable[[Request, int, str, Mapping[str, str] | None], Response]
"""Makes an error's answer: to which request, its status, its message, and its headers."""

ALSO_ALLOWED = "also_allowed"
"""A key of the scope's state: the methods that another application at the same address has for the path."""

T = TypeVar("T")
_LONGEST_SHOWN = 200
_MOST_HINTED = 20


def shown(text: str) -> str:
    """A client's text as part of a message: not endless."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def hint(names: Collection[str]) -> str:
    """`; there is a, b, c`, for a request that names nothing that exists; empty where they are many."""
    return f"; there is {', '.join(sorted(names))}" if 0 < len(names) <= _MOST_HINTED else ""


def nearest(name: str, known: Collection[str]) -> str:
    """`; did you mean X?` for a misspelt name, else as `hint`."""
    return close_match(name, known) or hint(known)


def bad_request(message: str) -> HTTPException:
    """400: it cannot be understood."""
    return HTTPException(400, message)


def not_found(message: str) -> HTTPException:
    """404: what was asked for does not exist."""
    return HTTPException(404, message)


def existing(found: T | None, what: str) -> T:
    """What was found. Raises: HTTPException 404 where that is nothing: there is no `what`."""
    if found is None:
        raise not_found(f"there is no {what}")
    return found


def failed(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error's answer in JSON."""
    body = encoded_visibly(msgspec.json.encode({"code": status, "message": message}))
    return Response(body, status_code=status, media_type=JSON, headers=headers)


def in_json(_request: Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """`failed`, as an `ErrorAnswer`."""
    return failed(status, message, headers)


def exception_handler(answer: ErrorAnswer) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Starlette's handler of an HTTPException that an endpoint or the router raises."""

    async def handle(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise TypeError(f"expected an HTTPException, found {error!r}")
        if error.status_code == 405:
            route = request.scope.get("route")
            methods = {
                *(route.methods if route is not None else ()),
                *request.scope.get("state", {}).get(ALSO_ALLOWED, ()),
            }
            allowed = ", ".join(sorted(methods))
            message = f"{request.method} is not allowed on {shown(request.scope['path'])}; allowed: {allowed}"
            return answer(request, 405, message, {"Allow": allowed})
        return answer(request, error.status_code, error.detail, error.headers)

    return handle


async def unknown_path(scope: Scope, _receive: Receive, _send: Send) -> None:
    """The router's default. Raises: HTTPException 404; 405 where another application has the path."""
    if scope.get("state", {}).get(ALSO_ALLOWED):
        raise HTTPException(405)
    paths = {route.path for route in scope["app"].routes if isinstance(route, Route)}
    raise not_found(f"there is no {shown(scope['path'])}{_near_path(scope['path'], paths)}")


def _near_path(path: str, known: Collection[str]) -> str:
    """`; did you mean /services/foo?`, where the first word of a path that no route has there is misspelt."""
    words, routes = path.split("/"), [one.split("/") for one in known]
    for place, word in enumerate(words):
        there = {route[place] for route in routes if place < len(route)}
        if word not in there:
            near = None if any(one.startswith("{") for one in there) else nearest_word(word, there)
            return f"; did you mean {shown('/'.join([*words[:place], near, *words[place + 1 :]]))}?" if near else ""
        routes = [route for route in routes if place < len(route) and route[place] == word]
    return ""
