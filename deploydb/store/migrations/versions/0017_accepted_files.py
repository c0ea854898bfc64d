"""The publication that a person accepted as the version, and those that it settled."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("artifact", sa.Column("accepted", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
    op.add_column("publication", sa.Column("settled", sa.Boolean(), nullable=False, server_default=sa.false()))
