"""Broker URLs: `amqp://USER:PASSWORD@HOST:PORT/VHOST`, `amqps://…`, and `embedded:PATH`."""

import ssl
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from deploydb.domain.model.errors import Misconfigured

_EXPECTED = "expected amqp://USER:PASSWORD@HOST:PORT/VHOST, amqps://… or embedded:PATH"
_FILES = ("cafile", "certfile", "keyfile")


class RabbitMQAddress(Struct, frozen=True, kw_only=True):
    """The address of a RabbitMQ, with our login. `str()` leaves the password out.

    With TLS the server's certificate is verified, by `cafile` or the system's; `certfile` and `keyfile` are ours.
    """

    host: str
    port: int
    user: str
    password: str
    vhost: str
    tls: bool = False
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'amqps' if self.tls else 'amqp'}://{self.user}@{host}:{self.port}/{self.vhost}"

    def tls_context(self) -> ssl.SSLContext:
        """Verifies the server's name and certificate. Raises: Misconfigured for an unreadable file."""
        try:
            context = ssl.create_default_context(cafile=self.cafile)
            if self.certfile:
                context.load_cert_chain(self.certfile, self.keyfile)
        except OSError as error:
            named = ", ".join(f"{name}={value}" for name in _FILES if (value := getattr(self, name)))
            raise Misconfigured(f"the TLS files of the broker URL cannot be used ({named}): {error}") from error
        return context


class EmbeddedAddress(Struct, frozen=True, kw_only=True):
    """The file of an embedded transport."""

    path: Path

    def __str__(self) -> str:
        return f"embedded:{self.path}"


def parse_address(url: str) -> RabbitMQAddress | EmbeddedAddress:
    """Parse a broker URL. Raises: Misconfigured, never with a password."""
    scheme, separator, rest = url.partition(":")
    if scheme == "embedded" and separator:
        if not rest:
            raise Misconfigured("DEPLOYDB_BROKER_URL names no file: expected embedded:PATH")
        return EmbeddedAddress(path=Path(rest))
    if scheme not in ("amqp", "amqps"):
        raise Misconfigured(f"DEPLOYDB_BROKER_URL is not a broker's URL: {_EXPECTED}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its message may have a part of the password
        raise Misconfigured(f"DEPLOYDB_BROKER_URL cannot be read: {_EXPECTED}") from None
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        problem = "has an @ behind a / ? or #: write those of the password as %2F, %3F and %23"
        raise Misconfigured(f"DEPLOYDB_BROKER_URL {problem}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - set(_FILES)):
        raise Misconfigured(
            f"DEPLOYDB_BROKER_URL has unknown options {', '.join(unknown)}: known are {', '.join(_FILES)}"
        )
    tls = scheme == "amqps"
    return RabbitMQAddress(
        host=parts.hostname or "127.0.0.1",
        port=port or (5671 if tls else 5672),
        user=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        # amqp://host and amqp://host/ mean `/` for most clients; no vhost has an empty name.
        vhost=unquote(parts.path[1:]) or "/",
        tls=tls,
        cafile=options.get("cafile"),
        certfile=options.get("certfile"),
        keyfile=options.get("keyfile"),
    )
