"""`POST /api/sessions`: a browser is given a person's token to keep; `POST /api/sessions/end`: it forgets it."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.gateway.content import Content, content_of
from deploydb.gateway.limits import Limit
from deploydb.gateway.onward import onward, see, sign_in_again
from deploydb.gateway.people import came_by_https, require_same_origin, require_secret
from deploydb.identity import FORM_FIELD, SESSION_COOKIE, Identity
from deploydb.telemetry import Log

WRONG_AT_ONCE = 20
SECONDS_EACH = 3.0
"""Wrong tokens of one address. The right one is always taken: it cannot be guessed."""


class Sessions:
    """The endpoints. There is nothing to keep here: the cookie is the token."""

    def __init__(self, identity: Identity, *, log: Log) -> None:
        self._identity = identity
        self._log = log
        self._wrong = Limit(burst=WRONG_AT_ONCE, seconds=SECONDS_EACH)

    def routes(self) -> list[Route]:
        """Their paths."""
        return [
            Route("/api/sessions", self.begin, methods=["POST"]),
            Route("/api/sessions/end", self.end, methods=["POST"]),
        ]

    async def begin(self, request: Request) -> Response:
        """303 to `next` with the session's cookie, back to the sign-in page for a wrong token.

        Raises: HTTPException 403 where another site has sent the form, 429 for too many wrong tokens.
        """
        content = await _form(request)
        wanted = onward(content.text("next"))
        bearer = self._identity.tokens.find((content.text("token") or "").strip())
        if bearer is None:
            return self._refused(request, wanted)
        self._log.info("signed in", by=bearer.name)
        response = see(wanted)
        response.set_cookie(
            SESSION_COOKIE,
            (content.text("token") or "").strip(),
            path="/",
            httponly=True,
            samesite="strict",
            secure=came_by_https(request, self._identity),
        )
        return response

    async def end(self, request: Request) -> Response:
        """303 to `next`, without the cookie. Raises: HTTPException 403 where another site has sent the form."""
        content = await _form(request)
        response = see(onward(content.text("next")))
        response.delete_cookie(
            SESSION_COOKIE,
            path="/",
            httponly=True,
            samesite="strict",
            secure=came_by_https(request, self._identity),
        )
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
