"""When each approval and each hold was recorded."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    for table in ("approval", "hold"):
        op.add_column(table, sa.Column("recorded_at", TIME))
        found = f"SELECT event.recorded_at FROM event WHERE event.number = {table}.event"  # noqa: S608
        op.execute(f"UPDATE {table} SET recorded_at = ({found})")  # noqa: S608
