"""`POST /events`: facts, CDEvents and CloudEvents of programs, one or many in a request, published as they came."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.broker.port import Message
from deploydb.domain.formatting import listed
from deploydb.domain.model.access import is_reserved
from deploydb.domain.model.errors import Forbidden, MessageRejected
from deploydb.domain.model.facts import ORDERS, Fact, type_of
from deploydb.gateway.delivery import WAIT_SECONDS, answer, wanted_wait
from deploydb.gateway.ledger import Ledger
from deploydb.gateway.permissions import Permissions
from deploydb.gateway.publishing import Publisher, message_of_body
from deploydb.gateway.request_body import bounded_body
from deploydb.http.authentication import allowed
from deploydb.http.errors import shown
from deploydb.http.negotiation import JSON, content_type
from deploydb.http.rate_limits import Limit
from deploydb.identity import WRITE
from deploydb.settings import MAX_BODY_BYTES
from deploydb.store.duplicates import Repeated, compare
from deploydb.store.queries.events import stored_keys
from deploydb.telemetry import Log
from deploydb.wire.cloudevents import BATCH, STRUCTURED, attributes_of
from deploydb.wire.formats import read
from deploydb.wire.native import FACT_CONTENT_TYPE
from deploydb.wire.reading import Reading

MOST_EVENTS = 500
"""In one request. Each is confirmed by the broker on its own."""
BURST = 200
SECONDS_EACH = 0.1
"""Requests of one token: so many at once, then one in so many seconds."""
_TAKEN = (JSON, FACT_CONTENT_TYPE, STRUCTURED, BATCH)

_TAKEN_ID = "{} of {} is another event already, which stands: send this one with an id of its own"

_array = msgspec.json.Decoder(list[msgspec.Raw])


class Given(Struct, frozen=True, kw_only=True):
    """One event of a request: its place, what it is, and its message; or why it is not taken.

    `readings`: the facts that ingest may read it as, with their bodies in the log.
    """

    index: int
    fact: Fact | None = None
    readings: tuple[Reading, ...] = ()
    message: Message | None = None
    rejected: MessageRejected | None = None


class Events:
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
        self._events = Counter(
            "deploydb_gateway_events_total",
            "Events of programs (POST /events), by result: stored, confirmed (stored later than the answer), rejected, "
            "unconfirmed (503).",
            ["result"],
            registry=registry,
        )

    def route(self) -> Route:
        return Route("/events", self.post, methods=["POST"])

    async def post(self, request: Request) -> Response:
        """201 where the event is stored, 202 where that takes longer. Of several each is answered by its index: 207
        where some are not taken.

        Raises: HTTPException 401, 403 without the scope or the right by access.yml, 415 for another content type, 400
        for what is no JSON, 422 for an event that is not taken, with its field, 429 beyond the limit, 503 without a
        confirm of the broker.
        """
        person = allowed(request, WRITE)
        seconds = self._limit.take(person.name)
        if seconds:
            message = f"{person.name} sends more than one request in {SECONDS_EACH} s: wait {seconds} s"
            raise HTTPException(429, message, {"Retry-After": str(seconds)})
        sent = await _sent(request)
        found = [self._read(index, body, sent, person.name) for index, body in enumerate(sent.bodies)]
        found = await self._permitted(found, person.name)
        self._events.labels("rejected").inc(sum(one.rejected is not None for one in found))
        _require_taken(found, sent)
        taken = [one for one in found if one.fact is not None]
        await self._publish(taken)
        wait = wanted_wait(request)
        stored = await self._await_stored(taken, WAIT_SECONDS if wait is None else wait)
        differing = await self._differing([one for one in taken if one.index in stored], person.name)
        self._events.labels("rejected").inc(len(differing))
        found = [differing.get(one.index, one) for one in found]
        stored -= differing.keys()
        taken = [one for one in found if one.fact is not None]
        _require_taken(found, sent)
        self._events.labels("stored").inc(len(stored))
        self._events.labels("confirmed").inc(len(taken) - len(stored))
        self._log.info("events", token=person.name, taken=len(taken), rejected=len(found) - len(taken))
        if not sent.many and found[0].fact is not None:
            return answer(found[0].fact, stored=bool(stored), wait=wait)
        return _answered(found, stored, wait)

    def _read(self, index: int, body: bytes, sent: "Sent", publisher: str) -> Given:
        try:
            reading = read(body, content_type=sent.kind, headers=sent.headers, arrived_at=self._ledger.clock())
            fact = reading.fact
            _require_open(fact)
            message = message_of_body(fact, body, content_type=sent.kind, headers=sent.headers, publisher=publisher)
        except MessageRejected as rejected:
            return Given(index=index, rejected=rejected)
        if message.unsendable is not None:
            return Given(index=index, rejected=MessageRejected(message.unsendable, path="headers"))
        readings = (reading, reading.otherwise) if reading.otherwise is not None else (reading,)
        return Given(index=index, fact=fact, readings=readings, message=message)

    async def _permitted(self, found: Sequence[Given], publisher: str) -> list[Given]:
        """Without what the publisher may not say."""
        events = [[reading.fact for reading in one.readings] for one in found if one.fact is not None]
        refused = iter(await self._permissions.refused(events, publisher))
        checked = [(one, next(refused) if one.fact is not None else None) for one in found]
        return [one if why is None else Given(index=one.index, rejected=why) for one, why in checked]

    async def _publish(self, taken: Sequence[Given]) -> None:
        messages = [one.message for one in taken if one.message is not None]
        if not messages:
            return
        unconfirmed = self._events.labels("unconfirmed")
        again = "send the request again; each event counts once"
        await self._publisher.confirm(messages, again, log=self._log, unconfirmed=unconfirmed, events=len(messages))

    async def _await_stored(self, taken: Sequence[Given], seconds: float) -> set[int]:
        """The indexes of the events that are in the log by then. The broker has them all."""
        keys = {one.index: (one.fact.source, one.fact.id) for one in taken if one.fact is not None}
        wanted = set(keys.values())
        if not wanted:
            return set()
        found = await self._ledger.await_found(partial(stored_keys, keys=wanted), wanted.issubset, seconds)
        return {index for index, key in keys.items() if key in (found or ())}

    async def _differing(self, stored: Sequence[Given], publisher: str) -> dict[int, Given]:
        """By their indexes those that are not in the log: it has another event of the publisher with their id."""
        repeated = [
            Repeated(
                index=one.index,
                source=one.fact.source,
                id=one.fact.id,
                publisher=publisher,
                bodies=tuple(reading.body for reading in one.readings),
            )
            for one in stored
            if one.fact is not None
        ]
        look = partial(compare, given=repeated, now=self._ledger.clock())
        found = await self._ledger.await_found(look, lambda _: True, 0) if repeated else None
        return {
            index: Given(index=index, rejected=MessageRejected(_TAKEN_ID.format(one.id, one.source), path="$.id"))
            for index, one in (found or {}).items()
            if not one.other
        }


class Sent(Struct, frozen=True, kw_only=True):
    """The events of a request. `many`: it is a list of them. `kind`: the content type of each, with the attributes of a
    CloudEvent in `headers`."""

    bodies: list[bytes]
    many: bool
    kind: str
    headers: dict[str, str]


async def _sent(request: Request) -> Sent:
    headers = {name: value for name, value in request.headers.items() if name.startswith("ce-")}
    kind = content_type(request)
    if kind not in _TAKEN and attributes_of(headers) is None:
        message = f"content type {shown(kind) or '(none)'} is not taken: send {listed(_TAKEN)}"
        raise HTTPException(415, message, {"Accept": ", ".join(_TAKEN)})
    body = await bounded_body(request, MAX_BODY_BYTES)
    if kind != BATCH and (kind != JSON or headers or not body.lstrip().startswith(b"[")):
        return Sent(bodies=[body], many=False, kind=kind, headers=headers)
    try:
        bodies = [bytes(one) for one in _array.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(400, f"the body is no JSON array: {shown(str(error))}") from error
    if not 0 < len(bodies) <= MOST_EVENTS:
        raise HTTPException(422, f"the request has {len(bodies)} events: send from 1 to {MOST_EVENTS}")
    return Sent(bodies=bodies, many=True, kind=STRUCTURED if kind == BATCH else JSON, headers={})


def _require_taken(found: Sequence[Given], sent: Sent) -> None:
    """Raises: HTTPException where the only event is not taken: 403, 400 where it is none, else 422."""
    rejected = found[0].rejected
    if not sent.many and rejected is not None:
        status = 403 if isinstance(rejected, Forbidden) else 400 if rejected.path == "$" else 422
        raise HTTPException(status, str(rejected)) from rejected


def _require_open(fact: Fact) -> None:
    """Raises: MessageRejected for an order, which has its author from who sends it, and for a source of our own."""
    if isinstance(fact, ORDERS):
        problem = f"{type_of(fact)} is an order of a person: send it to its own path under /api, such as /api/approvals"
        raise MessageRejected(problem, path="$.type")
    if is_reserved(fact.source):
        raise MessageRejected(
            f"{shown(fact.source)} is a source of DeployDB's own programs: name another", path="$.source"
        )


def _answered(found: Sequence[Given], stored: Collection[int], wait: float | None) -> Response:
    events = [_outcome(one, one.index in stored) for one in found]
    taken = sum(one.fact is not None for one in found)
    status = 201 if len(stored) == taken else 202
    if taken < len(found):
        forbidden = all(isinstance(one.rejected, Forbidden) for one in found)
        status = 207 if taken else 403 if forbidden else 422
    headers = {"Preference-Applied": f"wait={wait:.0f}"} if wait is not None else None
    return Response(msgspec.json.encode({"events": events}), status, headers, JSON)


def _outcome(one: Given, stored: bool) -> dict[str, Any]:
    if one.fact is None:
        assert one.rejected is not None  # noqa: S101  # one or the other
        return {"index": one.index, "error": str(one.rejected), "path": one.rejected.path}
    return {
        "index": one.index,
        "type": type_of(one.fact),
        "source": one.fact.source,
        "id": one.fact.id,
        "stored": stored,
    }
