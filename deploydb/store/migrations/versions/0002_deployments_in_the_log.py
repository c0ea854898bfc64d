"""The log says of which deployment a fact is."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("event", sa.Column("deployment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
