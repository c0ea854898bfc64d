"""The facts of people's requests on their way: to the broker, and from there into the log."""

import re
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import Fact, type_of
from deploydb.gateway.ledger import Ledger
from deploydb.gateway.permissions import Permissions
from deploydb.gateway.publishing import Publisher, message_of
from deploydb.gateway.request_body import Content, content_of
from deploydb.http.authentication import allowed
from deploydb.http.csrf import require_secret
from deploydb.http.negotiation import JSON
from deploydb.http.rate_limits import Limit
from deploydb.identity import APPROVE, FORM_FIELD, Person
from deploydb.store.queries.events import body_of
from deploydb.telemetry import Log
from deploydb.wire.native import encode_fact

WAIT_SECONDS = 2.0
MOST_WAIT_SECONDS = 30.0
"""How long an answer waits for the fact to be stored; `Prefer: wait=N` (RFC 7240) for another time, up to this."""
BURST = 30
SECONDS_EACH = 2.0
"""Writes of one person: so many at once, then one in so many seconds."""

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_WAIT = re.compile(r"\s*wait\s*=\s*(\d{1,9})\s*", re.IGNORECASE)
_UNCOMPARED = ("id", "source", "time", "by")
_FILLED_IN = ("hold", "from", "deployment", "digest")
"""Fields that the gateway fills in by the state where a request lacks them."""
Stored = Mapping[str, Any]
"""A fact's body as the log has it."""


class Delivery:
    """What all requests of people have in common: who may, the limit, the confirm, and the look into the log."""

    def __init__(
        self,
        ledger: Ledger,
        publisher: Publisher,
        permissions: Permissions,
        *,
        log: Log,
        registry: CollectorRegistry,
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._permissions = permissions
        self._log = log
        self._limit = Limit(burst=BURST, seconds=SECONDS_EACH)
        self._requests = Counter(
            "deploydb_gateway_approvals_total",
            "Orders of people (approve, refuse, retry, promote, hotfix, rollback, place and lift of holds, open and "
            "resolve of incidents), by result: stored, confirmed (stored later than the answer), unconfirmed (503).",
            ["decision", "result"],
            registry=registry,
        )
        self._stored_seconds = Histogram(
            "deploydb_gateway_stored_seconds",
            "From the broker's confirm until the fact could be read.",
            registry=registry,
            buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
        )

    async def admit(self, request: Request) -> tuple[Person, Content]:
        """The person of a request, and its fields.

        Raises: HTTPException for a person without the scope or with too many requests, and for a form of another site.
        """
        person = allowed(request, APPROVE)
        seconds = self._limit.take(person.name)
        if seconds:
            message = f"{person.name} sends more than one request in {SECONDS_EACH:.0f} s: wait {seconds} s"
            raise HTTPException(429, message, {"Retry-After": str(seconds)})
        content = await content_of(request)
        if content.is_form and person.way != "token":
            require_secret(request, content.text(FORM_FIELD))
        return person, content

    async def deliver(self, order: str, fact: Fact, stored: Stored | None, wait: float | None) -> bool:
        """Publish a fact that is not `stored`, and wait for it. Whether it is in the log. `order`: its name in metrics.

        Raises: HTTPException 403 where access.yml does not let the person say it, 422 where the stored one is another
        fact, 503 without a confirm of the broker.
        """
        if stored is None:
            await self._permissions.require(fact, str(getattr(fact, "by", "")), listed=False)
            await self._publish(order, fact)
            stored = await self._await_stored(fact, WAIT_SECONDS if wait is None else wait)
        if stored is not None and not _is_same(stored, fact):
            raise HTTPException(422, f"Idempotency-Key {fact.id} was used before, for another request")
        result = "stored" if stored is not None else "confirmed"
        self._requests.labels(order, result).inc()
        about = {"decision": order, **_about(fact)}
        self._log.info("request by a person", stored=stored is not None, **about)
        return stored is not None

    async def _publish(self, order: str, fact: Fact) -> None:
        try:
            message = message_of(fact, getattr(fact, "by", None))
        except MessageRejected as error:
            raise HTTPException(422, str(error)) from error
        unconfirmed = self._requests.labels(order, "unconfirmed")
        again = f"send it again; with `Idempotency-Key: {fact.id}` it counts once"
        await self._publisher.confirm([message], again, log=self._log, unconfirmed=unconfirmed, **_about(fact))

    async def _await_stored(self, fact: Fact, seconds: float) -> Stored | None:
        """The fact as it is stored; None where it is not by then. The broker has it in any case."""
        began = time.monotonic()
        look = partial(body_of, source=fact.source, ident=fact.id)
        found: Stored | None = await self._ledger.await_found(look, bool, seconds, **_about(fact))
        if found is not None:
            self._stored_seconds.observe(time.monotonic() - began)
        return found


def answer(fact: Fact, *, stored: bool, wait: float | None, **more: object) -> Response:
    """201 with the fact where it is stored, else 202. `more`: further members that are not None."""
    names = ("id", "source", "by", "service", "environment", "version")
    body: dict[str, object] = {name: getattr(fact, name, None) for name in names} | {
        "type": type_of(fact),
        "stored": stored,
    }
    body |= {name: value for name, value in more.items() if value is not None}
    wanted = {name: body[name] for name in ("type", "source", "service", "environment") if body[name] is not None}
    headers = {"Location": f"/api/events?{urlencode(wanted)}"}
    if wait is not None:
        headers["Preference-Applied"] = f"wait={wait:.0f}"
    return Response(msgspec.json.encode(body), 201 if stored else 202, headers, JSON)


def goes_to_page(person: Person, content: Content) -> bool:
    """Whether a browser has sent a form of a page."""
    return content.is_form and (person.way != "token" or "next" in content.fields)


def key_of(request: Request) -> str | None:
    """The client's own id of the request, which lets it repeat the request. Raises: HTTPException 400."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise HTTPException(400, "Idempotency-Key must appear once, with 1 to 200 visible ASCII characters")
    return given[0]


def wanted_wait(request: Request) -> float | None:
    """For how long the client wants to wait; None where it does not say so."""
    for line in request.headers.getlist("prefer"):
        for preference in line.split(","):
            found = _WAIT.fullmatch(preference)
            if found is not None:
                return min(float(found[1]), MOST_WAIT_SECONDS)
    return None


def _is_same(body: Stored, fact: Fact) -> bool:
    """Whether the stored body is that of the fact."""
    fields = msgspec.json.decode(encode_fact(fact), type=dict[str, Any])
    names = (fields.keys() | body.keys()).difference(_UNCOMPARED, [name for name in _FILLED_IN if name not in fields])
    return all(body.get(name) == fields.get(name) for name in names)


def _about(fact: Fact) -> dict[str, Any]:
    known = {name: getattr(fact, name, None) for name in ("by", "service", "environment")}
    return {**known, "fact": f"{fact.source}/{fact.id}"}
