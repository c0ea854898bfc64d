"""What is over is found by an index, or not looked for: settled requests, holds that have ended, facts by module."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("unmatched_fact", sa.Column("module", sa.Text()))
    op.execute(
        "UPDATE unmatched_fact SET module = (SELECT body ->> 'artifact' FROM event "
        "WHERE event.number = unmatched_fact.event) WHERE service IS NOT NULL"
    )
    op.add_column("unmatched_fact", sa.Column("awaits", sa.Text(), nullable=False, server_default="commanded"))
    op.execute(
        "UPDATE unmatched_fact SET awaits = "
        "(SELECT CASE WHEN type = 'deployment.finished' THEN 'artifact' ELSE 'imported' END FROM event "
        "WHERE event.number = unmatched_fact.event) WHERE service IS NOT NULL AND EXISTS (SELECT 1 FROM event "
        "WHERE event.number = unmatched_fact.event AND CAST(body ->> 'historical' AS TEXT) IN ('true', '1'))"
    )
    for pair in (["service", "environment"], ["service", "version"], ["environment", "version"]):
        op.create_index(f"ix_unmatched_fact_{'_'.join(pair)}", "unmatched_fact", [*pair, "event"], unique=False)
    op.add_column("promotion_request", sa.Column("settled_at", TIME))
    op.create_index("ix_promotion_request_version", "promotion_request", ["service", "version"], unique=False)
    _create("ix_promotion_request_unsettled", "promotion_request", ["service"], "settled_at IS NULL")
    op.execute(
        "UPDATE hold SET placed = false WHERE placed AND EXISTS (SELECT 1 FROM hold AS lift "
        "WHERE lift.kind = hold.kind AND lift.service = hold.service AND lift.environment = hold.environment "
        "AND lift.vetoed = hold.vetoed "
        "AND lift.hold = '' AND NOT lift.placed "
        "AND (lift.time, lift.source, lift.event_id) > (hold.time, hold.source, hold.event_id))"
    )
    _create("ix_hold_standing", "hold", ["service", "until"], "placed")
    _create("ix_hold_until", "hold", ["until"], "placed")
    _create("ix_hold_begins", "hold", ["begins"], "placed")


def _create(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=False, postgresql_where=condition, sqlite_where=condition)
