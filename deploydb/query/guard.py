"""Who asks: known to every page, and wanted where reads are not open to everybody."""

from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploydb.domain.errors import Misconfigured
from deploydb.identity import READ, SESSION_COOKIE, Identity, Person
from deploydb.query.errors import failed
from deploydb.settings import Reads

_ALWAYS_OPEN = ("/healthz", "/readyz", "/healthcheck", "/metrics", "/sign-in", "/favicon.ico")
_OPEN_BELOW = "/static/"
_FOR_PROGRAMS = ("/api/",)
_NOT_KEPT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def require_somebody(identity: Identity, reads: Reads) -> None:
    """Raises: Misconfigured where reading wants a person, and nobody can be known."""
    if reads == "token" and not identity:
        raise Misconfigured(
            "DEPLOYDB_READ is token, and nobody has one: give DEPLOYDB_TOKENS, or DEPLOYDB_PERSON_HEADER with "
            "DEPLOYDB_PROXIES"
        )


class Guard:
    """ASGI middleware. Puts the person, None for nobody, into `scope["state"]["person"]`; where nobody can be
    known, there is no such thing, and pages offer nothing to sign in for.

    Probes, what Prometheus scrapes, and what the sign-in page is made of are open in any case.
    """

    def __init__(self, app: ASGIApp, *, identity: Identity, reads: Reads) -> None:
        """Raises: as `require_somebody`."""
        require_somebody(identity, reads)
        self._app = app
        self._identity = identity
        self._reads = reads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered, or tell who must say who they are."""
        if scope["type"] != "http" or not self._identity:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        person = self._identity.person_of(
            peer=request.client.host if request.client is not None else None,
            lines=request.headers.getlist,
            session=request.cookies.get(SESSION_COOKIE),
        )
        known = {**scope, "state": {**scope.get("state", {}), "person": person}}
        if self._reads == "open" or _is_open(scope["path"]):
            await self._app(known, receive, send)
        elif person is not None and READ in person.scopes:
            await self._app(known, receive, _for_one_person(send))
        else:
            await _refusal(request, person)(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in _ALWAYS_OPEN or path.startswith(_OPEN_BELOW)


def _refusal(request: Request, person: Person | None) -> Response:
    if person is not None:
        return failed(403, f"the token of {person.name} has no scope {READ}", _NOT_KEPT)
    if _is_for_people(request):
        given = request.scope["query_string"].decode("latin-1")
        query = f"?{given}" if given else ""
        onward = quote(f"{quote(request.scope['path'])}{query}", safe="/")
        return RedirectResponse(f"/sign-in?next={onward}", 303, headers=_NOT_KEPT)
    told = "who asks? Send `Authorization: Bearer` with a token that has the scope read"
    return failed(401, told, {**_NOT_KEPT, "WWW-Authenticate": 'Bearer realm="deploydb"'})


def _is_for_people(request: Request) -> bool:
    path = request.scope["path"]
    if request.method not in ("GET", "HEAD") or path.endswith(".json") or path.startswith(_FOR_PROGRAMS):
        return False
    return any("text/html" in line for line in request.headers.getlist("accept"))


def _for_one_person(send: Send) -> Send:
    """What one person may read is not for the next one who uses the same cache."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).add_vary_header("Authorization, Cookie")
        await send(message)

    return send_on
