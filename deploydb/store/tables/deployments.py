"""The log, artifacts, flows and deployments.

`event` is the truth; every other table is what it adds up to. Ingest owns `event`, `artifact`, `verification`,
`approval` and the reported columns of `deployment`; promotion owns the rest.

Log numbers and other ids have gaps and become visible out of order: nothing reads "everything after the last id seen".
"""

import sqlalchemy as sa

from deploydb.store.columns import BigId, Json, UtcDateTime, choice
from deploydb.store.reason_codec import ReasonJson
from deploydb.store.tables.base import fact_columns, identity, metadata, partial_index, trace_columns

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
    sa.Column("who", sa.Text),
    sa.Column("service", sa.Text),
    sa.Column("environment", sa.Text),
    sa.Column("body", Json, nullable=False),
    sa.Column("deployment_id", BigId),
    *trace_columns(),
    sa.UniqueConstraint("source", "id"),
)
"""The log, append-only: inbound facts, and DeployDB's own decisions (source `deploydb`). `time` is when it happened,
`recorded_at` when we knew. `who`: the person it names. `service` and `environment` are those that it names, for
reading by lane: the environment by its name of now, while `body` is as it came. `deployment_id`: of a fact, the
deployment that it was taken to be about when it was recorded. `traceparent`: of a fact, for what follows from it;
nothing is decided by it."""
partial_index("ix_event_lane", event.c.service, event.c.environment, event.c.number, where=event.c.service.is_not(None))

_named = event.c.who.is_not(None)
partial_index("ix_event_who", event.c.who, event.c.number, where=_named)
BULK = (
    "artifact.published",
    "deployment.started",
    "deployment.finished",
    "verification.finished",
    "flow.opened",
    "deployment.requested",
    "deployment.succeeded",
    "deployment.skipped",
    "environment.changed",
    "verdict.changed",
)
"""What the log is mostly made of: these types are found by going back a little, the others by an index."""
is_rare = event.c.type.not_in([sa.literal(name, literal_execute=True) for name in BULK])
"""The rows of the other types, as their index has them: SQLite takes the index only for this condition."""
partial_index("ix_event_rare", event.c.type, event.c.number, where=is_rare)
INCIDENTS = ("incident.detected", "incident.resolved")
is_incident = event.c.type.in_([sa.literal(name, literal_execute=True) for name in INCIDENTS])
"""The reports of incidents, as their index has them."""
partial_index("ix_event_incident", event.c.service, event.c.environment, where=is_incident)

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
    sa.Column("historical", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("conflict", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("accepted", BigId),
    sa.Column("author", sa.Text),
    sa.Column("triggered_by", sa.Text),
    sa.UniqueConstraint("module_key", "version"),
)
"""One version of a module, as the publication that was recorded first has it (`source`, `event_id`). `published_at`:
the earliest time of those of this file. `module_key` is a hash of group and name: they may be longer than an index
entry. `observed`: only seen running, never published. `historical`: each publication was, so that it opens no flow.
`conflict`: says which later publication contradicts it. `accepted`: the event by which a person made this publication
the version, of those that there were."""
sa.Index("ix_artifact_module", artifact.c.module_key, artifact.c.published_at)
sa.Index("ix_artifact_module_key_id", artifact.c.module_key, artifact.c.id)
_short = sa.func.length(artifact.c.purl) <= sa.literal(2000, literal_execute=True)
"""Longer ones would not fit into the index."""
for _known, _given in (
    (artifact.c.commit, artifact.c.commit.is_not(None)),
    (artifact.c.digest, artifact.c.digest.is_not(None)),
    (artifact.c.purl, sa.and_(artifact.c.purl.is_not(None), _short)),
):
    partial_index(f"ix_artifact_{_known.name}", _known, where=_given)

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
    sa.Column("settled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("author", sa.Text),
    sa.Column("triggered_by", sa.Text),
)
"""The other publications of artifacts that were published more than once; rare. The first one is in `artifact`.
`settled`: it came before the acceptance of that one, and contradicts nothing."""

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

ACTIVE = ("CREATED", "STARTED")
UNFINISHED = ("NOT_STARTED", "CREATED", "STARTED", "COMPLETED")
STATUSES = (*UNFINISHED, "SUCCESS", "FAILED", "SKIPPED")

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
    sa.Column("stage_index", sa.Integer, nullable=False, server_default="0"),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("trigger_reason", ReasonJson),
    sa.Column("status_reason", ReasonJson),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("happened_at", UtcDateTime),
    # decided by promotion
    sa.Column("cause_id", BigId, sa.ForeignKey("deployment.id")),
    sa.Column("not_before", UtcDateTime),
    sa.Column("ordered", ReasonJson),
    sa.Column("command", sa.Text),
    sa.Column("requested_at", UtcDateTime),
    sa.Column("deadline", UtcDateTime),
    sa.Column("expired_at", UtcDateTime),
    sa.Column("skipped_at", UtcDateTime),
    sa.Column("replaced_at", UtcDateTime),
    sa.Column("result", sa.Text),
    sa.Column("failure_response", sa.Text),
    sa.Column("failure_response_detail", ReasonJson),
    sa.Column("live_at", UtcDateTime),
    sa.Column("live_again_at", UtcDateTime),
    sa.Column("withdrawn_at", UtcDateTime),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("needs_evaluation", sa.Boolean, nullable=False, server_default=sa.true()),
    # reported by facts: when, and by which fact
    sa.Column("started_at", UtcDateTime),
    sa.Column("started_source", sa.Text),
    sa.Column("started_event", sa.Text),
    sa.Column("started_url", sa.Text),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("finished_source", sa.Text),
    sa.Column("finished_event", sa.Text),
    sa.Column("finished_url", sa.Text),
    sa.Column("finished_known_at", UtcDateTime),
    sa.Column("outcome", sa.Text),
    sa.Column("failure", sa.Text),
    sa.UniqueConstraint("command"),
    sa.UniqueConstraint("flow_id", "environment", "attempt"),
    choice("status", *STATUSES),
    choice("kind", "deploy", "rollback", "external"),
    choice("outcome", "succeeded", "failed"),
    choice("result", "SUCCESS", "FAILED"),
    choice("failure_response", "stop", "retry", "rollback", "full_rollback", "ignore"),
)
"""One attempt to have a release in an environment. `status` is `domain.model.deployment.status` of the other columns,
written with them, as is `happened_at`. `stage_index`: the stage's place in its flow, when the flow got stages last.
`cause_id`: the deployment whose failure led to this one, or after which a person wanted this one. `ordered`: that
order. `failure_response`: the response to its failure, `failure_response_detail`: its details. `live_at`: when it came
to run there, `live_again_at`: when it last did so again, as in its `live_interval`s. `withdrawn_at`: when it had failed
by a report that came after it was live. `needs_evaluation`: promotion still has something to do with it.
`finished_known_at`: when that fact was recorded and matched; empty in rows of an older DeployDB."""
_active = deployment.c.status.in_(ACTIVE)
partial_index("uq_deployment_active", deployment.c.service, deployment.c.environment, unique=True, where=_active)
partial_index("ix_deployment_needs_evaluation", deployment.c.service, where=deployment.c.needs_evaluation)
sa.Index("ix_deployment_lane", deployment.c.service, deployment.c.environment, deployment.c.version)
sa.Index("ix_deployment_history", deployment.c.service, deployment.c.happened_at, deployment.c.id)
sa.Index("ix_deployment_artifact", deployment.c.artifact_id)
_succeeded = deployment.c.result == "SUCCESS"
partial_index(
    "ix_deployment_succeeded", deployment.c.service, deployment.c.environment, deployment.c.id, where=_succeeded
)

