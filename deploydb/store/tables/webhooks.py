"""Webhooks out: what is to be delivered to whom, and how that went. `notify` owns both tables of deliveries."""

import sqlalchemy as sa

from deploydb.store.columns import BigId, Json, UtcDateTime
from deploydb.store.tables.base import identity, metadata, partial_index

wanted_notification = sa.Table("wanted_notification", metadata, sa.Column("type", sa.Text, primary_key=True))
"""The types of notifications that the configuration in force wants. Promotion has the rows, and ingest reads them."""

webhook_endpoint = sa.Table(
    "webhook_endpoint",
    metadata,
    sa.Column("endpoint", sa.Text, primary_key=True),
    sa.Column("due_at", UtcDateTime),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failing_since", UtcDateTime),
    sa.Column("problem", sa.Text),
)
"""Who is called: a URL of a list. `due_at`: when its oldest open delivery is attempted next, moved ahead while a worker
has the endpoint (its lease), null where none is open. `failures`: attempts without a success since; `failing_since` and
`problem`: since when, and the last one."""
_waits = webhook_endpoint.c.due_at.is_not(None)
partial_index("ix_webhook_endpoint_due", webhook_endpoint.c.due_at, where=_waits)

webhook_delivery = sa.Table(
    "webhook_delivery",
    metadata,
    identity(),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("notification", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("service", sa.Text),
    sa.Column("environment", sa.Text),
    sa.Column("deployment", BigId),
    sa.Column("headers", Json, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("attempted_at", UtcDateTime),
    sa.Column("status", sa.Integer),
    sa.Column("problem", sa.Text),
    sa.Column("delivered_at", UtcDateTime),
    sa.Column("dead_at", UtcDateTime),
    sa.UniqueConstraint("endpoint", "notification", name="uq_webhook_delivery_endpoint_notification"),
)
"""One call of an endpoint with one notification. `status`: of the last answer; `problem`: of the last attempt, null for
none. Open, from `opened_at` on, until it is delivered, or dead after its last attempt; a replay opens it again."""
DELIVERY_IS_OPEN = sa.and_(webhook_delivery.c.delivered_at.is_(None), webhook_delivery.c.dead_at.is_(None))
partial_index("ix_webhook_delivery_open", webhook_delivery.c.endpoint, webhook_delivery.c.id, where=DELIVERY_IS_OPEN)
partial_index("ix_webhook_delivery_dead", webhook_delivery.c.id, where=webhook_delivery.c.dead_at.is_not(None))
partial_index(
    "ix_webhook_delivery_delivered",
    webhook_delivery.c.delivered_at,
    where=webhook_delivery.c.delivered_at.is_not(None),
)
