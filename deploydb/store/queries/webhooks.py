"""Which webhooks were called, and how that went."""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.columns import viewed
from deploydb.store.tables import webhook_delivery as table
from deploydb.store.tables.webhooks import DELIVERY_IS_OPEN

State = Literal["open", "dead", "delivered"]
_CONDITIONS: dict[State, sa.ColumnElement[bool]] = {
    "open": DELIVERY_IS_OPEN,
    "dead": table.c.dead_at.is_not(None),
    "delivered": table.c.delivered_at.is_not(None),
}


class DeliveryView(Struct, frozen=True, kw_only=True):
    """One call: `attempts` so far, the status of the last answer, and the problem of the last attempt."""

    id: int
    endpoint: str
    notification: str
    type: str
    service: str | None
    environment: str | None
    deployment: int | None
    headers: dict[str, str]
    body: str
    created_at: datetime
    attempts: int
    attempted_at: datetime | None
    status: int | None
    problem: str | None
    delivered_at: datetime | None
    dead_at: datetime | None

    @property
    def state(self) -> State:
        """What has become of it."""
        if self.delivered_at is not None:
            return "delivered"
        return "dead" if self.dead_at is not None else "open"


class DeadView(Struct, frozen=True, kw_only=True):
    """A call that was given up: without its headers and its body."""

    id: int
    endpoint: str
    type: str
    service: str | None
    environment: str | None
    attempts: int
    problem: str | None
    dead_at: datetime


_VIEWED = sa.select(*viewed(DeliveryView, table))


def deliveries(connection: sa.Connection, *, state: State | None, limit: int) -> list[DeliveryView]:
    """The last deliveries, newest first. Index: primary key, `ix_webhook_delivery_dead`; of the open ones it costs how
    many there are."""
    statement = _VIEWED if state is None else _VIEWED.where(_CONDITIONS[state])
    return [_view(row) for row in connection.execute(statement.order_by(table.c.id.desc()).limit(limit))]


def dead_deliveries(connection: sa.Connection, *, limit: int) -> tuple[int, list[DeadView]]:
    """How many were given up, and the last of them, newest first. Costs how many there are. Index:
    `ix_webhook_delivery_dead`."""
    count = connection.execute(sa.select(sa.func.count()).select_from(table).where(_CONDITIONS["dead"])).scalar_one()
    if not count:
        return 0, []
    last = sa.select(*viewed(DeadView, table)).where(_CONDITIONS["dead"]).order_by(table.c.id.desc()).limit(limit)
    return count, [DeadView(**row._mapping) for row in connection.execute(last)]


def delivery_by_id(connection: sa.Connection, ident: int) -> DeliveryView | None:
    """One delivery. Index: primary key."""
    row = connection.execute(_VIEWED.where(table.c.id == ident)).one_or_none()
    return _view(row) if row is not None else None


def _view(row: sa.Row[tuple[object, ...]]) -> DeliveryView:
    return DeliveryView(**row._mapping)
