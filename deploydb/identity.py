"""Identity of a person: by a bearer token, which is hashed at rest, or by the header of an authenticating proxy.

Pure. Scopes permit a person to act; the groups in the configuration decide for which promotions an approval counts.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

from msgspec import Struct

from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.person_names import person_name
from deploydb.domain.unsafe_characters import not_allowed

READ = "read"
APPROVE = "approve"
WRITE = "write"
SCOPES = (READ, APPROVE, WRITE)

SESSION_COOKIE = "deploydb_session"
"""Holds a signed session (`http.sessions`). HttpOnly, SameSite=Strict, Path=/, Secure where it came by https."""
FORM_COOKIE = "deploydb_form"
"""A secret that the forms of our pages say again in `FORM_FIELD`: no other site's page can read it."""
FORM_FIELD = "form"

LONGEST_NAME = 200
"""A person's name is part of the source of what they say, which has 255 characters at most."""
LONGEST_TOKEN = 2000
_PREFIX = "ddb_"
_RANDOM_BYTES = 32
_BY_PROXY = frozenset((READ, APPROVE))
_HASH = re.compile(r"[0-9a-f]{64}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")

HeaderLines = Callable[[str], Sequence[str]]
"""The lines of a request's header, by its name."""


class Bearer(Struct, frozen=True, kw_only=True):
    """Whose a token is, and what it is good for. The token itself is not known."""

    name: str
    scopes: frozenset[str]
    hashed: str

    @property
    def id_(self) -> str:
        """The id in sessions. Of no use as a token, nor to find one."""
        return sha256(f"session {self.hashed}".encode()).hexdigest()[:32]


class Person(Struct, frozen=True, kw_only=True):
    """Who asks. `way`: a browser sends what says so by itself (`session`, `proxy`), a program on purpose (`token`)."""

    name: str
    scopes: frozenset[str]
    way: Literal["token", "session", "proxy"]


def new_token() -> str:
    """A token of 256 random bits."""
    return f"{_PREFIX}{secrets.token_urlsafe(_RANDOM_BYTES)}"


def hashed(token: str) -> str:
    """What is kept of a token. It has 256 random bits: a slow hash would add nothing."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def token_line(name: str, scopes: Iterable[str], token: str) -> str:
    """The line of the tokens' file for a token. Raises: Misconfigured for a name or a scope that cannot be."""
    chosen = set(scopes)
    unknown = sorted(chosen - set(SCOPES))
    if unknown:
        raise Misconfigured(f"there is no scope {', '.join(unknown)}: expected {', '.join(SCOPES)}")
    if name.startswith("#") or len(name.split()) != 1 or name.strip() != name:
        raise Misconfigured(f"{name!r} cannot be the name of a token: write it without spaces, and not with # first")
    line = f"{name} {','.join(scope for scope in SCOPES if scope in chosen)} {hashed(token)}"
    Tokens.parse(line)
    return line


class Tokens:
    """The tokens that are known, by their hashes."""

    def __init__(self, bearers: Sequence[Bearer]) -> None:
        self._bearers = tuple(bearers)
        self._by_id = {bearer.id_: bearer for bearer in self._bearers}

    @classmethod
    def parse(cls, text: str, source: str = "DEPLOYDB_TOKENS") -> "Tokens":
        """From lines `NAME SCOPE[,SCOPE…] SHA256HEX`. Empty lines and lines that begin with `#` do not count.

        Raises: Misconfigured with the source and the line's number; it never quotes a hash or a possible token.
        """
        bearers: dict[str, Bearer] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            bearer = _bearer(line.split(), f"{source}, line {number}")
            if bearer.hashed in bearers:
                raise Misconfigured(f"{source}, line {number}: the token of an earlier line: remove one of them")
            bearers[bearer.hashed] = bearer
        return cls(tuple(bearers.values()))

    def __len__(self) -> int:
        return len(self._bearers)

    def by_id(self, id_: str) -> Bearer | None:
        """The bearer whom a session names, if there still is one."""
        return self._by_id.get(id_)

    def find(self, presented: str) -> Bearer | None:
        """Whose a token is. Takes as long for a wrong one as for any right one."""
        if len(presented) > LONGEST_TOKEN:
            return None
        given = hashed(presented)
        found = None
        for bearer in self._bearers:
            if hmac.compare_digest(bearer.hashed, given):
                found = bearer
        return found


