"""Since when a gate has its outcome; reports that are not final."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
OUTCOMES = "outcome IN ('passed', 'failed', 'errored', 'pending')"


def upgrade() -> None:
    op.add_column("verdict", sa.Column("since", TIME))
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_verification_outcome"), "verification", type_="check")
        op.create_check_constraint(op.f("ck_verification_outcome"), "verification", OUTCOMES)
        return
    op.rename_table("verification", "verification_before")
    op.create_table(
        "verification",
        sa.Column("deployment_id", ID, autoincrement=False, nullable=False),
        sa.Column("promotion", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("time", TIME, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event", ID, nullable=False),
        sa.CheckConstraint(OUTCOMES, name=op.f("ck_verification_outcome")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_verification_deployment_id_deployment")
        ),
        sa.PrimaryKeyConstraint("deployment_id", "promotion", name=op.f("pk_verification")),
    )
    columns = "deployment_id, promotion, outcome, reason, url, time, source, event_id, event"
    op.execute(f"INSERT INTO verification ({columns}) SELECT {columns} FROM verification_before")  # noqa: S608
    op.drop_table("verification_before")
