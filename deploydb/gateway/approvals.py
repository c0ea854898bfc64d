"""`POST /api/approvals`: a person approves or refuses, and gets the answer once the fact is in the log."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import MessageRejected, Misconfigured, Transient
from deploydb.domain.model.facts import ApprovalGiven, ApprovalRefused
from deploydb.gateway.approval_request import ApprovalRequest
from deploydb.gateway.approval_target import require_counts, require_deployment, require_promotion
from deploydb.gateway.publishing import Publisher, message_of
from deploydb.gateway.request_body import content_of
from deploydb.http.authentication import allowed
from deploydb.http.csrf import require_secret
from deploydb.http.negotiation import JSON
from deploydb.http.rate_limits import Limit
from deploydb.http.redirects import onward, see
from deploydb.identity import APPROVE, FORM_FIELD, Person
from deploydb.store.engine import reading
from deploydb.store.queries.events import body_of
from deploydb.telemetry import Log

WAIT_SECONDS = 2.0
MOST_WAIT_SECONDS = 30.0
"""How long an answer waits for the fact to be stored; `Prefer: wait=N` (RFC 7240) for another time, up to this."""
LOOK_SECONDS = 0.05
BURST = 30
SECONDS_EACH = 2.0
"""Writes of one person: so many at once, then one in so many seconds."""

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_WAIT = re.compile(r"\s*wait\s*=\s*(\d{1,9})\s*", re.IGNORECASE)
_COMPARED = ("type", "service", "environment", "version", "promotion", "comment")

Fact = ApprovalGiven | ApprovalRefused
T = TypeVar("T")


class Ledger(Struct, frozen=True, kw_only=True, eq=False):
    """The catalog and the log to check requests against; `threads` wait for the database."""

    engine: sa.Engine
    catalog: Callable[[], Catalog]
    threads: Executor
    clock: Callable[[], datetime]


class Approvals:
    def __init__(self, ledger: Ledger, publisher: Publisher, *, log: Log, registry: CollectorRegistry) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._log = log
        self._limit = Limit(burst=BURST, seconds=SECONDS_EACH)
        self._approvals = Counter(
            "deploydb_gateway_approvals_total",
            "Approvals and refusals, by result: stored, confirmed (stored later), unconfirmed.",
            ["decision", "result"],
            registry=registry,
        )
        self._stored_seconds = Histogram(
            "deploydb_gateway_stored_seconds",
            "From the broker's confirm until the fact could be read.",
            registry=registry,
            buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
        )

    def route(self) -> Route:
        return Route("/api/approvals", self.post, methods=["POST"])

    async def post(self, request: Request) -> Response:
        """201 with the fact once it is stored, 202 where that takes longer; a browser is sent back to its page.

        Raises: HTTPException for a person without the scope, and for a request that is refused.
        """
        person = allowed(request, APPROVE)
        seconds = self._limit.take(person.name)
        if seconds:
            message = f"{person.name} sends more than one request in {SECONDS_EACH:.0f} s: wait {seconds} s"
            raise HTTPException(429, message, {"Retry-After": str(seconds)})
        content = await content_of(request)
        if content.is_form and person.way != "token":
            require_secret(request, content.text(FORM_FIELD))
        word = ApprovalRequest.of(content)
        wait = _wanted_wait(request)
        fact, stored, counts = await self._in_thread(lambda: self._fact(word, person, _key(request)))
        if stored is None:
            await self._publish(fact)
            stored = await self._await_stored(fact, WAIT_SECONDS if wait is None else wait)
        if stored is not None and not _says(stored, fact):
            raise HTTPException(422, f"Idempotency-Key {fact.id} was used before, for another request")
        self._approvals.labels(_decision(fact), "stored" if stored is not None else "confirmed").inc()
        self._log.info("approval by a person", decision=_decision(fact), stored=stored is not None, **_about(fact))
        if content.is_form and (person.way != "token" or "next" in content.fields):
            return see(onward(content.text("next")))
        return _answer(fact, stored=stored is not None, wait=wait, counts=counts)

    def _fact(
        self, word: ApprovalRequest, person: Person, key: str | None
    ) -> tuple[Fact, Mapping[str, Any] | None, bool | None]:
        """The fact of the request; the stored one with the same key, if there is one; and whether a new one counts:
        not yet for a version that is still to come. Raises: HTTPException for a new one that would not count."""
        fact = (ApprovalGiven if word.given else ApprovalRefused)(
            id=key or str(uuid4()),
            source=f"gateway/{person.name}",
            time=self._ledger.clock(),
            deployment=word.deployment,
            service=word.service,
            environment=word.environment,
            version=word.version,
            promotion=word.promotion,
            by=person.name,
            comment=word.comment,
            digest=word.digest,
        )
        catalog = self._ledger.catalog()
        with reading(self._ledger.engine) as connection:
            stored = body_of(connection, fact.source, fact.id) if key is not None else None
            if stored is not None:
                return fact, stored, None
            require_promotion(catalog, word)
            seen = require_deployment(connection, word)
            if seen is None:
                return fact, None, False
            fact = replace(fact, digest=word.digest or seen.artifact.digest)
            require_counts(connection, catalog, seen, fact, self._ledger.clock())
            return fact, None, True

    async def _publish(self, fact: Fact) -> None:
        try:
            await self._publisher.publish(message_of(fact))
        except MessageRejected as error:
            raise HTTPException(422, str(error)) from error
        except (Transient, Misconfigured) as error:
            self._approvals.labels(_decision(fact), "unconfirmed").inc()
            self._log.warning("the broker has not confirmed", reason=str(error), **_about(fact))
            message = (
                f"the broker has not confirmed it: send it again; with `Idempotency-Key: {fact.id}` it counts once"
            )
            raise HTTPException(503, message, {"Retry-After": "1"}) from error

    async def _await_stored(self, fact: Fact, seconds: float) -> Mapping[str, Any] | None:
        """The fact as it is stored; None where it is not by then. The broker has it in any case."""
        began = time.monotonic()
        while True:
            try:
                stored = await self._in_thread(lambda: self._stored(fact))
            except (Transient, Misconfigured) as error:
                self._log.warning("the database cannot be asked", reason=str(error), **_about(fact))
                stored = None
            waited = time.monotonic() - began
            if stored is not None:
                self._stored_seconds.observe(waited)
                return stored
            if waited >= seconds:
                return None
            await asyncio.sleep(LOOK_SECONDS)

    def _stored(self, fact: Fact) -> Mapping[str, Any] | None:
        with reading(self._ledger.engine) as connection:
            return body_of(connection, fact.source, fact.id)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._ledger.threads, work)


def _answer(fact: Fact, *, stored: bool, wait: float | None, counts: bool | None) -> Response:
    body = {
        "id": fact.id,
        "source": fact.source,
        "type": fact.__struct_config__.tag,
        "by": fact.by,
        "service": fact.service,
        "environment": fact.environment,
        "version": fact.version,
        "promotion": fact.promotion,
        "stored": stored,
    }
    if counts is not None:
        body["counts"] = counts
    wanted = {"type": body["type"], "source": fact.source, "service": fact.service, "environment": fact.environment}
    headers = {"Location": f"/api/events?{urlencode(wanted)}"}
    if wait is not None:
        headers["Preference-Applied"] = f"wait={wait:.0f}"
    return Response(msgspec.json.encode(body), 201 if stored else 202, headers, JSON)


def _says(body: Mapping[str, Any], fact: Fact) -> bool:
    """Whether the stored body is that of the fact."""
    fields = msgspec.to_builtins(fact)
    return all(body.get(name) == fields.get(name) for name in _COMPARED)


def _decision(fact: Fact) -> str:
    return "approve" if isinstance(fact, ApprovalGiven) else "refuse"


def _about(fact: Fact) -> dict[str, Any]:
    return {"by": fact.by, "fact": f"{fact.source}/{fact.id}", "service": fact.service, "environment": fact.environment}


def _key(request: Request) -> str | None:
    """The client's own id of the request, which lets it repeat the request."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise HTTPException(400, "Idempotency-Key must appear once, with 1 to 200 visible ASCII characters")
    return given[0]


def _wanted_wait(request: Request) -> float | None:
    """For how long the client wants to wait; None where it does not say so."""
    for line in request.headers.getlist("prefer"):
        for preference in line.split(","):
            found = _WAIT.fullmatch(preference)
            if found is not None:
                return min(float(found[1]), MOST_WAIT_SECONDS)
    return None
