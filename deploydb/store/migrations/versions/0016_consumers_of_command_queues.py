"""The command queues, and since when nothing consumes them."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "command_queue",
        sa.Column("orchestrator", sa.Text(), nullable=False),
        sa.Column("looked_at", TIME, nullable=True),
        sa.Column("unconsumed_since", TIME, nullable=True),
        sa.Column("ready", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("orchestrator", name=op.f("pk_command_queue")),
    )