verification = sa.Table(
    "verification",
    metadata,
    sa.Column("deployment_id", BigId, sa.ForeignKey("deployment.id"), primary_key=True, autoincrement=False),
    sa.Column("promotion", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("url", sa.Text),
    sa.Column("recorded_at", UtcDateTime),
    *fact_columns(),
    choice("outcome", "passed", "failed", "errored", "pending"),
)
"""The latest report, by (`time`, `source`, `event_id`), of each job on each deployment. `event`: its log row.
`recorded_at`: of its row in the log; empty in rows of an older DeployDB."""

approval = sa.Table(
    "approval",
    metadata,
    sa.Column("deployment_id", BigId, sa.ForeignKey("deployment.id"), primary_key=True, autoincrement=False),
    sa.Column("promotion", sa.Text, primary_key=True),
    sa.Column("by", sa.Text, primary_key=True),
    sa.Column("given", sa.Boolean, nullable=False),
    sa.Column("comment", sa.Text),
    sa.Column("digest", sa.Text),
    sa.Column("recorded_at", UtcDateTime),
    *fact_columns(),
    sa.Column("url", sa.Text),
)
"""The latest word of each person on each deployment, for each manual promotion. `recorded_at`: of its row in the log;
empty in rows of an older DeployDB."""

verdict = sa.Table(
    "verdict",
    metadata,
    identity(),
    sa.Column("deployment_id", BigId, sa.ForeignKey("deployment.id"), nullable=False),
    sa.Column("promotion", sa.Text, nullable=False),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text),
    sa.Column("reason", ReasonJson),
    sa.Column("recheck_at", UtcDateTime),
    sa.Column("inputs", Json),
    sa.Column("since", UtcDateTime),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("deployment_id", "promotion", "phase"),
    choice("phase", "entry", "exit"),
    choice("outcome", "PASS", "PENDING", "FAIL", "ERROR"),
)
"""What each gate says of each deployment now; its history is in the log. Made with the flow, judged (`outcome`) once
the deployment runs; those of its entry (`phase`) as they are asked. `since`: of its `outcome`.
It is the v1 interface's promotion result."""
