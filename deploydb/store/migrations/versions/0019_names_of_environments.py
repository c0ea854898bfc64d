"""The names that environments had."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "environment_name",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("taken", sa.Integer()),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_environment_name")),
    )
    op.add_column("revision", sa.Column("names", sa.Integer(), nullable=False, server_default="0"))
