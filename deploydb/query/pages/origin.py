"""The address by which a browser has come."""

from starlette.requests import Request


def origin_of(request: Request) -> str:
    """The scheme and host, for people to copy. A client may make them up: nothing else follows from them."""
    proxied = request.headers.getlist("x-forwarded-proto") == ["https"]
    scheme = "https" if proxied else request.scope["scheme"]
    return f"{scheme}://{request.headers.get('host', 'localhost')}"
