"""Errors of the gateway: JSON, or a small page where a browser has sent a form."""

from collections.abc import Mapping
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from deploydb.domain.unsafe_characters import visible
from deploydb.http.errors import failed
from deploydb.http.negotiation import FORM, content_type, takes_html

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{code} · DeployDB</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>
<body><h1>That was not done</h1><p>{message}</p><p>{code}. <a href="/sign-in">Sign in</a>, or go back and try again.</p>
</body></html>
"""


def answer(request: Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error's answer, as the client reads it."""
    if content_type(request) == FORM and takes_html(request):
        page = _PAGE.format(code=status, message=escape(visible(message)))
        return HTMLResponse(page, status_code=status, headers=headers)
    return failed(status, message, headers)
