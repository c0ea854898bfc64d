"""The authors that a publication names; no publisher where the broker vouched for none."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("artifact", "publication"):
        op.add_column(table, sa.Column("author", sa.Text()))
        op.add_column(table, sa.Column("triggered_by", sa.Text()))
        # it was the source, which any publisher may write
        known = f"event.source = {table}.source AND event.id = {table}.event_id"
        none = f"EXISTS (SELECT 1 FROM event WHERE {known} AND event.publisher IS NULL)"  # noqa: S608  # two tables' names
        op.execute(f"UPDATE {table} SET published_by = '' WHERE {none}")  # noqa: S608
