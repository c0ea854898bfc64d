"""Deployments that are live several times, and the statuses that they had.

What the log has of those that ran again is taken in. Of statuses the last one is known. When the report of its end was
known is looked up of what is still evaluated.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATUSES = "'NOT_STARTED', 'CREATED', 'STARTED', 'COMPLETED', 'SUCCESS', 'FAILED', 'SKIPPED'"
INTERVAL = sa.table(
    "live_interval",
    *map(sa.column, ("deployment_id", "service", "environment", "module_key", "artifact_id", "result")),
    *(sa.column(name, TIME) for name in ("published_at", "live_at", "known_at", "result_at")),
)


def upgrade() -> None:
    again = _again(op.get_bind())
    op.add_column("deployment", sa.Column("finished_known_at", TIME))
    op.add_column("deployment", sa.Column("live_again_at", TIME))
    op.add_column("deployment", sa.Column("withdrawn_at", TIME))
    op.create_table(
        "live_status",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("deployment_id", ID, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("known_at", TIME, nullable=False),
        sa.CheckConstraint(f"status IN ({STATUSES})", name=op.f("ck_live_status_status")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_live_status_deployment_id_deployment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_status")),
    )
    op.create_index("ix_live_status_deployment", "live_status", ["deployment_id", "id"])
    with op.batch_alter_table("live_interval") as table:
        table.drop_constraint("pk_live_interval", type_="primary")
        table.create_primary_key("pk_live_interval", ["deployment_id", "live_at"])
    if again:
        op.bulk_insert(INTERVAL, again)
    op.execute(
        "UPDATE deployment SET live_again_at = (SELECT MAX(live_at) FROM live_interval "
        "WHERE deployment_id = deployment.id) WHERE id IN "
        "(SELECT deployment_id FROM live_interval GROUP BY deployment_id HAVING COUNT(*) > 1)"
    )
    op.execute(
        "INSERT INTO live_status (deployment_id, status, since, known_at) "
        "SELECT DISTINCT deployment_id, result, result_at, result_at FROM live_interval WHERE result IS NOT NULL"
    )
    op.execute(
        "UPDATE deployment SET finished_known_at = (SELECT recorded_at FROM event "
        "WHERE event.source = finished_source AND event.id = finished_event) WHERE needs_evaluation"
    )
    op.execute("UPDATE deployment SET withdrawn_at = finished_at WHERE outcome = 'failed' AND live_at IS NOT NULL")
    op.execute(
        "INSERT INTO live_status (deployment_id, status, since, known_at) "
        "SELECT deployment.id, 'FAILED', finished_at, event.recorded_at FROM deployment "
        "JOIN event ON event.source = finished_source AND event.id = finished_event WHERE withdrawn_at IS NOT NULL"
    )


def _again(connection: sa.Connection) -> list[dict[str, object]]:
    """The rows of the times at which deployments came to run again, by the events of their lanes."""
    found = connection.execute(
        sa.text(
            "SELECT live_interval.*, event.recorded_at AS heard_at, event.body ->> 'since' AS again_at "
            "FROM deployment JOIN live_interval ON live_interval.deployment_id = deployment.id "
            "JOIN event ON event.service = deployment.service AND event.environment = deployment.environment "
            "AND event.source = 'deploydb' AND event.type = 'environment.changed' "
            "AND CAST(event.body ->> 'deployment' AS TEXT) = CAST(deployment.id AS TEXT) "
            "WHERE deployment.finished_at > deployment.live_at ORDER BY event.number"
        ).columns(**dict.fromkeys(("published_at", "live_at", "known_at", "result_at", "heard_at"), TIME))
    ).mappings()
    rows: dict[tuple[int, datetime], dict[str, object]] = {}
    for row in found:
        at = datetime.fromisoformat(row["again_at"]).astimezone(UTC)
        if row["live_at"].tzinfo is None:
            at = at.replace(tzinfo=None)
        if at != row["live_at"]:
            fields = {name: row[name] for name in INTERVAL.c.keys()}  # noqa: SIM118
            rows[row["deployment_id"], at] = {**fields, "live_at": at, "known_at": row["heard_at"]}
    return list(rows.values())
