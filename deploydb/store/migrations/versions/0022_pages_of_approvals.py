"""The page that an approval or a refusal names."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("approval", sa.Column("url", sa.Text()))
