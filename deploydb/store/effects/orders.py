"""The effect of people's orders: promotions, hotfixes, rollbacks and further attempts.

`decide` is asked as before the order was published: with the order, and without it.
"""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.facts import HotfixDeclared, PromotionRequested
from deploydb.domain.model.overrides import Hotfix, PromotionRequest
from deploydb.domain.model.reasons import NotRecorded, RollbackOf
from deploydb.domain.model.retry_reasons import RetryOrdered
from deploydb.domain.wording import text
from deploydb.engine.word_check import hotfix_outcome, promotion_outcome
from deploydb.store.deployments import deployment_of
from deploydb.store.effects.recorded import Outcome, Recorded, later_word
from deploydb.store.journal import is_own, own_id
from deploydb.store.projections.latest import table_of
from deploydb.store.queries.deployments import deployments_of_flow
from deploydb.store.queries.why import deployment_of_version
from deploydb.store.snapshot import snapshots, with_flows
from deploydb.store.tables import deployment, event

ENTERED = ("deployment.requested", "deployment.adopted")


def order_outcome(
    connection: sa.Connection,
    catalog: Catalog,
    known: Deployment | None,
    order: PromotionRequest | Hotfix,
    now: datetime,
) -> tuple[bool, str | None]:
    """Whether an order for a deployment's version would count; why not, or what it would wait for. An order that is
    stored already is tried as if it were not. `known`: None for a version that has none in the lane yet."""
    (snapshot,) = snapshots(connection, [order.service], catalog, now, lock=False)
    environment = order.environment if isinstance(order, PromotionRequest) else known.environment if known else ""
    snapshot = with_flows(connection, catalog, snapshot, environment, order.version)
    if isinstance(order, PromotionRequest):
        requests = tuple(one for one in snapshot.promotion_requests if one.at != order.at)
        return promotion_outcome(catalog, replace(snapshot, promotion_requests=requests), order, known, now)
    if known is None:
        return False, f"{order.version} of {order.service} is on no way"
    views = deployments_of_flow(connection, catalog, known.flow) if known.flow is not None else []
    latest = {view.environment: view.id for view in sorted(views, key=lambda view: view.id)}
    flow = [deployment_of(connection, ident) for ident in latest.values()] or [known]
    others = tuple(one for one in snapshot.hotfixes if one.at != order.at)
    return hotfix_outcome(catalog, replace(snapshot, hotfixes=others), order, flow, now)


def promotion(
    connection: sa.Connection, catalog: Catalog, recorded: Recorded, fact: PromotionRequested, now: datetime
) -> Outcome:
    """Whether the version has entered the lane since the order, or would in its turn."""
    order = PromotionRequest.of(fact, recorded.number, recorded_at=recorded.recorded_at)
    return _outcome(connection, catalog, recorded, order, (fact.environment,), now)


def hotfix(
    connection: sa.Connection, catalog: Catalog, recorded: Recorded, fact: HotfixDeclared, now: datetime
) -> Outcome:
    """Whether the version has entered a stage since the order, or would in its turn."""
    stages = catalog.environments_of(fact.service)[::-1]
    return _outcome(connection, catalog, recorded, Hotfix.of(fact, recorded.number), stages, now)


def answer(connection: sa.Connection, recorded: Recorded) -> Outcome:
    """What promotion has answered a request of a rollback, or of another attempt. Index: primary key of its table."""
    table = table_of(recorded.fact)
    row = connection.execute(sa.select(table).where(table.c.event == recorded.number)).one()
    if row.answered_at is None:
        return None, "it is not decided yet"
    return isinstance(row.answer, RetryOrdered | RollbackOf), text(row.answer or NotRecorded())


def changed_since(
    connection: sa.Connection, number: int, types: Collection[str], service: str, *, environment: str | None = None
) -> set[int]:
    """The deployments of a service on which there are decisions of these types in the log after a row. Index:
    `ix_event_lane`; costs what has been logged of the service since."""
    lane = [event.c.environment == environment] if environment is not None else []
    statement = sa.select(own_id("deployment")).where(
        event.c.service == service, event.c.number > number, event.c.type.in_(types), is_own(), *lane
    )
    return {ident for ident in connection.execute(statement).scalars() if ident is not None}


def _outcome(
    connection: sa.Connection,
    catalog: Catalog,
    recorded: Recorded,
    order: PromotionRequest | Hotfix,
    environments: Collection[str],
    now: datetime,
) -> Outcome:
    later = later_word(connection, recorded)
    if later is not None:
        return False, later
    service, version = order.service, order.version
    there = (deployment_of_version(connection, service, environment, version) for environment in environments)
    ident = next((one for one in there if one is not None), None)
    if ident is None:
        return False, f"there is no version {version} of {service} on a way there"
    entered = changed_since(connection, recorded.number, ENTERED, service)
    mine = sa.select(deployment.c.id).where(
        deployment.c.service == service,
        deployment.c.version == version,
        deployment.c.environment.in_(tuple(environments)),
    )
    if entered.intersection(connection.execute(mine).scalars()):
        return True, None
    return order_outcome(connection, catalog, deployment_of(connection, ident), order, now)
