"""Who asks, whether they may, and whether it was they who asked and not a page of another site in their browser."""

import hmac
from typing import NoReturn
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

from deploydb.gateway.refusals import FORM, content_type
from deploydb.identity import FORM_COOKIE, FORM_FIELD, SESSION_COOKIE, Identity, Person

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="deploydb"'}
_OF_OUR_OWN = {"same-origin"}
_OF_OUR_OWN_OR_NO_PAGE = {"same-origin", "none"}


def person_of(request: Request, identity: Identity) -> Person | None:
    """Who asks; None for nobody."""
    return identity.person_of(
        peer=_peer(request), lines=request.headers.getlist, session=request.cookies.get(SESSION_COOKIE)
    )


def allowed(request: Request, identity: Identity, scope: str) -> Person:
    """Who asks, and may.

    Raises: HTTPException 401 for nobody, 403 for who has not the scope, or whose browser was sent by another site.
    """
    person = person_of(request, identity)
    if person is None:
        told = f"who says so? Sign in, or send `Authorization: Bearer` with a token that has the scope {scope}"
        raise HTTPException(401, told, _CHALLENGE)
    if scope not in person.scopes:
        raise HTTPException(403, f"{person.name} has not the scope {scope}")
    if person.way != "token":
        require_same_origin(request)
    return person


def require_same_origin(request: Request) -> None:
    """Raises: HTTPException 403 where a browser says that a page of another site has sent the request.

    A program says nothing of the kind. Old browsers say `Origin` alone.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        if site not in (_OF_OUR_OWN if content_type(request) == FORM else _OF_OUR_OWN_OR_NO_PAGE):
            _forged(f"the browser says that it comes from another site (Sec-Fetch-Site: {site[:40]})")
    elif origin is not None and not _names_us(origin, request):
        _forged(f"the browser says that it comes from {origin[:80]}")


def require_secret(request: Request, said: str | None) -> None:
    """Raises: HTTPException 403 where a form does not say again what its page's cookie says."""
    known = request.cookies.get(FORM_COOKIE, "")
    if not known or not said or not hmac.compare_digest(known.encode(), said.encode("utf-8", "replace")):
        _forged(f"the form's field {FORM_FIELD} is not the one of its page: load the page again")


def came_by_https(request: Request, identity: Identity) -> bool:
    """Whether cookies may be kept to TLS."""
    return identity.came_by_https(scheme=request.scope["scheme"], peer=_peer(request), lines=request.headers.getlist)


def _names_us(origin: str, request: Request) -> bool:
    try:
        return bool(host := urlsplit(origin).netloc) and host == request.headers.get("host")
    except ValueError:
        return False


def _forged(why: str) -> NoReturn:
    raise HTTPException(403, f"this is not counted as said by a person: {why}")


def _peer(request: Request) -> str | None:
    return request.client.host if request.client is not None else None
