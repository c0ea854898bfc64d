"""By which names a service that listens on loopback may be asked.

A page of any site can have a browser ask 127.0.0.1 under a name of its own: it has that name resolve to loopback, and
reads the answer as its own (DNS rebinding). The browser says the name in `Host`: what is no name of ours is refused. A
service that listens elsewhere is asked by names that it cannot know, and is not reached this way.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from msgspec import Struct
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from deploydb.http.errors import failed, shown

MISDIRECTED = 421
"""RFC 9110 §15.5.20: this server does not answer for that name."""
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Hosts(Struct, frozen=True, kw_only=True):
    """The names besides loopback's own, in small letters."""

    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *, url: str, listen: str, more: str) -> "Hosts":
        """The host of DEPLOYDB_URL, that of the address that is listened on, and DEPLOYDB_HOSTS: names with commas."""
        given = (url.partition("://")[2].partition("/")[0], listen, *more.split(","))
        return cls(names=frozenset(name for text in given if (name := _name(text)) is not None))

    def refusal(self, hosts: Iterable[str]) -> str | None:
        """Why a request is refused that says these hosts; None where all of them are ours, and where it says none."""
        for host in hosts:
            name = _name(host)
            if name is None or not (is_loopback(name) or name in self.names):
                message = f"{shown(host)} is no name of this service, which listens on loopback"
                return f"{message}: ask 127.0.0.1 or localhost, or add the name to DEPLOYDB_HOSTS"
        return None


def is_loopback(host: str) -> bool:
    """Whether a host, by name or address, is this machine alone."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


class OwnHosts:
    """ASGI middleware: what is asked of another host is answered with 421."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = self._hosts.refusal(Headers(scope=scope).getlist("host")) if scope["type"] == "http" else None
        answer = self._app if message is None else failed(MISDIRECTED, message, _HEADERS)
        await answer(scope, receive, send)


def only_own_hosts(app: ASGIApp, *, address: str, url: str = "", listen: str = "", more: str = "") -> ASGIApp:
    """The application as it is to be served on a socket with this address: on loopback, for its own names alone."""
    return OwnHosts(app, Hosts.of(url=url, listen=listen, more=more)) if is_loopback(address) else app


def _name(host: str) -> str | None:
    """The host without its port, in small letters; None for what is no host."""
    host = host.strip()
    if not host.isprintable():  # urlsplit leaves some such characters out
        return None
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018  # a ValueError where it is none
    except ValueError:
        return None
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        return None
    return (parts.hostname or "").removesuffix(".") or None
