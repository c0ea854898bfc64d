"""The policy of outgoing requests: public addresses, and those that the operator allows.

The standard library's `is_global` depends on the patch release of Python and misses ranges. So an IPv6 address is
public only within 2000::/3, the allocation of IANA, and the missing special ranges are listed here.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

from msgspec import Struct

from deploydb.domain.model.errors import Misconfigured

SETTING = "DEPLOYDB_OUTGOING_ALLOW"
PRIVATE = "private"
"""The word for private networks; not for loopback, link-local and metadata addresses."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PRIVATE_NETWORKS: tuple[Network, ...] = tuple(
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_SPECIAL: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # IETF protocol assignments (RFC 6890)
        "192.88.99.0/24",  # 6to4 relay anycast (RFC 7526)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_METADATA: frozenset[Address] = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google Cloud, OpenStack and others
        "169.254.170.2",  # AWS ECS
        "169.254.170.23",  # AWS EKS
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS EKS
        "fd20:ce::254",  # Google Cloud
        "fd00:42::42",  # Scaleway
        "100.100.100.200",  # Alibaba Cloud
        "192.0.0.192",  # Oracle Cloud
        "168.63.129.16",  # Azure
    )
)
"""The addresses of a cloud's credentials. Each is allowed by its own address alone."""
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_EMBEDDING = tuple(IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96"))
"""NAT64 (RFC 6052, RFC 8215), IPv4-compatible and IPv4-translated (RFC 2765): the last 32 bits are an IPv4 address."""
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


class EgressPolicy(Struct, frozen=True, kw_only=True):
    """The allowed addresses besides public ones: networks, and host names with internal addresses.

    `private`: the word. It and host names never allow a metadata address, nor one behind a tunnel or a translator. A
    network allows a metadata address only if it is that single address.
    """

    private: bool = False
    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, setting: str) -> Self:
        """From a comma-separated list of `private`, networks, addresses and host names. Raises: Misconfigured."""
        private = False
        networks: list[Network] = []
        hosts: set[str] = set()
        for word in filter(None, (part.strip().lower() for part in setting.split(","))):
            if word == PRIVATE:
                private = True
                continue
            try:
                networks.append(ip_network(word))
            except ValueError as error:
                if "/" in word or not _HOST_NAME.fullmatch(word) or word.replace(".", "").isdecimal():
                    expected = "expected such as private,127.0.0.1,10.1.0.0/16,prometheus"
                    raise Misconfigured(f"{SETTING}: {word} is no network, address or host name: {expected}") from error
                hosts.add(word)
        return cls(private=private, networks=tuple(networks), hosts=frozenset(hosts))

    def refusal(self, host: str, address: Address) -> str | None:
        """The reason against a connection to an address of a host, with the remedy; None where it is allowed."""
        direct = isinstance(address, IPv4Address) or address.ipv4_mapped is not None
        for target in _meant(address):
            kind = _kind(target)
            if kind is None or any(_names(network, target) for network in self.networks):
                continue
            inside = target not in _METADATA and (direct or target == address)
            if inside and kind == PRIVATE and self.private:
                continue
            if inside and kind in (PRIVATE, "loopback") and host.lower().rstrip(".") in self.hosts:
                continue
            named = str(address) if host.strip("[]") == str(address) else f"{host} is {address}, which"
            how = f"{SETTING}={target}" + (f" (or {PRIVATE})" if inside and kind == PRIVATE else "")
            return f"{named} is a {kind} address: not asked; to allow it, set {how}"
        return None


def _names(network: Network, address: Address) -> bool:
    """Whether allowing the network allows the address."""
    if network.version != address.version or address not in network:
        return False
    return address not in _METADATA or network.num_addresses == 1


def _meant(address: Address) -> Iterator[Address]:
    """The targets of a packet to this address: the IPv4 address that an IPv6 address embeds."""
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
        if address in _LOCAL_NAT64:  # one site's translator: not public
            yield address
    else:
        yield address


def _kind(address: Address) -> str | None:
    """The kind of an address that is not public; None for a public one."""
    if address.is_unspecified:
        return "unspecified"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if address in _METADATA:
        return "metadata"
    if any(address.version == network.version and address in network for network in _PRIVATE_NETWORKS):
        return PRIVATE
    unallocated = isinstance(address, IPv6Address) and address not in _PUBLIC_IPV6
    special = any(address.version == network.version and address in network for network in _SPECIAL)
    return "reserved" if unallocated or special or not address.is_global else None
