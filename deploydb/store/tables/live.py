"""What lanes run and ran: written by promotion alone."""

import sqlalchemy as sa

from deploydb.store.columns import BigId, UtcDateTime, choice
from deploydb.store.tables.base import identity, metadata
from deploydb.store.tables.deployments import STATUSES

current_version = sa.Table(
    "current_version",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("module_key", sa.Text, primary_key=True),
    sa.Column("module", sa.Text, nullable=False),
    sa.Column("deployment_id", BigId, sa.ForeignKey("deployment.id"), nullable=False),
    sa.Column("artifact_id", BigId, sa.ForeignKey("artifact.id"), nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("published_at", UtcDateTime, nullable=False),
    sa.Column("live_at", UtcDateTime, nullable=False),
    sa.Column("previous_version", sa.Text),
    sa.Column("previous_live_at", UtcDateTime),
)
"""What each environment runs of each module of each service, and the other version that ran there before."""

live_interval = sa.Table(
    "live_interval",
    metadata,
    sa.Column("deployment_id", BigId, sa.ForeignKey("deployment.id"), primary_key=True, autoincrement=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("module_key", sa.Text, nullable=False),
    sa.Column("artifact_id", BigId, sa.ForeignKey("artifact.id"), nullable=False),
    sa.Column("published_at", UtcDateTime, nullable=False),
    sa.Column("live_at", UtcDateTime, primary_key=True),
    sa.Column("known_at", UtcDateTime, nullable=False),
    sa.Column("result", sa.Text),
    sa.Column("result_at", UtcDateTime),
)
"""When a deployment that finished well came to run (`live_at`), and when that was recorded (`known_at`). It ran until
the next row of its lane and module, and may have further rows. What ran at a time is the last row until then; as it was
known at a time, the last one of those recorded by then. `result`, `result_at`: of its gates, and when they had it."""
sa.Index(
    "ix_live_interval_lane",
    live_interval.c.service,
    live_interval.c.environment,
    live_interval.c.module_key,
    live_interval.c.live_at,
    live_interval.c.published_at,
    live_interval.c.deployment_id,
)
sa.Index("ix_live_interval_environment", live_interval.c.environment, live_interval.c.live_at)

live_status = sa.Table(
    "live_status",
    metadata,
    identity(),
    sa.Column("deployment_id", BigId, sa.ForeignKey("deployment.id"), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("known_at", UtcDateTime, nullable=False),
    choice("status", *STATUSES),
)
"""The statuses that a deployment has had since it went live, after COMPLETED: a row for each change. Its status at a
time, as it was known at a time, is the last row, by `id`, of those that were `since` then and recorded by then."""
sa.Index("ix_live_status_deployment", live_status.c.deployment_id, live_status.c.id)
