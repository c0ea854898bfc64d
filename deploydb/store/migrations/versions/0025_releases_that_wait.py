"""Releases that wait for a file of the configuration, as long as it takes."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("catalog_listing", sa.Column("waits", sa.Boolean(), nullable=False, server_default=sa.false()))
