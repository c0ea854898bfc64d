"""`/`: the inbox for people; for programs, and for people with curl, where the answers are."""

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from deploydb import __version__
from deploydb.http.authentication import is_for_people
from deploydb.http.negotiation import JSON
from deploydb.http.redirects import HOME
from deploydb.query.origin import origin_of

ADDRESSES = {
    "/services": "every service that is configured",
    "/environments": "every environment",
    "/api/inbox": "what needs somebody now",
    "/api/status": "what runs where; ?service=, ?environment=, ?at=",
    "/api/why/SERVICE/ENVIRONMENT": "why a version is there, or is not",
    "/api/where/COMMIT": "where a commit, a digest or a version is",
    "/api/events": "the log, newest first",
    "/api/openapi.json": "all of the interface",
}


async def home(request: Request) -> Response:
    """A redirect for browsers; JSON where `Accept` names it, else plain text."""
    if is_for_people(request):
        return RedirectResponse(HOME, 307)
    if any("json" in line for line in request.headers.getlist("accept")):
        body = {"service": "deploydb", "version": __version__, "addresses": ADDRESSES}
        return Response(msgspec.json.encode(body), media_type=JSON)
    width = max(map(len, ADDRESSES))
    lines = [f"  {address:{width}}  {about}" for address, about in ADDRESSES.items()]
    origin = origin_of(request)
    return PlainTextResponse(
        f"DeployDB {__version__}: what runs where, since when, and why.\n\n"
        + "\n".join(lines)
        + f"\n\nOn the command line: DEPLOYDB_URL={origin} deploydb status\nIn a browser: {origin}/\n"
    )
