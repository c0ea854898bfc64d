"""The files of the configurations that were in force."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "configuration_file",
        sa.Column("event", ID, autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["event"], ["event.number"], name=op.f("fk_configuration_file_event_event")),
        sa.PrimaryKeyConstraint("event", "path", name=op.f("pk_configuration_file")),
    )
