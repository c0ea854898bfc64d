"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "service_schedule",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("evaluated_at", TIME, nullable=True),
        sa.Column("catalog", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_first_at", TIME, nullable=True),
        sa.Column("error_last_at", TIME, nullable=True),
        sa.Column("error_attempts", sa.Integer(), nullable=True),
        sa.Column("parked", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("service", name=op.f("pk_service_schedule")),
    )
    op.create_index(
        "ix_service_schedule_error",
        "service_schedule",
        ["service"],
        unique=False,
        postgresql_where=sa.text("error IS NOT NULL"),
        sqlite_where=sa.text("error IS NOT NULL"),
    )
    op.create_index(
        "ix_service_schedule_due",
        "service_schedule",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "artifact",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("module_key", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("commit", sa.Text(), nullable=True),
        sa.Column("purl", sa.Text(), nullable=True),
        sa.Column("published_at", TIME, nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("observed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("conflict", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact")),
        sa.UniqueConstraint("module_key", "version", name=op.f("uq_artifact_module_key_version")),
    )
    op.create_index("ix_artifact_module", "artifact", ["module_key", "published_at"], unique=False)
    op.create_index("ix_artifact_module_key_id", "artifact", ["module_key", "id"], unique=False)
    for known in ("commit", "digest", "purl"):
        given = sa.text(f'"{known}" IS NOT NULL' + (" AND length(purl) <= 2000" if known == "purl" else ""))
        op.create_index(f"ix_artifact_{known}", "artifact", [known], postgresql_where=given, sqlite_where=given)
    op.create_table(
        "event",
        sa.Column("number", ID, sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("time", TIME, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.Column("publisher", sa.Text(), nullable=True),
        sa.Column("who", sa.Text(), nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("body", JSON, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_event")),
        sa.UniqueConstraint("source", "id", name=op.f("uq_event_source_id")),
    )
    named = sa.text("who IS NOT NULL")
    op.create_index("ix_event_who", "event", ["who", "number"], postgresql_where=named, sqlite_where=named)
    rare = sa.text(
        "(type NOT IN ('artifact.published', 'deployment.started', 'deployment.finished', 'verification.finished', "
        "'flow.opened', 'deployment.requested', 'deployment.succeeded', 'deployment.skipped', 'environment.changed', "
        "'verdict.changed'))"
    )
    op.create_index("ix_event_rare", "event", ["type", "number"], postgresql_where=rare, sqlite_where=rare)
    op.create_index(
        "ix_event_lane",
        "event",
        ["service", "environment", "number"],
        unique=False,
        postgresql_where=sa.text("service IS NOT NULL"),
        sqlite_where=sa.text("service IS NOT NULL"),
    )
    op.create_table(
        "ingest_watermark",
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("read_until", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("over", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_ingest_watermark")),
    )
    op.create_table(
        "catalog_listing",
        sa.Column("module_key", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("unanswered_at", TIME, nullable=True),
        sa.Column("unanswered_from", ID, nullable=True),
        sa.PrimaryKeyConstraint("module_key", "service", name=op.f("pk_catalog_listing")),
    )
    op.create_index(
        "ix_catalog_listing_unanswered",
        "catalog_listing",
        ["service"],
        unique=False,
        postgresql_where=sa.text("unanswered_at IS NOT NULL"),
        sqlite_where=sa.text("unanswered_at IS NOT NULL"),
    )
    op.create_table(
        "evaluation_request",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("artifact_id", ID, nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "artifact_id IS NOT NULL OR service IS NOT NULL", name=op.f("ck_evaluation_request_subject")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_request")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("routing_key", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("sent_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("message_id", name=op.f("uq_outbox_message_id")),
    )
    op.create_index(
        "ix_outbox_unsent",
        "outbox",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL"),
        sqlite_where=sa.text("sent_at IS NULL"),
    )
    op.create_table(
        "flow",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("artifact_id", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifact.id"], name=op.f("fk_flow_artifact_id_artifact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow")),
        sa.UniqueConstraint("artifact_id", "service", name=op.f("uq_flow_artifact_id_service")),
    )
    op.create_table(
        "publication",
        sa.Column("artifact_id", ID, autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("published_at", TIME, nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("commit", sa.Text(), nullable=True),
        sa.Column("purl", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifact.id"], name=op.f("fk_publication_artifact_id_artifact")),
        sa.PrimaryKeyConstraint("artifact_id", "source", "event_id", name=op.f("pk_publication")),
    )
    op.create_table(
        "unmatched_fact",
        sa.Column("event", ID, autoincrement=False, nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["event"], ["event.number"], name=op.f("fk_unmatched_fact_event_event")),
        sa.PrimaryKeyConstraint("event", name=op.f("pk_unmatched_fact")),
    )
    op.create_index("ix_unmatched_fact_lane", "unmatched_fact", ["service", "environment", "version"], unique=False)
    op.create_table(
        "deployment",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("flow_id", ID, nullable=True),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("artifact_id", ID, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="1", nullable=False),
        sa.Column("stage_index", sa.Integer(), server_default="0", nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("trigger_reason", JSON, nullable=True),
        sa.Column("status_reason", JSON, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("happened_at", TIME, nullable=True),
        sa.Column("cause_id", ID, nullable=True),
        sa.Column("not_before", TIME, nullable=True),
        sa.Column("command", sa.Text(), nullable=True),
        sa.Column("requested_at", TIME, nullable=True),
        sa.Column("deadline", TIME, nullable=True),
        sa.Column("expired_at", TIME, nullable=True),
        sa.Column("skipped_at", TIME, nullable=True),
        sa.Column("replaced_at", TIME, nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("failure_response", sa.Text(), nullable=True),
        sa.Column("failure_response_detail", JSON, nullable=True),
        sa.Column("live_at", TIME, nullable=True),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("needs_evaluation", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("started_source", sa.Text(), nullable=True),
        sa.Column("started_event", sa.Text(), nullable=True),
        sa.Column("started_url", sa.Text(), nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("finished_source", sa.Text(), nullable=True),
        sa.Column("finished_event", sa.Text(), nullable=True),
        sa.Column("finished_url", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('deploy', 'rollback', 'external')", name=op.f("ck_deployment_kind")),
        sa.CheckConstraint("outcome IN ('succeeded', 'failed')", name=op.f("ck_deployment_outcome")),
        sa.CheckConstraint("result IN ('SUCCESS', 'FAILED')", name=op.f("ck_deployment_result")),
        sa.CheckConstraint(
            "failure_response IN ('stop', 'retry', 'rollback', 'full_rollback', 'ignore')",
            name=op.f("ck_deployment_sequel"),
        ),
        sa.CheckConstraint(
            "status IN ('NOT_STARTED', 'CREATED', 'STARTED', 'COMPLETED', 'SUCCESS', 'FAILED', 'SKIPPED')",
            name=op.f("ck_deployment_status"),
        ),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifact.id"], name=op.f("fk_deployment_artifact_id_artifact")),
        sa.ForeignKeyConstraint(["cause_id"], ["deployment.id"], name=op.f("fk_deployment_cause_id_deployment")),
        sa.ForeignKeyConstraint(["flow_id"], ["flow.id"], name=op.f("fk_deployment_flow_id_flow")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
        sa.UniqueConstraint("command", name=op.f("uq_deployment_command")),
        sa.UniqueConstraint(
            "flow_id", "environment", "attempt", name=op.f("uq_deployment_flow_id_environment_attempt")
        ),
    )
    op.create_index("ix_deployment_artifact", "deployment", ["artifact_id"], unique=False)
    op.create_index("ix_deployment_history", "deployment", ["service", "happened_at", "id"], unique=False)
    op.create_index("ix_deployment_lane", "deployment", ["service", "environment", "version"], unique=False)
    op.create_index(
        "ix_deployment_needs_evaluation",
        "deployment",
        ["service"],
        unique=False,
        postgresql_where=sa.text("needs_evaluation"),
        sqlite_where=sa.text("needs_evaluation"),
    )
    op.create_index(
        "ix_deployment_succeeded",
        "deployment",
        ["service", "environment", "id"],
        unique=False,
        postgresql_where=sa.text("result = 'SUCCESS'"),
        sqlite_where=sa.text("result = 'SUCCESS'"),
    )
    op.create_index(
        "uq_deployment_active",
        "deployment",
        ["service", "environment"],
        unique=True,
        postgresql_where=sa.text("status IN ('CREATED', 'STARTED')"),
        sqlite_where=sa.text("status IN ('CREATED', 'STARTED')"),
    )
    op.create_table(
        "approval",
        sa.Column("deployment_id", ID, autoincrement=False, nullable=False),
        sa.Column("promotion", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("time", TIME, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_approval_deployment_id_deployment")
        ),
        sa.PrimaryKeyConstraint("deployment_id", "promotion", "by", name=op.f("pk_approval")),
    )
    op.create_table(
        "current_version",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("module_key", sa.Text(), nullable=False),
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("deployment_id", ID, nullable=False),
        sa.Column("artifact_id", ID, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("published_at", TIME, nullable=False),
        sa.Column("live_at", TIME, nullable=False),
        sa.Column("previous_version", sa.Text(), nullable=True),
        sa.Column("previous_live_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifact.id"], name=op.f("fk_current_version_artifact_id_artifact")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_current_version_deployment_id_deployment")
        ),
        sa.PrimaryKeyConstraint("service", "environment", "module_key", name=op.f("pk_current_version")),
    )
    op.create_table(
        "revision",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", ID, nullable=False),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_revision")),
    )
    op.create_table(
        "live_interval",
        sa.Column("deployment_id", ID, autoincrement=False, nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("module_key", sa.Text(), nullable=False),
        sa.Column("artifact_id", ID, nullable=False),
        sa.Column("published_at", TIME, nullable=False),
        sa.Column("live_at", TIME, nullable=False),
        sa.Column("known_at", TIME, nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("result_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifact.id"], name=op.f("fk_live_interval_artifact_id_artifact")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_live_interval_deployment_id_deployment")
        ),
        sa.PrimaryKeyConstraint("deployment_id", name=op.f("pk_live_interval")),
    )
    op.create_index("ix_live_interval_environment", "live_interval", ["environment", "live_at"])
    op.create_index(
        "ix_live_interval_lane",
        "live_interval",
        ["service", "environment", "module_key", "live_at", "published_at", "deployment_id"],
    )
    op.create_table(
        "verdict",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("deployment_id", ID, nullable=False),
        sa.Column("promotion", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", JSON, nullable=True),
        sa.Column("recheck_at", TIME, nullable=True),
        sa.Column("inputs", JSON, nullable=True),
        sa.Column("decided_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("phase IN ('entry', 'exit')", name=op.f("ck_verdict_phase")),
        sa.CheckConstraint("outcome IN ('PASS', 'PENDING', 'FAIL', 'ERROR')", name=op.f("ck_verdict_outcome")),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployment.id"], name=op.f("fk_verdict_deployment_id_deployment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict")),
        sa.UniqueConstraint(
            "deployment_id", "promotion", "phase", name=op.f("uq_verdict_deployment_id_promotion_phase")
        ),
    )
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
        sa.CheckConstraint("outcome IN ('passed', 'failed', 'errored')", name=op.f("ck_verification_outcome")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_verification_deployment_id_deployment")
        ),
        sa.PrimaryKeyConstraint("deployment_id", "promotion", name=op.f("pk_verification")),
    )

    op.create_table(
        "hold",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("vetoed", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("placed", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("until", TIME, nullable=True),
        sa.Column("time", TIME, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event", ID, nullable=False),
        sa.CheckConstraint("kind IN ('pin', 'veto', 'freeze', 'pause')", name=op.f("ck_hold_kind")),
        sa.PrimaryKeyConstraint("kind", "service", "environment", "vetoed", name=op.f("pk_hold")),
    )
    op.create_index(
        "ix_hold_placed",
        "hold",
        ["service"],
        unique=False,
        postgresql_where=sa.text("placed"),
        sqlite_where=sa.text("placed"),
    )
    op.create_table(
        "hotfix",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("skip", JSON, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", TIME, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event", ID, nullable=False),
        sa.PrimaryKeyConstraint("service", "version", name=op.f("pk_hotfix")),
    )
    op.create_table(
        "rollback_request",
        sa.Column("event", ID, autoincrement=False, nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("module", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", TIME, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("answer", JSON, nullable=True),
        sa.Column("answered_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["event"], ["event.number"], name=op.f("fk_rollback_request_event_event")),
        sa.PrimaryKeyConstraint("event", name=op.f("pk_rollback_request")),
    )
    op.create_index(
        "ix_rollback_request_unanswered",
        "rollback_request",
        ["service"],
        unique=False,
        postgresql_where=sa.text("answered_at IS NULL"),
        sqlite_where=sa.text("answered_at IS NULL"),
    )
    op.create_table(
        "incident",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("time", TIME, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event", ID, nullable=False),
        sa.PrimaryKeyConstraint("service", "environment", "name", name=op.f("pk_incident")),
    )
    op.create_index(
        "ix_incident_open",
        "incident",
        ["service"],
        unique=False,
        postgresql_where=sa.text("open"),
        sqlite_where=sa.text("open"),
    )
    op.create_index("ix_incident_time", "incident", ["service", "time"], unique=False)
    op.create_table(
        "attestation",
        sa.Column("module_key", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("signer", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("time", TIME, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event", ID, nullable=False),
        sa.PrimaryKeyConstraint("module_key", "version", "digest", "signer", "kind", name=op.f("pk_attestation")),
    )
    op.create_table(
        "external_check",
        sa.Column("deployment_id", ID, autoincrement=False, nullable=False),
        sa.Column("promotion", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("condition_since", TIME, nullable=True),
        sa.Column("last_report_key", sa.Text(), nullable=True),
        sa.Column("done_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_external_check_deployment_id_deployment")
        ),
        sa.CheckConstraint("phase IN ('entry', 'exit')", name=op.f("ck_external_check_phase")),
        sa.PrimaryKeyConstraint("deployment_id", "promotion", "phase", name=op.f("pk_external_check")),
    )
    op.create_index(
        "ix_external_check_due",
        "external_check",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
        sqlite_where=sa.text("done_at IS NULL"),
    )


def downgrade() -> None:
    for table in ("external_check", "attestation", "incident", "rollback_request", "hotfix", "hold"):
        op.drop_table(table)
    op.drop_table("verification")
    op.drop_table("verdict")
    op.drop_table("live_interval")
    op.drop_table("revision")
    op.drop_table("current_version")
    op.drop_table("approval")
    op.drop_index(
        "uq_deployment_active",
        table_name="deployment",
        postgresql_where=sa.text("status IN ('CREATED', 'STARTED')"),
        sqlite_where=sa.text("status IN ('CREATED', 'STARTED')"),
    )
    op.drop_index(
        "ix_deployment_needs_evaluation",
        table_name="deployment",
        postgresql_where=sa.text("needs_evaluation"),
        sqlite_where=sa.text("needs_evaluation"),
    )
    op.drop_index(
        "ix_deployment_succeeded",
        table_name="deployment",
        postgresql_where=sa.text("result = 'SUCCESS'"),
        sqlite_where=sa.text("result = 'SUCCESS'"),
    )
    op.drop_index("ix_deployment_lane", table_name="deployment")
    op.drop_index("ix_deployment_history", table_name="deployment")
    op.drop_index("ix_deployment_artifact", table_name="deployment")
    op.drop_table("deployment")
    op.drop_index("ix_unmatched_fact_lane", table_name="unmatched_fact")
    op.drop_table("unmatched_fact")
    op.drop_table("publication")
    op.drop_table("flow")
    op.drop_index(
        "ix_outbox_unsent",
        table_name="outbox",
        postgresql_where=sa.text("sent_at IS NULL"),
        sqlite_where=sa.text("sent_at IS NULL"),
    )
    op.drop_table("outbox")
    op.drop_table("evaluation_request")
    op.drop_table("catalog_listing")
    op.drop_table("ingest_watermark")
    op.drop_index(
        "ix_event_lane",
        table_name="event",
        postgresql_where=sa.text("service IS NOT NULL"),
        sqlite_where=sa.text("service IS NOT NULL"),
    )
    op.drop_table("event")
    op.drop_index("ix_artifact_module_key_id", table_name="artifact")
    op.drop_index("ix_artifact_module", table_name="artifact")
    op.drop_table("artifact")
    op.drop_index(
        "ix_service_schedule_error",
        table_name="service_schedule",
        postgresql_where=sa.text("error IS NOT NULL"),
        sqlite_where=sa.text("error IS NOT NULL"),
    )
    op.drop_index(
        "ix_service_schedule_due",
        table_name="service_schedule",
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_table("service_schedule")
