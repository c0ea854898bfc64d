"""Who may write by the v1 interface: a bearer token with the scope `write`, or a client by its address."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

from msgspec import Struct
from starlette.requests import Request

from deploydb.domain.model.errors import Misconfigured
from deploydb.http.authentication import allowed
from deploydb.http.csrf import require_same_origin
from deploydb.http.hosts import is_loopback
from deploydb.identity import WRITE, Person
from deploydb.settings import Settings

Networks = Sequence[IPv4Network | IPv6Network]
LOOPBACK: Networks = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class Writers(Struct, frozen=True, kw_only=True):
    """Existing clients send no token. With `open`, those of `networks` need none."""

    mode: Literal["token", "open"] = "token"
    networks: Networks = LOOPBACK

    @classmethod
    def of(cls, given: Settings, *, listen: str) -> "Writers":
        """As the settings have it; by default `open` where the service listens on loopback alone.

        Raises: Misconfigured for a mode that does not exist, and for what is no network.
        """
        mode = given.v1_writes or ("open" if is_loopback(listen.rpartition(":")[0]) else "token")
        if mode not in ("token", "open"):
            raise Misconfigured(f"DEPLOYDB_V1_WRITES is {mode!r}: expected token or open")
        networks = tuple(_network(text) for text in given.v1_clients.replace(",", " ").split())
        return cls(mode="open" if mode == "open" else "token", networks=networks or LOOPBACK)

    def source(self, request: Request, trusts: Callable[[str | None], bool]) -> str:
        """The source of the facts of a request: `gateway/NAME` of a token, `v1@ADDRESS` of a client without one.
        `trusts`: whether an address is that of a proxy of ours.

        Raises: HTTPException 401 or 403 for a request that may not write.
        """
        address = _client(request, trusts)
        person: Person | None = getattr(request.state, "person", None)
        may_approve = person is not None and WRITE not in person.scopes  # at a promotion that people answer
        is_open = self.mode == "open" and ("authorization" not in request.headers or may_approve)
        if is_open and address is not None and any(address in network for network in self.networks):
            require_same_origin(request)
            return f"v1@{address}"
        return f"gateway/{allowed(request, WRITE).name}"


def _client(request: Request, trusts: Callable[[str | None], bool]) -> IPv4Address | IPv6Address | None:
    """The client's address; behind a proxy of ours the one that the proxy has added. None behind any other proxy: its
    clients may be anyone."""
    peer = request.client.host if request.client is not None else None
    forwarded = request.headers.getlist("x-forwarded-for")
    if trusts(peer):
        peer = forwarded[-1].rpartition(",")[2].strip() if forwarded else None
    elif forwarded or "forwarded" in request.headers:
        return None
    try:
        address = ip_address(peer or "")
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise Misconfigured(f"DEPLOYDB_V1_CLIENTS: {text} is neither an address nor a network") from error
