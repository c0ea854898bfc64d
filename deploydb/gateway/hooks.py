"""`POST /hooks/{name}`: webhooks of other tools, verified, and published as facts."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.broker.port import Message
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.environment_names import under
from deploydb.domain.model.errors import MessageRejected, Misconfigured
from deploydb.gateway.delivery import WAIT_SECONDS, wanted_wait
from deploydb.gateway.hook_secrets import secret_of
from deploydb.gateway.ledger import Ledger
from deploydb.gateway.permissions import Permissions
from deploydb.gateway.publishing import Publisher, message_of
from deploydb.gateway.request_body import bounded_body
from deploydb.hooks import payload
from deploydb.hooks.hook import Hook
from deploydb.hooks.image import digest_of
from deploydb.hooks.schemes import Unverified, verify
from deploydb.hooks.signal import Ignored
from deploydb.hooks.tool import known_tools
from deploydb.hooks.translation import Published, Release, facts_of
from deploydb.http.errors import existing, shown
from deploydb.http.negotiation import JSON
from deploydb.http.rate_limits import Limit
from deploydb.settings import MAX_BODY_BYTES
from deploydb.store.engine import reading
from deploydb.store.environment_names import latest_names
from deploydb.store.queries.artifact_places import by_commit, by_digest
from deploydb.store.queries.events import stored_keys
from deploydb.telemetry import Log
from deploydb.wire.native import encode_fact

BURST = 200
SECONDS_EACH = 0.1
"""Verified requests of one hook: so many at once, then one in so many seconds."""


class Hooks:
    """`hooks` gives those that are configured now, by name."""

    def __init__(
        self,
        ledger: Ledger,
        publisher: Publisher,
        permissions: Permissions,
        hooks: Callable[[], Mapping[str, Hook]],
        *,
        log: Log,
        registry: CollectorRegistry,
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._permissions = permissions
        self._hooks = hooks
        self._log = log
        self._limit = Limit(burst=BURST, seconds=SECONDS_EACH)
        self._requests = Counter(
            "deploydb_hooks_total",
            "Webhooks, by result: published, ignored, unmatched, unverified (401), rejected (400, 422), unconfirmed "
            "(503).",
            ["hook", "result"],
            registry=registry,
        )

    def route(self) -> Route:
        return Route("/hooks/{name}", self.post, methods=["POST"])

    async def post(self, request: Request) -> Response:
        """201 where all facts are stored, 202 where that takes longer, and where there are none, with the reasons.

        Raises: HTTPException 404 without such a hook, 401 for a request that does not prove the secret, 403 for a fact
        that access.yml does not let the hook say, 400 for one that is no JSON object, 422 that names the field which is
        not as the tool documents it, 429 beyond the limit, 503 without a secret, or a confirm of the broker.
        """
        name = request.path_params["name"]
        hook = existing(self._hooks().get(name), f"hook {shown(name)}")
        given = await _given(request)
        await self._ledger.in_thread(lambda: self._verify(hook, given))
        try:
            found, messages = await self._ledger.in_thread(lambda: self._translated(hook, given))
        except MessageRejected as rejected:
            self._count(hook, "rejected")
            self._log.warning("webhook rejected", hook=hook.name, reason=str(rejected))
            status = 400 if rejected.path == "$" else 422
            raise HTTPException(status, f"hook {hook.name}: {rejected}") from rejected
        published = [one for one in found if isinstance(one, Published)]
        facts = [(one.fact,) for one in published]
        for refused in await self._permissions.refused(facts, hook.publisher, listed=False):
            if refused is not None:
                raise HTTPException(403, str(refused)) from refused
        await self._publish(hook, messages)
        wait = wanted_wait(request)
        stored = await self._await_stored(published, WAIT_SECONDS if wait is None else wait)
        self._report(hook, found)
        body = {
            "hook": hook.name,
            "facts": [outcome_of(one) | {"stored": one.fact.id in stored} for one in published],
            "ignored": [msgspec.to_builtins(one) for one in found if isinstance(one, Ignored)],
        }
        status = 201 if published and len(stored) == len({one.fact.id for one in published}) else 202
        return Response(msgspec.json.encode(body), status, media_type=JSON)

    def _verify(self, hook: Hook, given: payload.Request) -> None:
        try:
            secret = secret_of(hook)
        except Misconfigured as error:
            self._log.warning("the secret of a webhook is missing", hook=hook.name, reason=str(error))
            raise HTTPException(
                503, f"the secret of the hook {hook.name} is not configured", {"Retry-After": "60"}
            ) from error
        try:
            verify(known_tools()[hook.type].schemes, given, secret)
        except Unverified as error:
            self._count(hook, "unverified")
            self._log.warning("webhook not verified", hook=hook.name, reason=str(error))
            raise HTTPException(401, f"hook {hook.name}: {error}") from error
        seconds = self._limit.take(hook.name)
        if seconds:
            message = f"the hook {hook.name} gets more than one request in {SECONDS_EACH} s: wait {seconds} s"
            raise HTTPException(429, message, {"Retry-After": str(seconds)})

    def _translated(self, hook: Hook, given: payload.Request) -> tuple[list[Published | Ignored], list[Message]]:
        """What becomes of a request, and its messages. Raises: MessageRejected."""
        with reading(self._ledger.engine) as connection:
            found = translated(connection, self._ledger.catalog(), hook, given)
        return found, [message_of(one.fact, hook.publisher) for one in found if isinstance(one, Published)]

    async def _publish(self, hook: Hook, messages: Sequence[Message]) -> None:
        if messages:
            unconfirmed = self._requests.labels(hook.name, "unconfirmed")
            again = "send it again; it counts once"
            await self._publisher.confirm(messages, again, log=self._log, unconfirmed=unconfirmed, hook=hook.name)

    async def _await_stored(self, published: Sequence[Published], seconds: float) -> set[str]:
        """The ids of the facts that are in the log by then. The broker has them all."""
        keys = {(one.fact.source, one.fact.id) for one in published}
        if not keys:
            return set()
        found = await self._ledger.await_found(partial(stored_keys, keys=keys), keys.issubset, seconds)
        return {id_ for _, id_ in found or ()}

    def _report(self, hook: Hook, found: Sequence[Published | Ignored]) -> None:
        for one in found:
            if isinstance(one, Ignored):
                self._count(hook, "ignored")
                self._log.info("webhook ignored", hook=hook.name, reason=one.reason)
            else:
                self._count(hook, "unmatched" if one.note else "published")
                self._log.info("webhook published", hook=hook.name, fact=one.fact.id, note=one.note)

    def _count(self, hook: Hook, result: str) -> None:
        self._requests.labels(hook.name, result).inc()


def translated(
    connection: sa.Connection, catalog: Catalog, hook: Hook, given: payload.Request
) -> list[Published | Ignored]:
    """What becomes of a request, with the releases that the database knows. Raises: MessageRejected."""

    def releases(known: str) -> list[Release]:
        if digest_of(known) == known:
            found = by_digest(connection, known)
        else:
            found = by_commit(connection, known) if payload.COMMIT.fullmatch(known) else []
        return [Release(module=one.module, version=one.version) for one in found]

    return facts_of(hook, given, under(catalog, latest_names(connection)), releases)


def outcome_of(published: Published) -> dict[str, Any]:
    """A fact as answers give it; with `note`, why it matches nothing."""
    fields: dict[str, Any] = msgspec.json.decode(encode_fact(published.fact))
    return fields | ({"note": published.note} if published.note is not None else {})


async def _given(request: Request) -> payload.Request:
    return payload.Request(
        body=await bounded_body(request, MAX_BODY_BYTES),
        headers={name.lower(): value for name, value in request.headers.items()},
        query=dict(request.query_params),
    )
