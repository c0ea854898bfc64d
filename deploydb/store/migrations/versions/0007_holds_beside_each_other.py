"""Holds of one scope stand beside each other, each with an id, and may begin later.

The last word on a scope becomes the hold that it placed, or the end of all holds there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hold", sa.Column("hold", sa.Text(), server_default="", nullable=False))
    op.add_column("hold", sa.Column("begins", sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE hold SET hold = CASE kind WHEN 'pin' THEN \"by\" ELSE source || '/' || event_id END WHERE placed"
    )
    with op.batch_alter_table("hold") as table:
        table.drop_constraint("pk_hold", type_="primary")
        table.create_primary_key("pk_hold", ["kind", "service", "environment", "vetoed", "hold"])
        table.alter_column("hold", server_default=None)
