"""The address by which a browser has come."""

from starlette.requests import Request

from deploydb.http.authentication import came_by_https


def origin_of(request: Request) -> str:
    """The scheme and host, for people to copy. A client may make the host up: nothing else follows from it."""
    return f"{'https' if came_by_https(request) else 'http'}://{request.headers.get('host', 'localhost')}"
