"""What is still to be done, and how much has been: work queues, and the state's revision.

Ingest owns `unmatched_fact`; `evaluation_request` is put there by ingest and promotion, and taken away by promotion.
"""

import sqlalchemy as sa

from deploydb.store.columns import BigId, UtcDateTime
from deploydb.store.tables.base import identity, metadata, partial_index, trace_columns

revision = sa.Table(
    "revision",
    metadata,
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", BigId, nullable=False),
    sa.Column("names", sa.Integer, nullable=False, server_default="0"),
)
"""Counters of the transactions that changed something; their sum is the state's revision. `names`: how often the names
of environments have changed, the same in each row once they have."""

schema_support = sa.Table("schema_support", metadata, sa.Column("oldest", sa.Text, primary_key=True))
"""One row: the oldest revision whose processes can work with this schema. Written by each migration."""

unmatched_fact = sa.Table(
    "unmatched_fact",
    metadata,
    sa.Column("event", BigId, sa.ForeignKey("event.number"), primary_key=True, autoincrement=False),
    sa.Column("service", sa.Text),
    sa.Column("environment", sa.Text),
    sa.Column("version", sa.Text),
    sa.Column("module", sa.Text),
    sa.Column("awaits", sa.Text, nullable=False, server_default="commanded"),
    sa.Column("why", sa.Text, nullable=False),
)
"""Facts about a deployment that is not known. Those that mean one by its lane and version have them here, with
the module where they name one, and are matched when it appears; those that name a number or a
command are not: both are known from the commit on.

`awaits`: what it is matched with: a `commanded` deployment; that of a release with the `commit` that stands here as
version; of historical facts an `imported` one, and of their ends the `artifact`. Written with the row, so that no fact
is read before that is there."""
sa.Index("ix_unmatched_fact_lane", unmatched_fact.c.service, unmatched_fact.c.environment, unmatched_fact.c.version)
for _pair in (("service", "environment"), ("service", "version"), ("environment", "version")):
    _columns = (unmatched_fact.c[name] for name in (*_pair, "event"))
    sa.Index(f"ix_unmatched_fact_{'_'.join(_pair)}", *_columns)

correlation = sa.Table(
    "correlation",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("event", BigId, sa.ForeignKey("event.number"), primary_key=True, autoincrement=False),
    sa.Column("awaits", sa.Boolean, nullable=False),
    sa.Column("artifact_id", BigId),
    sa.Column("deployment_id", BigId),
)
"""What events of other vocabularies call each other by: the id of an event, and that of a chain of events. A row of an
event that tells of an artifact or of a deployment has it; one of a fact that is matched by the name `awaits` one.
Written by ingest, and taken away by promotion once the fact is matched."""
partial_index("ix_correlation_awaits", correlation.c.name, where=correlation.c.awaits)

evaluation_request = sa.Table(
    "evaluation_request",
    metadata,
    identity(),
    sa.Column("artifact_id", BigId),
    sa.Column("service", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("artifact_id IS NOT NULL OR service IS NOT NULL", name="subject"),
)
"""What has to be evaluated: a published artifact, a service, or an artifact for one service that was set aside, or
locked, when the others had it. Only ever inserted and deleted, so that ingest workers
never wait for each other, nor for promotion, on a popular service's row."""

catalog_listing = sa.Table(
    "catalog_listing",
    metadata,
    sa.Column("module_key", sa.Text, primary_key=True),
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("unanswered_at", UtcDateTime),
    sa.Column("unanswered_from", BigId),
    sa.Column("waits", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""Which services list which modules, in the catalog of any promotion worker, ever. `unanswered_at`: since when the
service has not been asked about a release; `unanswered_from`: about none from this artifact on; `waits`: as the service
is incomplete, so that it gets all of them, however long it takes. Cleared by a worker whose catalog has the service."""
_unanswered = catalog_listing.c.unanswered_at.is_not(None)
partial_index("ix_catalog_listing_unanswered", catalog_listing.c.service, where=_unanswered)

configuration_file = sa.Table(
    "configuration_file",
    metadata,
    sa.Column("event", BigId, sa.ForeignKey("event.number"), primary_key=True, autoincrement=False),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("content", sa.Text),
)
"""The files of the configuration that a `configuration.changed` has added or changed; without content: removed. So the
configuration of any time is the last row of each path until then."""

command_queue = sa.Table(
    "command_queue",
    metadata,
    sa.Column("orchestrator", sa.Text, primary_key=True),
    sa.Column("looked_at", UtcDateTime),
    sa.Column("unconsumed_since", UtcDateTime),
    sa.Column("ready", sa.Integer, nullable=False, server_default="0"),
)
"""The command queues of the configuration in force; promotion has the rows. The relay writes the rest, by the broker:
when it looked last, since when it has seen messages and no consumer (null: it does not), and how many messages then."""

dead_letter_queue = sa.Table(
    "dead_letter_queue",
    metadata,
    sa.Column("queue", sa.Text, primary_key=True),
    sa.Column("looked_at", UtcDateTime, nullable=False),
    sa.Column("ready_since", UtcDateTime),
    sa.Column("ready", sa.Integer, nullable=False),
)
"""The queue with dead letters, written by the relay, by the broker: when it looked last, since when it has seen some
(null: there are none), and how many then."""

ingest_watermark = sa.Table(
    "ingest_watermark",
    metadata,
    sa.Column("worker", sa.Text, primary_key=True),
    sa.Column("read_until", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("over", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""Until when each ingest worker has read its queue, written by itself at most once a second; `over`: it has ended."""

service_schedule = sa.Table(
    "service_schedule",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("due_at", UtcDateTime),
    sa.Column("evaluated_at", UtcDateTime),
    sa.Column("catalog", sa.Text),
    sa.Column("stages", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("error_first_at", UtcDateTime),
    sa.Column("error_last_at", UtcDateTime),
    sa.Column("error_attempts", sa.Integer),
    sa.Column("parked", sa.Text),
)
"""One row a service: its lock (one promotion worker at a time evaluates a service), and when time alone may change
something. `catalog`: the digest of the catalog it was last evaluated by; `stages`: that of its stages.

`error` and the columns beside it: why a service is set aside since its evaluation failed, and `due_at` is its next
attempt; cleared by the next evaluation that succeeds. `parked`: the pause of a person, in words, that keeps it from
being tried."""
partial_index("ix_service_schedule_due", service_schedule.c.due_at, where=service_schedule.c.due_at.is_not(None))

_aside = service_schedule.c.error.is_not(None)
partial_index("ix_service_schedule_error", service_schedule.c.service, where=_aside)

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
    *trace_columns(),
    sa.UniqueConstraint("message_id"),
)
"""The only way out. `due_at` is moved ahead while a relay has the row (its lease) and after a return (its backoff)."""
partial_index("ix_outbox_unsent", outbox.c.due_at, outbox.c.id, where=outbox.c.sent_at.is_(None))
