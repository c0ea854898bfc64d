"""A rollback request says what it is to roll back."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rollback_request", sa.Column("from_version", sa.Text()))
