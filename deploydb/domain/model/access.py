"""Which publisher may say which facts: `publishers` of access.yml, as data. `domain.access` judges by it.

A publisher is a user of the broker; of a request to the gateway the name of its token, `v1@ADDRESS` without one, or
`hooks/NAME`.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network

from msgspec import Struct

from deploydb.domain.model.fact import OWN_SOURCE

VERIFY_SOURCE = f"{OWN_SOURCE}/verify"
"""The source of the answers of `verify`."""
ORCHESTRATE_SOURCE = f"{OWN_SOURCE}/orchestrate"
"""The source of what tools answer to commands."""
OPEN_CLIENT = "v1@"
"""The beginning of the publisher, and of the source, of a v1 client without a token; its address follows."""
RESERVED_SOURCES = (OWN_SOURCE, f"{OWN_SOURCE}/*", "gateway/*", "hooks/*", f"{OPEN_CLIENT}*", "deployer/*")
"""Patterns of the sources that only DeployDB's own programs have."""
_OF_THE_GATEWAY = "gateway/name"
OF_HOOKS = "hooks/"
"""The beginning of the publishers that are webhooks."""
LONGEST_PUBLISHER = 255
ANY = ("*",)


class Grant(Struct, frozen=True, kw_only=True):
    """Facts that a publisher may say: of these types, about these services, environments and promotions. `*` in a name
    stands for any text.

    `sources`: the only ones of its facts; None: each that is not reserved. `vouches`: whether it may send the words and
    orders of people, and names them truly.
    """

    facts: tuple[str, ...] = ANY
    services: tuple[str, ...] = ANY
    environments: tuple[str, ...] = ANY
    promotions: tuple[str, ...] = ANY
    sources: tuple[str, ...] | None = None
    vouches: bool = False


class Access(Struct, frozen=True, kw_only=True):
    """The grants of each publisher, by its name or a pattern of names. None: any publisher may say everything.

    `veto`, `freeze`: the groups whose members may place and lift one; none: any person.
    """

    publishers: dict[str, tuple[Grant, ...]] | None = None
    veto: tuple[str, ...] = ()
    freeze: tuple[str, ...] = ()

    def lists(self, publisher: str) -> bool:
        """Whether an entry is for a person or a webhook, which need none: one with its name, or a pattern of webhooks.
        Other patterns are for those who need an entry."""
        return any(
            pattern == publisher or (pattern.startswith(OF_HOOKS) and matches_name(pattern, publisher))
            for pattern in self.publishers or {}
        )

    def granted(self, publisher: str) -> tuple[Grant, ...] | None:
        """The grants of every entry that the publisher matches; None where there is none."""
        found = [grants for pattern, grants in (self.publishers or {}).items() if matches_name(pattern, publisher)]
        return tuple(grant for grants in found for grant in grants) if found else None


EVERYTHING = (Grant(sources=ANY, vouches=True),)
GATEWAY = (Grant(vouches=True), Grant(sources=("gateway/*", "hooks/*", f"{OPEN_CLIENT}*"), vouches=True))
"""What the gateway says for others. It has judged them."""
PROGRAMS: Mapping[str, tuple[Grant, ...]] = {
    "gateway": GATEWAY,
    "relay": (
        Grant(facts=("verification.finished",), sources=(VERIFY_SOURCE,)),
        Grant(facts=("deployment.started", "deployment.finished"), sources=(ORCHESTRATE_SOURCE,)),
    ),
    "deployer": (Grant(facts=("deployment.started", "deployment.finished"), sources=("deployer/*",)),),
    "operator": EVERYTHING,
}
"""The grants of DeployDB's own programs, and of a person who replays dead letters, by the usual names of their users,
where access.yml does not name them."""


def grants_of_user(access: Access, user: str, source: str, *, own: str) -> tuple[Grant, ...] | None:
    """The grants of a user of the broker for facts from a source; None where it has no entry.

    `own`: the user of ingest itself. It may say everything, or what access.yml has under this name. From reserved
    sources it may say everything in any case: the other programs of an embedded DeployDB have the same user.
    """
    named = user in (access.publishers or {})
    if user == own:
        return access.granted(user) if named and not is_reserved(source) else EVERYTHING
    return PROGRAMS[user] if user in PROGRAMS and not named else access.granted(user)


def sends_for_others(access: Access, user: str, *, own: str) -> bool:
    """Whether a user of the broker names truly for whom it sends a fact: the gateway, which all its clients share. It
    vouches for people, and may send from the gateway's sources."""
    if user == own or access.publishers is None:
        return user in (own, "gateway")
    grants = grants_of_user(access, user, "", own=own) or ()
    return any(grant.vouches and matches(grant.sources or (), _OF_THE_GATEWAY) for grant in grants)


def is_reserved(source: str) -> bool:
    """Whether only DeployDB's own programs have the source."""
    return matches(RESERVED_SOURCES, source)


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether one of the patterns is the name."""
    return any(pattern in ("*", name) or ("*" in pattern and _glob(pattern).fullmatch(name)) for pattern in patterns)


def matches_name(pattern: str, publisher: str) -> bool:
    """Whether a pattern, or a network such as `v1@10.0.0.0/8`, is that of the publisher."""
    if pattern == publisher or ("*" in pattern and matches((pattern,), publisher)):
        return True
    if "/" not in pattern or not (pattern.startswith(OPEN_CLIENT) and publisher.startswith(OPEN_CLIENT)):
        return False
    try:
        address = ip_address(publisher.removeprefix(OPEN_CLIENT))
        return address in ip_network(pattern.removeprefix(OPEN_CLIENT), strict=False)
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
