"""What a client is told when there is no answer: `{"code": 404, "message": "…"}`, naming what was asked for."""

from collections.abc import Collection

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from deploydb.domain.characters import encoded_visibly
from deploydb.query.negotiation import JSON

_LONGEST_SHOWN = 200
_MOST_HINTED = 20


def shown(text: str) -> str:
    """What a client sent, as part of a message: not endless."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def hint(names: Collection[str]) -> str:
    """`; there is a, b, c`, for whom asks for a name that does not exist; nothing where they are many."""
    return f"; there is {', '.join(sorted(names))}" if 0 < len(names) <= _MOST_HINTED else ""


def bad_request(message: str) -> HTTPException:
    """400: it cannot be understood."""
    return HTTPException(400, message)


def not_found(message: str) -> HTTPException:
    """404: what was asked for does not exist."""
    return HTTPException(404, message)


def failed(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error's answer. Always in plain JSON, whatever the client accepts: it has to read why."""
    body = encoded_visibly(msgspec.json.encode({"code": status, "message": message}))
    return Response(body, status_code=status, media_type=JSON, headers=headers)


async def refused(request: Request, error: Exception) -> Response:
    """The answer to what a resource or the router refuses."""
    if not isinstance(error, HTTPException):
        raise TypeError(f"expected an HTTPException, found {error!r}")
    if error.status_code == 405:
        allowed = ", ".join(sorted(request.scope["route"].methods))
        told = f"{request.method} is not allowed on {shown(request.scope['path'])}: {allowed} are"
        return failed(405, told, {"Allow": allowed})
    return failed(error.status_code, error.detail, dict(error.headers or {}))
