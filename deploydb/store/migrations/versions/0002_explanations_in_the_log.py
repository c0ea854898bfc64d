"""Explanations are in the log, and in bulk: the index of the rare types leaves them out."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_event_rare", "event")
    rare = sa.text(
        "(type NOT IN ('artifact.published', 'deployment.started', 'deployment.finished', 'verification.finished', "
        "'flow.opened', 'deployment.requested', 'deployment.succeeded', 'deployment.skipped', 'environment.changed', "
        "'verdict.changed', 'service.evaluated'))"
    )
    op.create_index("ix_event_rare", "event", ["type", "number"], postgresql_where=rare, sqlite_where=rare)
