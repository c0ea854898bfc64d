"""Connecting to RabbitMQ with pika: parameters, and a blocking connection for the commands of people."""

from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLCertVerificationError
from typing import Any

import pika
from pika.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelClosed,
    ConnectionClosed,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from deploydb.broker.address import RabbitMQAddress
from deploydb.broker.errors import meaning, untrusted
from deploydb.domain.model.errors import Misconfigured, NotAllowed, Transient

HEARTBEAT_SECONDS = 20
"""pika checks for traffic every interval plus five seconds: it finds a dead peer within twice that, 50 s. With the
usual 30 s of RabbitMQ it would be 70."""
_CONNECT_SECONDS = 5
_STACK_SECONDS = 15
_BLOCKED_SECONDS = 20
"""For commands of people only: workers see `connection.blocked` at once."""


def parameters(
    address: RabbitMQAddress, *, name: str, blocked_seconds: float | None = None
) -> pika.ConnectionParameters:
    """pika's parameters. Raises: Misconfigured for unreadable TLS files."""
    return pika.ConnectionParameters(
        host=address.host,
        port=address.port,
        virtual_host=address.vhost,
        credentials=pika.PlainCredentials(address.user, address.password),
        heartbeat=HEARTBEAT_SECONDS,
        socket_timeout=_CONNECT_SECONDS,
        stack_timeout=_STACK_SECONDS,
        blocked_connection_timeout=blocked_seconds,
        client_properties={"connection_name": f"deploydb-{name}"},
        ssl_options=pika.SSLOptions(address.tls_context(), address.host) if address.tls else None,
    )


@contextmanager
def translate_errors(address: RabbitMQAddress) -> Iterator[None]:
    """Translate pika's errors."""
    try:
        yield
    except (ChannelClosed, ConnectionClosed) as error:
        raise meaning(error.reply_code, error.reply_text, address) from error
    except (AMQPError, OSError) as error:
        raise unreachable(error, address) from error


@contextmanager
def connected(address: RabbitMQAddress, *, name: str) -> Iterator[pika.BlockingConnection]:
    """A blocking connection for the time of the block. Raises: as `translate_errors`."""
    with translate_errors(address):
        connection = pika.BlockingConnection(parameters(address, name=name, blocked_seconds=_BLOCKED_SECONDS))
        try:
            yield connection
        finally:
            if connection.is_open:
                connection.close()


def unreachable(error: BaseException, address: RabbitMQAddress) -> Transient | Misconfigured:
    """The error to raise for a connection that did not open."""
    text = ""
    for cause in _causes(error):
        text = str(cause) or text
        if isinstance(cause, ConnectionClosed):
            return meaning(cause.reply_code, cause.reply_text, address)
        if isinstance(cause, SSLCertVerificationError):
            return untrusted(cause, address)
        if isinstance(cause, AuthenticationError | ProbableAuthenticationError):
            return NotAllowed(f"{address} refuses the login: check the user and the password in DEPLOYDB_BROKER_URL")
        if isinstance(cause, ProbableAccessDeniedError):
            return NotAllowed(
                f"{address} refuses: check that the vhost of DEPLOYDB_BROKER_URL exists and that its user may use it"
            )
    return Transient(f"{address} cannot be reached: {text or repr(error)}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and the errors that pika has packed into it: workflow errors keep their attempts in `exceptions`."""
    yield error
    packed: Any = getattr(error, "exceptions", ())
    for inner in (*packed, getattr(error, "exception", None), *(arg for arg in error.args if arg is not error)):
        if isinstance(inner, BaseException):
            yield from _causes(inner)
