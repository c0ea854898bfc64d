"""Which addresses may be connected to: the public ones, and those that the operator allows."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Self

from msgspec import Struct

from deploydb.domain.errors import Misconfigured

SETTING = "DEPLOYDB_OUTGOING_ALLOW"
PRIVATE = "private"
"""The word for the networks that organisations use inside; not for loopback, nor for link-local addresses."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PRIVATE_NETWORKS: tuple[Network, ...] = tuple(
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_EMBEDDING = tuple(IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
"""NAT64 (RFC 6052, RFC 8215) and IPv4-compatible addresses: the last 32 bits are an IPv4 address."""
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


class Allowed(Struct, frozen=True, kw_only=True):
    """What may be reached besides public addresses: networks, and host names wherever inside they point to."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, setting: str) -> Self:
        """From a comma-separated list of `private`, networks, addresses and host names.

        Raises: Misconfigured.
        """
        networks: list[Network] = []
        hosts: set[str] = set()
        for word in filter(None, (part.strip().lower() for part in setting.split(","))):
            if word == PRIVATE:
                networks += _PRIVATE_NETWORKS
                continue
            try:
                networks.append(ip_network(word))
            except ValueError as error:
                if "/" in word or not _HOST_NAME.fullmatch(word) or word.replace(".", "").isdecimal():
                    told = f"{SETTING}: {word} is no network, address or host name"
                    raise Misconfigured(f"{told}: expected such as private,127.0.0.1,10.1.0.0/16,prometheus") from error
                hosts.add(word)
        return cls(networks=tuple(networks), hosts=frozenset(hosts))

    def refusal(self, host: str, address: Address) -> str | None:
        """Why an address of a host may not be connected to, and what to set; None where it may."""
        for one in _meant(address):
            kind = _kind(one)
            if kind is None or any(one.version == network.version and one in network for network in self.networks):
                continue
            if host.lower().rstrip(".") in self.hosts and kind in (PRIVATE, "loopback"):
                continue
            named = str(address) if host.strip("[]") == str(address) else f"{host} is {address}, which"
            how = f"{SETTING}={one}" + (f" (or {PRIVATE})" if kind == PRIVATE else "")
            return f"{named} is a {kind} address: not asked; to allow it, set {how}"
        return None


def _meant(address: Address) -> Iterator[Address]:
    """The address that a packet to this one ends at: the IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv4Address) or address.is_loopback or address.is_unspecified:
        yield address
    elif address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address.sixtofour is not None:
        yield address.sixtofour
    elif address.teredo is not None:
        yield from address.teredo
    elif any(address in network for network in _EMBEDDING):
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
    else:
        yield address


def _kind(address: Address) -> str | None:
    """What keeps an address from being public; None for a public one."""
    if address.is_unspecified:
        return "unspecified"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if any(address.version == network.version and address in network for network in _PRIVATE_NETWORKS):
        return PRIVATE
    return None if address.is_global else "reserved"
