"""What is not done, and why: `{"code": 422, "message": "…"}`, or a small page where a browser has sent a form."""

from collections.abc import Mapping
from html import escape

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from deploydb.domain.characters import encoded_visibly, visible

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_LONGEST_SHOWN = 200

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{code} · DeployDB</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>
<body><h1>That was not done</h1><p>{message}</p><p>{code}. <a href="/sign-in">Sign in</a>, or go back and try again.</p>
</body></html>
"""


def shown(text: str) -> str:
    """What a client sent, as part of a message: not endless."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def content_type(request: Request) -> str:
    """The media type of what is sent, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def failed(request: Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error's answer, for whoever asked."""
    if content_type(request) == FORM and any("text/html" in line for line in request.headers.getlist("accept")):
        page = _PAGE.format(code=status, message=escape(visible(message)))
        return HTMLResponse(page, status_code=status, headers=headers)
    body = encoded_visibly(msgspec.json.encode({"code": status, "message": message}))
    return Response(body, status_code=status, media_type=JSON, headers=headers)


async def refused(request: Request, error: Exception) -> Response:
    """The answer to what an endpoint or the router refuses."""
    if not isinstance(error, HTTPException):
        raise TypeError(f"expected an HTTPException, found {error!r}")
    if error.status_code == 405:
        allowed = ", ".join(sorted(request.scope["route"].methods))
        told = f"{request.method} is not allowed on {shown(request.scope['path'])}: {allowed} are"
        return failed(request, 405, told, {"Allow": allowed})
    return failed(request, error.status_code, error.detail, error.headers)
