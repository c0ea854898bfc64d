"""What people ordered and what others vouch for: holds, hotfixes, promotions, rollbacks, retries, incidents,
attestations; and the checks that are to be made. Ingest owns all but `external_check`, and of `rollback_request` and
`retry_request` the answer.

Of each thing the latest word by (`time`, `source`, `event_id`) is kept. A part of a key that is not named is empty.
"""

import sqlalchemy as sa

from deploydb.store.columns import BigId, Json, UtcDateTime, choice
from deploydb.store.reason_codec import ReasonJson
from deploydb.store.tables.base import fact_columns, metadata, partial_index

hold = sa.Table(
    "hold",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("vetoed", sa.Text, primary_key=True),
    sa.Column("hold", sa.Text, primary_key=True),
    sa.Column("version", sa.Text),
    sa.Column("placed", sa.Boolean, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("begins", UtcDateTime),
    sa.Column("until", UtcDateTime),
    sa.Column("recorded_at", UtcDateTime),
    *fact_columns(),
    choice("kind", "pin", "veto", "freeze", "pause"),
)
"""The latest word on each hold, placed or lifted; `placed` is false too where all of them were lifted later. `vetoed`:
the version, of a veto only. `hold`: its id in its scope; empty: the last word that lifted all of them. `recorded_at`:
of its row in the log; empty in rows of an older DeployDB."""
partial_index("ix_hold_placed", hold.c.service, where=hold.c.placed)
partial_index("ix_hold_standing", hold.c.service, hold.c.until, where=hold.c.placed)
partial_index("ix_hold_until", hold.c.until, where=hold.c.placed)
partial_index("ix_hold_begins", hold.c.begins, where=hold.c.placed)

hotfix = sa.Table(
    "hotfix",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("skip", Json, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    *fact_columns(),
)
"""The versions that go ahead of the others, past the stages in `skip`."""

promotion_request = sa.Table(
    "promotion_request",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("skip", Json, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("settled_at", UtcDateTime),
    *fact_columns(),
)
"""The versions that people want in one lane, past the stages in `skip` on the way there. `settled_at`: since when the
version has no deployment there that was skipped before the request, and so no further attempt comes of it (promotion
sets it, the next request for the same clears it)."""
_unsettled = promotion_request.c.settled_at.is_(None)
partial_index("ix_promotion_request_unsettled", promotion_request.c.service, where=_unsettled)
sa.Index("ix_promotion_request_version", promotion_request.c.service, promotion_request.c.version)

rollback_request = sa.Table(
    "rollback_request",
    metadata,
    sa.Column("event", BigId, sa.ForeignKey("event.number"), primary_key=True, autoincrement=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("version", sa.Text),
    sa.Column("from_version", sa.Text),
    sa.Column("module", sa.Text),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("time", UtcDateTime, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("answer", ReasonJson),
    sa.Column("answered_at", UtcDateTime),
)
"""The rollbacks that people wanted, and what came of each (promotion)."""
_unanswered = rollback_request.c.answered_at.is_(None)
partial_index("ix_rollback_request_unanswered", rollback_request.c.service, where=_unanswered)

retry_request = sa.Table(
    "retry_request",
    metadata,
    sa.Column("event", BigId, sa.ForeignKey("event.number"), primary_key=True, autoincrement=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("module", sa.Text),
    sa.Column("skip", Json, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("time", UtcDateTime, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("answer", ReasonJson),
    sa.Column("answered_at", UtcDateTime),
)
"""The further attempts that people wanted, and what came of each (promotion)."""
partial_index("ix_retry_request_unanswered", retry_request.c.service, where=retry_request.c.answered_at.is_(None))

incident = sa.Table(
    "incident",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("version", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("url", sa.Text),
    sa.Column("began_at", UtcDateTime),
    sa.Column("recorded_at", UtcDateTime),
    *fact_columns(),
)
"""Each incident, as the reports of it add up (`domain.model.evidence.incident_of`). `time`, `source`, `event_id`: of
the latest report; `event`, `recorded_at`: of the one by which it began, or is over."""
partial_index("ix_incident_open", incident.c.service, where=incident.c.open)
sa.Index("ix_incident_recorded", incident.c.service, incident.c.recorded_at)
sa.Index("ix_incident_time", incident.c.service, incident.c.time)

attestation = sa.Table(
    "attestation",
    metadata,
    sa.Column("module_key", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("signer", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("url", sa.Text),
    *fact_columns(),
)
"""Who vouches for which digest of an artifact; the artifact itself may come later."""

external_check = sa.Table(
    "external_check",
    metadata,
    sa.Column("deployment_id", BigId, sa.ForeignKey("deployment.id"), primary_key=True, autoincrement=False),
    sa.Column("promotion", sa.Text, primary_key=True),
    sa.Column("phase", sa.Text, primary_key=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("condition_since", UtcDateTime),
    sa.Column("last_report_key", sa.Text),
    sa.Column("done_at", UtcDateTime),
    choice("phase", "entry", "exit"),
)
"""The URLs and metrics that somebody must ask for a deployment's gates. Promotion inserts, `workers.verify` asks from
`due_at` on (moved ahead while it has the row: its lease). `condition_since`: since when a metric has been as it must be
without a break. `last_report_key`: the result that was reported last."""
partial_index("ix_external_check_due", external_check.c.due_at, where=external_check.c.done_at.is_(None))
