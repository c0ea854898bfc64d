"""The person of a request: known to every endpoint, and required where reads are not open."""

from collections.abc import Callable
from typing import Any, Literal, TypedDict, TypeGuard
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploydb.domain.model.errors import Misconfigured
from deploydb.http.csrf import require_same_origin
from deploydb.http.errors import failed
from deploydb.http.negotiation import takes_html
from deploydb.http.sessions import EXPIRES_SECONDS, Session, Sessions
from deploydb.identity import READ, SESSION_COOKIE, Bearer, Identity, Person
from deploydb.settings import Reads

_ALWAYS_OPEN = ("/healthz", "/readyz", "/healthcheck", "/metrics", "/sign-in", "/favicon.ico")
_OPEN_BELOW = "/static/"
_FOR_PROGRAMS = ("/api/", "/static/", "/metrics", "/health", "/readyz")
_BY_HTTPS = "came_by_https"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="deploydb"'}


def require_identity(identity: Identity, reads: Reads) -> None:
    """Raises: Misconfigured where reads need a person, and none can be identified."""
    if reads == "token" and not identity:
        raise Misconfigured(
            "DEPLOYDB_READ is token, and there is no token: set DEPLOYDB_TOKENS, or DEPLOYDB_PERSON_HEADER with "
            "DEPLOYDB_PROXIES"
        )


def came_by_https(request: Request) -> bool:
    """Whether the person's browser speaks TLS, to us or to a proxy that is trusted to say so."""
    known: dict[str, Any] = request.scope.get("state", {})
    return bool(known.get(_BY_HTTPS, request.scope["scheme"] == "https"))


class Authenticator:
    """Finds the person of a request; begins, renews and ends sessions of browsers. `identity` gives the one in use."""

    def __init__(self, identity: Callable[[], Identity], sessions: Sessions) -> None:
        self.identity = identity
        self.sessions = sessions

    def trusts(self, peer: str | None) -> bool:
        """Whether an address is that of a proxy of ours."""
        return self.identity().proxies.trusts(peer)

    def sign_in(self, token: str) -> Bearer | None:
        """The bearer of a token that a form sends."""
        return self.identity().tokens.find(token.strip())

    def identify(self, request: Request) -> tuple[Person | None, Session | None]:
        """The person of a request, and the session of its cookie."""
        identity = self.identity()
        session = self.sessions.find(request.cookies.get(SESSION_COOKIE, ""), identity.tokens)
        bearer = session.bearer if session is not None else None
        return identity.person_of(peer=_peer(request), lines=request.headers.getlist, session=bearer), session

    def begin_session(self, request: Request, response: Response, bearer: Bearer) -> None:
        """Give the browser a session's cookie, or renew it."""
        value = self.sessions.begin(bearer)
        response.set_cookie(SESSION_COOKIE, value, max_age=EXPIRES_SECONDS, **self._attributes(request))

    def end_session(self, request: Request, response: Response) -> None:
        """Take the cookie away."""
        response.delete_cookie(SESSION_COOKIE, **self._attributes(request))

    def came_by_https(self, request: Request) -> bool:
        """As the function of this name says where `Authentication` is in front."""
        return self.identity().came_by_https(
            scheme=request.scope["scheme"], peer=_peer(request), lines=request.headers.getlist
        )

    def _attributes(self, request: Request) -> "_Attributes":
        return {"path": "/", "httponly": True, "samesite": "strict", "secure": self.came_by_https(request)}


class _Attributes(TypedDict):
    path: str
    httponly: bool
    samesite: Literal["strict"]
    secure: bool


class Authentication:
    """ASGI middleware. Puts the person, or None, into `scope["state"]["person"]`, and renews the session of a browser.
    Without tokens and proxies the key is absent, and pages offer no sign-in.

    With `reads` "token" a request needs a person with the scope `read`; `may_read` of the state then says whether a
    long answer may go on. Probes, `/metrics`, and the sign-in page with its files are always open.
    """

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator, reads: Reads = "open") -> None:
        self._app = app
        self._authenticator = authenticator
        self._reads = reads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        state = scope.setdefault("state", {})
        state[_BY_HTTPS] = self._authenticator.came_by_https(request)
        if not (self._reads == "token" or self._authenticator.identity()):
            await self._app(scope, receive, send)
            return
        person, session = self._authenticator.identify(request)
        state["person"] = person
        # a shared cache keeps a file of /static/ with all of its headers
        if session is not None and session.is_due and not scope["path"].startswith(_OPEN_BELOW):
            send = self._renewing(request, session.bearer, send)
        if self._reads == "open" or _is_open(scope["path"]):
            await self._app(scope, receive, send)
        elif _has(person, READ):
            state["may_read"] = lambda: _has(self._authenticator.identify(request)[0], READ)
            await self._app(scope, receive, _for_one_person(send))
        else:
            await _refusal(request, _refused(person, READ))(scope, receive, send)

    def _renewing(self, request: Request, bearer: Bearer, send: Send) -> Send:
        renewal = Response()
        self._authenticator.begin_session(request, renewal, bearer)
        cookie = renewal.headers["set-cookie"]

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "set-cookie" not in headers:  # a form's answer may begin or end the session itself
                    headers.append("set-cookie", cookie)
            await send(message)

        return send_on


def allowed(request: Request, scope: str) -> Person:
    """The person of the request, with the scope.

    Raises: HTTPException 401 without a person, 403 without the scope, and for a form of another site.
    """
    person: Person | None = getattr(request.state, "person", None)
    if not _has(person, scope):
        raise _refused(person, scope)
    if person.way != "token":
        require_same_origin(request)
    return person


def identified(request: Request) -> Person:
    """The person of the request. Raises: HTTPException 401 without one."""
    person: Person | None = getattr(request.state, "person", None)
    if person is None:
        raise HTTPException(401, "authentication required: sign in, or send a bearer token", _CHALLENGE)
    return person


def is_for_people(request: Request) -> bool:
    """Whether the answer is a page: a browser asks, and the path is none for programs."""
    path = request.scope["path"]
    return not (path.endswith(".json") or path.startswith(_FOR_PROGRAMS)) and takes_html(request)


def _is_open(path: str) -> bool:
    return path in _ALWAYS_OPEN or path.startswith(_OPEN_BELOW)


def _has(person: Person | None, scope: str) -> TypeGuard[Person]:
    return person is not None and scope in person.scopes


def _refused(person: Person | None, scope: str) -> HTTPException:
    if person is not None:
        return HTTPException(403, f"{person.name} lacks the scope {scope}")
    message = f"authentication required: sign in, or send a bearer token with the scope {scope}"
    return HTTPException(401, message, _CHALLENGE)


def _refusal(request: Request, refused: HTTPException) -> Response:
    if refused.status_code == 401 and request.method in ("GET", "HEAD") and is_for_people(request):
        given = request.scope["query_string"].decode("latin-1")
        query = f"?{given}" if given else ""
        onward = quote(f"{quote(request.scope['path'])}{query}", safe="/")
        return RedirectResponse(f"/sign-in?next={onward}", 303)
    return failed(refused.status_code, refused.detail, refused.headers)


def _for_one_person(send: Send) -> Send:
    """A shared cache must not give one person's answer to another."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).add_vary_header("Authorization, Cookie")
        await send(message)

    return send_on


def _peer(request: Request) -> str | None:
    return request.client.host if request.client is not None else None
