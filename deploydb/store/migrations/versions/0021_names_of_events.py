"""What events of other vocabularies call each other by."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "correlation",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("awaits", sa.Boolean(), nullable=False),
        sa.Column("artifact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.Column("deployment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.ForeignKeyConstraint(["event"], ["event.number"], name=op.f("fk_correlation_event_event")),
        sa.PrimaryKeyConstraint("name", "event", name=op.f("pk_correlation")),
    )
    awaits = sa.text("awaits")
    op.create_index("ix_correlation_awaits", "correlation", ["name"], postgresql_where=awaits, sqlite_where=awaits)
