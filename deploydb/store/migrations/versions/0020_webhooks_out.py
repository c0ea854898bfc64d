"""Webhooks out: the types of notifications that are wanted, and deliveries with their attempts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def upgrade() -> None:
    op.create_table(
        "wanted_notification",
        sa.Column("type", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("type", name=op.f("pk_wanted_notification")),
    )
    op.create_table(
        "webhook_endpoint",
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", TIME, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("endpoint", name=op.f("pk_webhook_endpoint")),
    )
    _partial("ix_webhook_endpoint_due", "webhook_endpoint", ["due_at"], "due_at IS NOT NULL")
    op.create_table(
        "webhook_delivery",
        sa.Column("id", ID, sa.Identity(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("notification", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("deployment", ID, nullable=True),
        sa.Column("headers", JSON, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempted_at", TIME, nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.Column("dead_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("endpoint", "notification", name="uq_webhook_delivery_endpoint_notification"),
    )
    is_open = "delivered_at IS NULL AND dead_at IS NULL"
    _partial("ix_webhook_delivery_open", "webhook_delivery", ["endpoint", "id"], is_open)
    _partial("ix_webhook_delivery_dead", "webhook_delivery", ["id"], "dead_at IS NOT NULL")
    _partial("ix_webhook_delivery_delivered", "webhook_delivery", ["delivered_at"], "delivered_at IS NOT NULL")
