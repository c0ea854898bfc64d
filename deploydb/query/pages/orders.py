"""`/orders/{service}/{environment}`: the orders that a person can give for a lane, with what each would do."""

from typing import Any

import msgspec
from msgspec import Struct

from deploydb.domain.model.facts import PromotionRequested
from deploydb.query.hold_views import Held, HoldBody, hold_body
from deploydb.query.pages.page import Page, narrowed
from deploydb.query.passed_by import stages_passed_by
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import text
from deploydb.query.resources.rollback import Rollback, rollback
from deploydb.query.resources.why import why
from deploydb.store.effects.beforehand import beforehand
from deploydb.store.queries.holds import holds_from


class Promotion(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a promotion of the version would do. `passes_by`: the stages before that it is not through yet; `why`: why
    it would not count, or what it would wait for."""

    passes_by: list[str]
    counts: bool
    why: str | None


class Orders(Struct, frozen=True, kw_only=True):
    """A lane: what runs there, what a rollback and a promotion of `version` would do, and the holds over it."""

    service: str
    environment: str
    runs: str | None
    version: str | None
    promotion: Promotion | None
    rollback: Rollback
    holds: list[HoldBody]


def orders(asked: RequestContext) -> Orders:
    """What a person can order in the lane, tried with `decide`."""
    service, environment, version = asked.name("service"), asked.name("environment"), asked.option("version")
    plan = rollback(narrowed(asked, {"to": asked.option("to"), "artifact": None}))
    with asked.store() as connection:
        standing = Held(holds_from(connection, asked.now, service), asked.catalog).over(service, environment)
    return Orders(
        service=service,
        environment=environment,
        runs=plan.away.version if plan.away is not None else None,
        version=version,
        promotion=_promotion(asked, version) if version is not None else None,
        rollback=plan,
        holds=[hold_body(hold) for hold in standing],
    )


def _promotion(asked: RequestContext, version: str) -> Promotion:
    explained: Any = msgspec.to_builtins(why(narrowed(asked, {"version": version, "artifact": None, "at": None})))
    passes_by = stages_passed_by(explained)
    order = PromotionRequested(
        id="",
        source="",
        time=asked.now,
        service=asked.name("service"),
        environment=asked.name("environment"),
        version=version,
        by="",
        reason="",
        skip=tuple(passes_by),
    )
    with asked.store() as connection:
        found = beforehand(connection, asked.catalog, order, asked.now)
    reason = found.why if found is not None else f"{version} does not go to {order.environment}"
    return Promotion(passes_by=passes_by, counts=found is not None and found.counts, why=reason)


PAGES = (
    Page(
        path="/orders/{service}/{environment}",
        template="orders.html",
        read=orders,
        command=lambda _asked, answer: ["rollback", answer["service"], answer["environment"], "--dry-run"],
        parameters=(
            text("version", "The version to promote."),
            text("to", "The version to go back to; without it the last one that was good."),
        ),
        momentary=True,
    ),
)
