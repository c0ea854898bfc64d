"""Whether a person sent a request, and not a page of another site in their browser."""

import hmac
from typing import NoReturn
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

from deploydb.http.negotiation import FORM, content_type
from deploydb.identity import FORM_COOKIE, FORM_FIELD

_OWN_PAGE = {"same-origin"}
_OWN_PAGE_OR_NONE = {"same-origin", "none"}


def require_same_origin(request: Request) -> None:
    """Raises: HTTPException 403 where a browser names a page of another site as the request's origin.

    A program sends neither header. Old browsers send `Origin` alone.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        if site not in (_OWN_PAGE if content_type(request) == FORM else _OWN_PAGE_OR_NONE):
            _forged(f"the browser says that it comes from another site (Sec-Fetch-Site: {site[:40]})")
    elif origin is not None and not _names_us(origin, request):
        _forged(f"the browser says that it comes from {origin[:80]}")


def require_secret(request: Request, sent: str | None) -> None:
    """Raises: HTTPException 403 where a form does not repeat the secret of its page's cookie."""
    secret = request.cookies.get(FORM_COOKIE, "")
    if not secret or not sent or not hmac.compare_digest(secret.encode(), sent.encode("utf-8", "replace")):
        _forged(f"the form's field {FORM_FIELD} is not the one of its page: load the page again")


def _names_us(origin: str, request: Request) -> bool:
    try:
        return bool(host := urlsplit(origin).netloc) and host == request.headers.get("host")
    except ValueError:
        return False


def _forged(reason: str) -> NoReturn:
    raise HTTPException(403, f"not accepted as a person's request: {reason}")
