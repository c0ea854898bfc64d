"""Facts on their way to the events exchange, each with a confirm."""

import json
import socket
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from deploydb.broker.open import open_outbound
from deploydb.broker.port import Message, Receipt
from deploydb.broker.topology import EVENTS
from deploydb.cli.client import ask, post, trace_headers
from deploydb.domain.model.errors import MessageRejected, Misconfigured, NotFound, Permanent, Transient
from deploydb.domain.model.facts import Fact, type_of
from deploydb.domain.person_names import person_name
from deploydb.http.orders import DECISION, order_of
from deploydb.processes import me
from deploydb.settings import from_environment
from deploydb.wire.native import FACT_CONTENT_TYPE, decode_fact, encode_fact, require_past

WINDOW = 1000
"""Messages handed to the broker at once."""


def new_id() -> str:
    """A unique id."""
    return str(uuid4())


def my_source() -> str:
    """The source of what is typed here."""
    return f"cli/{me()}@{socket.gethostname()}"[:255]


def signed(by: str | None) -> dict[str, Any]:
    """The fields of a fact that a user makes now; `by`: another user."""
    return {"id": new_id(), "source": my_source(), "time": datetime.now(UTC), "by": person_name(by or me())}


def signed_order(by: str | None) -> dict[str, Any]:
    """As `signed`, of an order; where it goes over HTTP the person and the source are those of the token.

    Raises: UsageError for another user than the token's; as `ask`.
    """
    if not goes_over_http():
        return signed(by)
    try:
        person = ask("sessions")
    except NotFound as error:
        reason = f"{from_environment().url} takes no orders"
        raise NotFound(f"{reason}: set DEPLOYDB_URL to the address that `web` or the proxy serves") from error
    if by is not None and person_name(by) != person["name"]:
        raise click.UsageError(f"--by {by}: the order is by {person['name']}, whose token DEPLOYDB_TOKEN is")
    return {"id": new_id(), "source": person["source"], "time": datetime.now(UTC), "by": person["name"]}


def message_of(fact: Fact, body: bytes | None = None) -> Message:
    """The message of a fact. `body`: as the user wrote it."""
    return raw_message(encode_fact(fact) if body is None else body, type_of(fact), f"{fact.source}/{fact.id}")


def raw_message(body: bytes, type_: str, id_: str) -> Message:
    """A message for the events exchange."""
    return Message(
        exchange=EVENTS,
        routing_key=type_,
        body=body,
        message_id=id_[:255],
        content_type=FACT_CONTENT_TYPE,
        headers=trace_headers(),
    )


def checked(fact: Fact | dict[str, Any]) -> Fact:
    """The fact as ingest would read it now. Raises: Permanent where ingest would refuse it, or its time is to come."""
    now = datetime.now(UTC)
    try:
        body = encode_fact(fact)
        require_past(body, now)
        return decode_fact(body, arrived_at=now)
    except MessageRejected as refused:
        raise Permanent(str(refused)) from refused
    except UnicodeEncodeError as error:
        raise Permanent(f"{error.object!r} is not UTF-8") from error


def publish_all(messages: Iterable[tuple[str, Message]]) -> Iterator[tuple[str, Receipt]]:
    """Publish in order, window by window. Each message has its place as the user knows it, such as FILE:LINE, and so
    has its receipt.

    Raises: Transient where the broker is away; Misconfigured where there is none here, or it lacks the exchange.
    """
    url = from_environment().broker_url
    if url.startswith("embedded:") and not Path(url.removeprefix("embedded:")).exists():
        raise Misconfigured(
            f"no DeployDB here ({url.removeprefix('embedded:')} does not exist): run `deploydb up` first, "
            "or set DEPLOYDB_DATA or DEPLOYDB_BROKER_URL"
        )
    waiting = iter(messages)
    with open_outbound(url, name="cli") as outbound:
        while window := list(islice(waiting, WINDOW)):
            places, bodies = zip(*window, strict=True)
            yield from zip(places, outbound.publish(bodies), strict=True)


def goes_over_http() -> bool:
    """Whether people's orders go to the gateway: where `DEPLOYDB_TOKEN` is set. Else they go to the broker."""
    return bool(from_environment().token)


def publish_order(fact: Fact, *flags: str) -> None:
    """Publish a person's order that `signed_order` has signed. `flags`: those of the gateway, such as `early`.

    Raises: as `publish_one`, and over HTTP as `ask`.
    """
    declared = order_of(type(fact))
    if declared is None or not goes_over_http():
        publish_one(fact)
        return
    checked(fact)
    order, name, decision = declared
    fields = decision.request_of(json.loads(encode_fact(fact)))
    chosen = {DECISION: name} if len(order.decisions) > 1 else {}
    body = fields | chosen | dict.fromkeys(flags, True)
    try:
        post(order.path, body, key=fact.id)
    except Transient:  # it may have arrived: with the same key it counts once
        post(order.path, body, key=fact.id)


def publish_one(fact: Fact) -> None:
    """Publish one fact, held to the same bounds as one that comes by the file.

    Raises: Permanent where ingest would refuse it; Transient where the broker does not take it; as `publish_all`.
    """
    checked(fact)
    ((_, receipt),) = publish_all([("", message_of(fact))])
    if receipt.state != "confirmed":
        raise Transient(f"the broker did not take it ({receipt.state}): {receipt.detail}")
