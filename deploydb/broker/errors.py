"""RabbitMQ's reply codes as our errors, above all those of closed channels and connections.

The codes are AMQP 0-9-1's; the texts are RabbitMQ's, and only their stable parts are used.
"""

import re
from datetime import UTC, datetime
from ssl import SSLCertVerificationError

from deploydb.broker.address import RabbitMQAddress
from deploydb.domain.model.errors import Misconfigured, NotAllowed, Transient

PROVISION = "run `deploydb broker provision`"

_ABSENT = re.compile(r"no (?P<kind>queue|exchange) '(?P<name>[^']*)'")
_UNEQUAL = re.compile(
    r"inequivalent arg '(?P<argument>[^']*)' for (?P<kind>queue|exchange) '(?P<name>[^']*)' in vhost '[^']*': "
    r"received (?P<wanted>.*?) but current is (?P<found>.*)"
)
_VALUE = re.compile(r"^(?:the value )?'(?P<value>.*?)'(?: of type '\w+')?$")


def meaning(code: int, text: str, address: RabbitMQAddress) -> Transient | Misconfigured:
    """The error to raise for a channel or connection that the broker has closed with `code` and `text`."""
    match code:
        case 404 if absent := _ABSENT.search(text):
            # Other 404s (a queue's home node is down, its process has stopped) are transient.
            kind, name = absent["kind"], absent["name"]
            return Misconfigured(f"the {kind} {name} does not exist on {address}: {PROVISION}")
        case 406 if unequal := _UNEQUAL.search(text):
            kind, name, argument = unequal["kind"], unequal["name"], unequal["argument"]
            return Misconfigured(
                f"the {kind} {name} on {address} has {argument} {_value(unequal['found'])}, and "
                f"{_value(unequal['wanted'])} is wanted: it cannot be changed in place; delete the {kind} once it is "
                f"empty and unused, then {PROVISION}"
            )
        case 403 | 530:
            return NotAllowed(f"{address} refuses: {text}; check DEPLOYDB_BROKER_URL and the permissions of its user")
        case _:
            return Transient(f"{address} has closed the connection: {code} {text}")


def untrusted(error: SSLCertVerificationError, address: RabbitMQAddress) -> Misconfigured:
    """The error to raise for a server with an untrusted certificate."""
    return Misconfigured(
        f"the certificate of {address} is not trusted ({error.verify_message}): "
        "name its authority by ?cafile=… in the broker URL, and the server as its certificate does"
    )


def moment(timestamp: int | None) -> datetime | None:
    """AMQP's timestamp property, seconds since 1970; None also for one beyond the calendar."""
    if timestamp is None:
        return None
    try:
        return datetime.fromtimestamp(timestamp, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _value(text: str) -> str:
    found = _VALUE.match(text.strip().rstrip("."))
    return found["value"] if found else text.strip()
