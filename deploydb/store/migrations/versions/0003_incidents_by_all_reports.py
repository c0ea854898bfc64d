"""Incidents as all their reports add up: since when, and when their beginning or end was recorded."""

import sqlalchemy as sa
from alembic import op

from deploydb.store.columns import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incident", sa.Column("began_at", UtcDateTime))
    op.add_column("incident", sa.Column("recorded_at", UtcDateTime))
    op.execute("UPDATE incident SET recorded_at = (SELECT recorded_at FROM event WHERE number = incident.event)")
    op.create_index("ix_incident_recorded", "incident", ["service", "recorded_at"])
    reports = sa.text("type IN ('incident.detected', 'incident.resolved')")
    op.create_index(
        "ix_event_incident", "event", ["service", "environment"], postgresql_where=reports, sqlite_where=reports
    )
