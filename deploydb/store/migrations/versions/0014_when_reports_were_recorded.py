"""When each report of a job was recorded: from now on, and of the deployments that are still evaluated."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("verification", sa.Column("recorded_at", TIME))
    op.execute(
        "UPDATE verification SET recorded_at = (SELECT recorded_at FROM event WHERE event.number = verification.event) "
        "WHERE deployment_id IN (SELECT id FROM deployment WHERE needs_evaluation)"
    )