class Proxies:
    """The proxies that say in a header who a person is. By default there are none, and the header means nothing."""

    def __init__(self, header: str | None = None, networks: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._header = header
        self._networks = tuple(networks)

    @classmethod
    def parse(cls, header: str, networks: str) -> "Proxies":
        """From the header's name and the proxies' addresses or networks, separated by commas or spaces.

        Raises: Misconfigured where one of them is none, or no proxy may set the header.
        """
        if header and not _HEADER.fullmatch(header):
            raise Misconfigured(f"DEPLOYDB_PERSON_HEADER is {header!r}: expected a header, such as X-Forwarded-User")
        trusted = [_network(text) for text in networks.replace(",", " ").split()]
        if header and not trusted:
            action = "name in DEPLOYDB_PROXIES the addresses of the proxies that set it"
            raise Misconfigured(f"DEPLOYDB_PERSON_HEADER is {header}, and no proxy is trusted to set it: {action}")
        return cls(header or None, trusted)

    def __bool__(self) -> bool:
        return self._header is not None

    def trusts(self, peer: str | None) -> bool:
        """Whether the other end of a connection is one of them."""
        try:
            address = ip_address(peer or "")
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

    def name(self, peer: str | None, lines: HeaderLines) -> str | None:
        """The person whom a proxy names. Two lines do not count: one may be the client's own."""
        if self._header is None or not self.trusts(peer):
            return None
        values = lines(self._header)
        if len(values) != 1:
            return None
        try:
            name = person_name(values[0].encode("latin-1").decode("utf-8"))  # headers come as Latin-1, names are UTF-8
        except UnicodeError:
            return None
        return name if name.strip() and len(name) <= LONGEST_NAME and not_allowed(name) is None else None


class Identity(Struct, frozen=True, kw_only=True):
    """Every way to know who a person is."""

    tokens: Tokens
    proxies: Proxies

    @classmethod
    def parse(cls, *, tokens: str, person_header: str, proxies: str, source: str = "DEPLOYDB_TOKENS") -> "Identity":
        """From the settings; `source` is the place of the tokens, for messages. Raises: Misconfigured."""
        return cls(tokens=Tokens.parse(tokens, source), proxies=Proxies.parse(person_header, proxies))

    def __bool__(self) -> bool:
        """Whether a person can be identified at all."""
        return bool(self.tokens) or bool(self.proxies)

    def person_of(self, *, peer: str | None, lines: HeaderLines, session: Bearer | None) -> Person | None:
        """The person by the `Authorization` header, by the bearer of a session, or by a proxy's header; else None.

        An unknown token in `Authorization` is no person, whatever else the request has.
        """
        presented = lines("Authorization")
        if presented:
            scheme, _, token = presented[0].partition(" ")
            if len(presented) != 1 or scheme.lower() != "bearer":
                return None
            return _person(self.tokens.find(token.strip()), "token")
        if session is not None:
            return _person(session, "session")
        name = self.proxies.name(peer, lines)
        return Person(name=name, scopes=_BY_PROXY, way="proxy") if name is not None else None

    def came_by_https(self, *, scheme: str, peer: str | None, lines: HeaderLines) -> bool:
        """Whether the person's browser speaks TLS, to us or to a proxy in front of us."""
        return scheme == "https" or (self.proxies.trusts(peer) and list(lines("X-Forwarded-Proto")) == ["https"])


def _person(bearer: Bearer | None, way: Literal["token", "session"]) -> Person | None:
    return Person(name=person_name(bearer.name), scopes=bearer.scopes, way=way) if bearer is not None else None


def _bearer(words: Sequence[str], where: str) -> Bearer:
    if len(words) != 3:
        expected = "expected NAME SCOPE[,SCOPE…] SHA256HEX, as `deploydb token NAME` makes it"
        raise Misconfigured(f"{where}: {expected}, found {len(words)} words")
    name, listed, known_by = words
    if len(name) > LONGEST_NAME or not_allowed(name) is not None:
        raise Misconfigured(f"{where}: the name has more than {LONGEST_NAME} characters, or some that cannot be seen")
    scopes = frozenset(listed.split(","))
    if not scopes <= set(SCOPES):
        unknown = ", ".join(sorted(scopes - set(SCOPES))) or "an empty one"
        raise Misconfigured(
            f"{where}: {name} has a scope that does not exist ({unknown[:80]}): there is {', '.join(SCOPES)}"
        )
    if not _HASH.fullmatch(known_by.lower()):
        raise Misconfigured(
            f"{where}: {name} is to be known by 64 hexadecimal digits: `deploydb token {name}` makes a line"
        )
    return Bearer(name=name, scopes=scopes, hashed=known_by.lower())


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise Misconfigured(f"DEPLOYDB_PROXIES: {text} is neither an address nor a network") from error
