"""`POST /api/retries`: a person has another attempt made of a version."""

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.domain.formatting import listed
from deploydb.domain.model.environment_names import under
from deploydb.domain.model.facts import RetryRequested
from deploydb.domain.model.retry_reasons import RetryOrdered
from deploydb.domain.wording import text
from deploydb.gateway.delivery import Delivery, Ledger, Stored, answer, goes_to_page, key_of, wanted_wait
from deploydb.gateway.field_reader import FieldReader
from deploydb.gateway.request_body import Content
from deploydb.http.errors import existing, hint, not_found, shown
from deploydb.http.redirects import see
from deploydb.identity import Person
from deploydb.store.effects.retry import retry_outcome
from deploydb.store.engine import reading
from deploydb.store.environment_names import latest_names
from deploydb.store.queries.events import body_of


class Retries:
    def __init__(self, ledger: Ledger, delivery: Delivery) -> None:
        self._ledger = ledger
        self._delivery = delivery

    def route(self) -> Route:
        return Route("/api/retries", self.post, methods=["POST"])

    async def post(self, request: Request) -> Response:
        """201 with the fact once it is stored, 202 where that takes longer; a browser is sent to the page that has what
        came of it.

        Raises: HTTPException for a person without the scope, and for a request that is refused.
        """
        person, content = await self._delivery.admit(request)
        fact, wait = _fact(content, person, key_of(request)), wanted_wait(request)
        stored = await self._delivery.in_thread(lambda: self._checked(fact))
        is_stored = await self._delivery.deliver(fact, stored, wait)
        if goes_to_page(person, content):
            return see(f"/effect?{urlencode({'source': fact.source, 'id': fact.id})}")
        return answer(fact, stored=is_stored, wait=wait)

    def _checked(self, fact: RetryRequested) -> Stored | None:
        """The stored fact with the same key, if there is one.

        Raises: HTTPException 404 without such a lane, 422 where no attempt would be made, with the reason.
        """
        with reading(self._ledger.engine) as connection:
            names = latest_names(connection)
            catalog, fact = under(self._ledger.catalog(), names), fact.renamed(names.now)
            stored = body_of(connection, fact.source, fact.id)
            if stored is not None:
                return stored
            existing(catalog.services.get(fact.service), f"service {shown(fact.service)}{hint(catalog.services)}")
            stages = catalog.environments_of(fact.service)
            if fact.environment not in stages:
                raise not_found(f"{shown(fact.environment)} is no stage of {fact.service}; there is {listed(stages)}")
            outcome = retry_outcome(connection, catalog, fact, self._ledger.clock())
        if not isinstance(outcome, RetryOrdered):
            raise HTTPException(422, f"nothing is attempted: {text(outcome)}")
        return None


def _fact(content: Content, person: Person, key: str | None) -> RetryRequested:
    """The fact of a request. Raises: HTTPException 422 that names each field which is missing or wrong."""
    fields = FieldReader(content)
    lane: dict[str, Any] = {name: fields.name(name) for name in ("service", "environment", "version")}
    artifact = fields.name("artifact", required=False) or None
    reason = fields.comment("reason")
    if not reason and not fields.wrong.get("reason"):
        fields.wrong["reason"] = "is missing: it shows with the attempt"
    fields.require()
    return RetryRequested(
        **lane,
        id=key or str(uuid4()),
        source=f"gateway/{person.name}",
        by=person.name,
        reason=reason,
        artifact=artifact,
    )
