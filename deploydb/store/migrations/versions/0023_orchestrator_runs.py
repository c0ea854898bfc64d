"""Commands that are run by tools over HTTP, and what has become of them."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "orchestrator_run", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def upgrade() -> None:
    op.create_table(
        "orchestrator_run",
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("orchestrator", sa.Text(), nullable=False),
        sa.Column("deployment", ID, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("run_url", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("taken_at", TIME, nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("announced_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("due_at", TIME, nullable=True),
        sa.CheckConstraint(
            "state IN ('taken', 'starting', 'started', 'finished')", name=op.f("ck_orchestrator_run_state")
        ),
        sa.PrimaryKeyConstraint("command", name=op.f("pk_orchestrator_run")),
    )
    _partial("ix_orchestrator_run_due", ["orchestrator", "due_at"], "due_at IS NOT NULL")
    _partial("ix_orchestrator_run_finished", ["finished_at"], "finished_at IS NOT NULL")
