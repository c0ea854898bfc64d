"""The place of events, outgoing messages and commands of tools in a trace."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("event", "outbox", "orchestrator_run"):
        op.add_column(table, sa.Column("traceparent", sa.Text()))
        op.add_column(table, sa.Column("tracestate", sa.Text()))
