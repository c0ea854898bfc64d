"""People's orders: each declared in `http.orders` is one route. A person's request becomes a fact, and is answered once
the fact is in the log."""

from functools import partial
from urllib.parse import urlencode

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.environment_names import under
from deploydb.domain.model.facts import Fact, HoldLifted, HoldPlaced, IncidentResolved
from deploydb.gateway.delivery import Delivery, Stored, answer, goes_to_page, key_of, wanted_wait
from deploydb.gateway.ledger import Ledger
from deploydb.gateway.order_request import OrderRequest
from deploydb.gateway.order_target import meant_hold, require_place, require_version, unknown_version
from deploydb.http.orders import ORDERS, Order
from deploydb.http.redirects import onward, see
from deploydb.store.effects.beforehand import beforehand
from deploydb.store.engine import reading
from deploydb.store.environment_names import latest_names
from deploydb.store.queries.events import body_of

APPROVALS = "/api/approvals"


class Checked(Struct, frozen=True, kw_only=True):
    """An order that may be published. `stored`: its fact, where the log has one with the same key; `counts`: None then;
    False for one that is kept for a version that is still to come. `why`: what its version would wait for."""

    fact: Fact
    stored: Stored | None = None
    counts: bool | None = None
    why: str | None = None


class Orders:
    def __init__(self, ledger: Ledger, delivery: Delivery) -> None:
        self._ledger = ledger
        self._delivery = delivery

    def routes(self) -> list[Route]:
        return [Route(order.path, partial(self.post, order), methods=["POST"]) for order in ORDERS]

    async def post(self, order: Order, request: Request) -> Response:
        """201 with the fact once it is stored, 202 where that takes longer; a browser is sent to the page with the
        effect, after an approval back to its own.

        Raises: HTTPException for a person without the scope, and for a request that is refused.
        """
        person, content = await self._delivery.admit(request)
        key, wait = key_of(request), wanted_wait(request)
        asked = OrderRequest.of(order, content, person, key, self._ledger.clock())
        checked = await self._ledger.in_thread(lambda: self._checked(asked, has_key=key is not None))
        is_stored = await self._delivery.deliver(asked.name, checked.fact, checked.stored, wait)
        if goes_to_page(person, content):
            effect = f"/effect?{urlencode({'source': checked.fact.source, 'id': checked.fact.id})}"
            return see(onward(content.text("next")) if order.path == APPROVALS else effect)
        more = {name: getattr(checked.fact, name, None) for name in ("promotion", "hold", "kind", "incident")}
        return answer(checked.fact, stored=is_stored, wait=wait, **more, counts=checked.counts, why=checked.why)

    def _checked(self, asked: OrderRequest, *, has_key: bool) -> Checked:
        """Raises: HTTPException 404 for a name that nothing has, 422 for one without an effect, with the reason."""
        with reading(self._ledger.engine) as connection:
            names = latest_names(connection)
            catalog, fact = under(self._ledger.catalog(), names), asked.fact.renamed(names.now)
            stored = body_of(connection, fact.source, fact.id) if has_key else None
            if stored is not None:
                return Checked(fact=fact, stored=stored)
            return self._tried(connection, catalog, replace(asked, fact=fact))

    def _tried(self, connection: sa.Connection, catalog: Catalog, asked: OrderRequest) -> Checked:
        fact, now, early = asked.fact, self._ledger.clock(), "early" in asked.flags
        if isinstance(fact, HoldLifted):
            fact = fact if "all" in asked.flags else replace(fact, hold=meant_hold(connection, fact, now).hold)
        elif not isinstance(fact, IncidentResolved):
            require_place(connection, catalog, fact)
        if isinstance(fact, HoldPlaced) and not early:
            require_version(connection, fact)
        found = beforehand(connection, catalog, fact, now)
        if found is None:
            if early and getattr(fact, "deployment", None) is None:
                return Checked(fact=fact, counts=False)
            raise unknown_version(fact)
        if not found.counts:
            raise HTTPException(422, f"{asked.decision.refusal}: {found.why}")
        return Checked(fact=found.fact, counts=True, why=found.why)
