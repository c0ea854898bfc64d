"""`POST /api/approvals`: a person approves or refuses, and gets the answer once the fact is in the log."""

from uuid import uuid4

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.domain.model.environment_names import under
from deploydb.domain.model.facts import ApprovalGiven, ApprovalRefused
from deploydb.gateway.approval_request import ApprovalRequest
from deploydb.gateway.approval_target import require_counts, require_deployment, require_promotion
from deploydb.gateway.delivery import Delivery, Ledger, Stored, answer, goes_to_page, key_of, wanted_wait
from deploydb.http.redirects import onward, see
from deploydb.identity import Person
from deploydb.store.engine import reading
from deploydb.store.environment_names import latest_names
from deploydb.store.queries.events import body_of


class Approvals:
    def __init__(self, ledger: Ledger, delivery: Delivery) -> None:
        self._ledger = ledger
        self._delivery = delivery

    def route(self) -> Route:
        return Route("/api/approvals", self.post, methods=["POST"])

    async def post(self, request: Request) -> Response:
        """201 with the fact once it is stored, 202 where that takes longer; a browser is sent back to its page.

        Raises: HTTPException for a person without the scope, and for a request that is refused.
        """
        person, content = await self._delivery.admit(request)
        word, wait = ApprovalRequest.of(content), wanted_wait(request)
        fact, stored, counts = await self._delivery.in_thread(lambda: self._fact(word, person, key_of(request)))
        is_stored = await self._delivery.deliver(fact, stored, wait)
        if goes_to_page(person, content):
            return see(onward(content.text("next")))
        return answer(fact, stored=is_stored, wait=wait, promotion=fact.promotion, counts=counts)

    def _fact(
        self, word: ApprovalRequest, person: Person, key: str | None
    ) -> tuple[ApprovalGiven | ApprovalRefused, Stored | None, bool | None]:
        """The fact of the request; the stored one with the same key, if there is one; and whether a new one counts:
        not yet for a version that is still to come. Raises: HTTPException for a new one that would not count."""
        with reading(self._ledger.engine) as connection:
            names = latest_names(connection)
        word = replace(word, environment=names.now(word.environment))
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
        catalog = under(self._ledger.catalog(), names)
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
