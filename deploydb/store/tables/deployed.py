"""The log, artifacts, flows and deployments, and the work queues on them.

`event` is the truth; every other table is what it adds up to. Ingest owns `event`, `artifact`, `verification`,
`approval`, `unmatched` and the reported columns of `deployment`; promotion owns the rest.

Log numbers and other ids have gaps and become visible out of order: nothing reads "everything after the last id seen".
"""

import sqlalchemy as sa

from deploydb.store.columns import BigId, Json, UtcDateTime, choice
from deploydb.store.tables.base import identity, metadata, said

event = sa.Table(
    "event",
    metadata,
    identity("number"),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("time", UtcDateTime, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("publisher", sa.Text),
    sa.Column("service", sa.Text),
    sa.Column("environment", sa.Text),
    sa.Column("body", Json, nullable=False),
    sa.UniqueConstraint("source", "id"),
)
"""The log, append-only: inbound facts, and DeployDB's own decisions (source `deploydb`). `time` is when it happened,
`recorded_at` when we knew. `service` and `environment` are those that it names, for reading by lane."""
sa.Index(
    "ix_event_lane",
    event.c.service,
    event.c.environment,
    event.c.number,
    postgresql_where=event.c.service.is_not(None),
    sqlite_where=event.c.service.is_not(None),
)

artifact = sa.Table(
    "artifact",
    metadata,
    identity(),
    sa.Column("module_key", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("group", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("digest", sa.Text),
    sa.Column("commit", sa.Text),
    sa.Column("purl", sa.Text),
    sa.Column("published_at", UtcDateTime, nullable=False),
    sa.Column("published_by", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("observed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("conflict", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("module_key", "version"),
)
"""One version of a module, as its earliest publication by (`published_at`, `source`, `event_id`) has it. `module_key`
is a hash of group and name: they may be longer than an index entry. `observed`: only seen running, never published.
`conflict`: says which later publication contradicts it."""
sa.Index("ix_artifact_module", artifact.c.module_key, artifact.c.published_at)

publication = sa.Table(
    "publication",
    metadata,
    sa.Column("artifact_id", BigId, sa.ForeignKey("artifact.id"), primary_key=True, autoincrement=False),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("published_at", UtcDateTime, nullable=False),
    sa.Column("published_by", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("digest", sa.Text),
    sa.Column("commit", sa.Text),
    sa.Column("purl", sa.Text),
)
"""The other publications of artifacts that were published more than once; rare. The earliest is in `artifact`."""

flow = sa.Table(
    "flow",
    metadata,
    identity(),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("artifact_id", BigId, sa.ForeignKey("artifact.id"), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("artifact_id", "service"),
)
"""One release's way through a service's stages."""

STATUSES = ("NOT_STARTED", "CREATED", "STARTED", "COMPLETED", "SUCCESS", "FAILED", "SKIPPED")

deployment = sa.Table(
    "deployment",
    metadata,
    identity(),
    sa.Column("flow_id", BigId, sa.ForeignKey("flow.id")),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("artifact_id", BigId, sa.ForeignKey("artifact.id"), nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
    sa.Column("position", sa.Integer, nullable=False, server_default="0"),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    # decided by promotion
    sa.Column("cause_id", BigId, sa.ForeignKey("deployment.id")),
    sa.Column("not_before", UtcDateTime),
    sa.Column("command", sa.Text),
    sa.Column("requested_at", UtcDateTime),
    sa.Column("deadline", UtcDateTime),
    sa.Column("expired_at", UtcDateTime),
    sa.Column("skipped_at", UtcDateTime),
    sa.Column("replaced_at", UtcDateTime),
    sa.Column("result", sa.Text),
    sa.Column("sequel", sa.Text),
    sa.Column("aftermath", sa.Text),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("open", sa.Boolean, nullable=False, server_default=sa.true()),
    # reported by facts: when, and which fact said so
    sa.Column("started_at", UtcDateTime),
    sa.Column("started_source", sa.Text),
    sa.Column("started_event", sa.Text),
    sa.Column("started_url", sa.Text),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("finished_source", sa.Text),
    sa.Column("finished_event", sa.Text),
    sa.Column("finished_url", sa.Text),
    sa.Column("outcome", sa.Text),
    sa.Column("failure", sa.Text),
    sa.UniqueConstraint("command"),
    sa.UniqueConstraint("flow_id", "environment", "attempt"),
    choice("status", *STATUSES),
    choice("kind", "deploy", "rollback", "external"),
    choice("outcome", "succeeded", "failed"),
    choice("result", "SUCCESS", "FAILED"),
    choice("sequel", "stop", "retry", "rollback", "full_rollback", "ignore"),
)
"""One attempt to have a release in an environment. `status` is `domain.state.status` of the other columns, written
with them. `position`: the stage's place in its flow. `cause_id`: the deployment whose failure led to this one.
`sequel`: what its own failure led to, `aftermath` in words. `open`: promotion still has something to do with it."""
_active = deployment.c.status.in_(("CREATED", "STARTED"))
sa.Index(
    "uq_deployment_active",
    deployment.c.service,
    deployment.c.environment,
    unique=True,
    postgresql_where=_active,
    sqlite_where=_active,
)
sa.Index(
    "ix_deployment_open",
    deployment.c.service,
    postgresql_where=deployment.c.open,
    sqlite_where=deployment.c.open,
)
sa.Index("ix_deployment_lane", deployment.c.service, deployment.c.environment, deployment.c.version)
sa.Index("ix_deployment_history", deployment.c.service, deployment.c.id)
sa.Index("ix_deployment_artifact", deployment.c.artifact_id)
_succeeded = deployment.c.result == "SUCCESS"
sa.Index(
    "ix_deployment_succeeded",
    deployment.c.service,
    deployment.c.environment,
    deployment.c.id,
    postgresql_where=_succeeded,
    sqlite_where=_succeeded,
)

verification = sa.Table(
    "verification",
    metadata,
    sa.Column("deployment_id", BigId, sa.ForeignKey("deployment.id"), primary_key=True, autoincrement=False),
    sa.Column("promotion", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("url", sa.Text),
    *said(),
    choice("outcome", "passed", "failed", "errored"),
)
"""The latest report, by (`time`, `source`, `event_id`), of each job on each deployment. `event`: its log row."""

approval = sa.Table(
    "approval",
    metadata,
    sa.Column("deployment_id", BigId, sa.ForeignKey("deployment.id"), primary_key=True, autoincrement=False),
    sa.Column("promotion", sa.Text, primary_key=True),
    sa.Column("by", sa.Text, primary_key=True),
    sa.Column("given", sa.Boolean, nullable=False),
    sa.Column("comment", sa.Text),
    sa.Column("digest", sa.Text),
    *said(),
)
"""The latest word of each person on each deployment, for each manual promotion."""

verdict = sa.Table(
    "verdict",
    metadata,
    identity(),
    sa.Column("deployment_id", BigId, sa.ForeignKey("deployment.id"), nullable=False),
    sa.Column("promotion", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("recheck_at", UtcDateTime),
    sa.Column("inputs", Json),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("deployment_id", "promotion"),
    choice("outcome", "PASS", "PENDING", "FAIL", "ERROR"),
)
"""What each gate says of each deployment now; its history is in the log. Made with the flow, judged (`outcome`) once
the deployment runs. It is the v1 interface's promotion result."""

running = sa.Table(
    "running",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("module_key", sa.Text, primary_key=True),
    sa.Column("deployment_id", BigId, sa.ForeignKey("deployment.id"), nullable=False),
    sa.Column("artifact_id", BigId, sa.ForeignKey("artifact.id"), nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
)
"""What each environment runs of each module of each service."""

unmatched = sa.Table(
    "unmatched",
    metadata,
    sa.Column("event", BigId, sa.ForeignKey("event.number"), primary_key=True, autoincrement=False),
    sa.Column("service", sa.Text),
    sa.Column("environment", sa.Text),
    sa.Column("version", sa.Text),
    sa.Column("why", sa.Text, nullable=False),
)
"""Facts about a deployment that is not known; those that name a lane and a version are matched when it appears."""
sa.Index("ix_unmatched_lane", unmatched.c.service, unmatched.c.environment, unmatched.c.version)

mark = sa.Table(
    "mark",
    metadata,
    identity(),
    sa.Column("artifact_id", BigId),
    sa.Column("service", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("artifact_id IS NOT NULL OR service IS NOT NULL", name="subject"),
)
"""What has to be evaluated: a published artifact, or a service. Only ever inserted and deleted, so that ingest workers
never wait for each other, nor for promotion, on a popular service's row."""

agenda = sa.Table(
    "agenda",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("due_at", UtcDateTime),
    sa.Column("evaluated_at", UtcDateTime),
    sa.Column("catalog", sa.Text),
)
"""One row a service: its lock (one promotion worker at a time evaluates a service), and when time alone may change
something. `catalog`: the digest of the catalog it was last evaluated by."""
sa.Index(
    "ix_agenda_due",
    agenda.c.due_at,
    postgresql_where=agenda.c.due_at.is_not(None),
    sqlite_where=agenda.c.due_at.is_not(None),
)

outbox = sa.Table(
    "outbox",
    metadata,
    identity(),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("exchange", sa.Text, nullable=False),
    sa.Column("routing_key", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("problem", sa.Text),
    sa.Column("sent_at", UtcDateTime),
    sa.UniqueConstraint("message_id"),
)
"""The only way out. `due_at` is moved ahead while a relay has the row (its lease) and after a return (its backoff)."""
sa.Index(
    "ix_outbox_unsent",
    outbox.c.due_at,
    postgresql_where=outbox.c.sent_at.is_(None),
    sqlite_where=outbox.c.sent_at.is_(None),
)
