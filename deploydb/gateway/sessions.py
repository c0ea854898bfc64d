"""`POST /api/sessions`: a browser shows a person's token and gets a session; `POST /api/sessions/end` ends it.

`GET /api/sessions` answers who the person of a request is, for programs that have a token and no name.
"""

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.gateway.order_request import source_of
from deploydb.gateway.request_body import Content, content_of
from deploydb.http.authentication import Authenticator, identified
from deploydb.http.csrf import require_same_origin, require_secret
from deploydb.http.negotiation import JSON
from deploydb.http.rate_limits import Limit
from deploydb.http.redirects import onward, see, sign_in_again
from deploydb.identity import FORM_FIELD
from deploydb.telemetry import Log

WRONG_AT_ONCE = 20
SECONDS_EACH = 3.0
"""Wrong tokens of one address. The right one is always taken: it cannot be guessed."""


class SessionEndpoints:
    def __init__(self, authenticator: Authenticator, *, log: Log) -> None:
        self._authenticator = authenticator
        self._log = log
        self._wrong = Limit(burst=WRONG_AT_ONCE, seconds=SECONDS_EACH)

    def routes(self) -> list[Route]:
        return [
            Route("/api/sessions", self.begin, methods=["POST"]),
            Route("/api/sessions", self.show, methods=["GET"]),
            Route("/api/sessions/end", self.end, methods=["POST"]),
        ]

    async def begin(self, request: Request) -> Response:
        """303 to `next` with the session's cookie, back to the sign-in page for a wrong token.

        Raises: HTTPException 403 where another site has sent the form, 429 for too many wrong tokens.
        """
        content = await _form(request)
        wanted = onward(content.text("next"))
        bearer = self._authenticator.sign_in(content.text("token") or "")
        if bearer is None:
            return self._refused(request, wanted)
        self._log.info("signed in", by=bearer.name)
        response = see(wanted)
        self._authenticator.begin_session(request, response, bearer)
        return response

    async def show(self, request: Request) -> Response:
        """The person's name, the source of their orders, and their scopes. Raises: HTTPException 401 without one."""
        person = identified(request)
        body = {"name": person.name, "source": source_of(person), "scopes": sorted(person.scopes)}
        return Response(msgspec.json.encode(body), media_type=JSON)

    async def end(self, request: Request) -> Response:
        """303 to `next`, without the cookie. Raises: HTTPException 403 where another site has sent the form."""
        content = await _form(request)
        response = see(onward(content.text("next")))
        self._authenticator.end_session(request, response)
        return response

    def _refused(self, request: Request, wanted: str) -> Response:
        peer = request.client.host if request.client is not None else "?"
        self._log.warning("a wrong token", peer=peer)
        seconds = self._wrong.take(peer)
        if seconds:
            raise HTTPException(429, f"too many wrong tokens: wait {seconds} s", {"Retry-After": str(seconds)})
        return sign_in_again(wanted)


async def _form(request: Request) -> Content:
    require_same_origin(request)
    content = await content_of(request, forms_only=True)
    require_secret(request, content.text(FORM_FIELD))
    return content
