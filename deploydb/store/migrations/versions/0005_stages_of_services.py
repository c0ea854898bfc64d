"""The schedule says by which stages a service was evaluated."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("service_schedule", sa.Column("stages", sa.Text()))
