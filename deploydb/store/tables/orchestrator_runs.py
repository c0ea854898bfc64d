"""Commands that `orchestrate` has taken, and what has become of them. It owns the table."""

import sqlalchemy as sa

from deploydb.store.columns import BigId, UtcDateTime, choice
from deploydb.store.tables.base import metadata, partial_index, trace_columns

orchestrator_run = sa.Table(
    "orchestrator_run",
    metadata,
    sa.Column("command", sa.Text, primary_key=True),
    sa.Column("orchestrator", sa.Text, nullable=False),
    sa.Column("deployment", BigId, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text),
    sa.Column("run_url", sa.Text),
    sa.Column("etag", sa.Text),
    sa.Column("taken_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("announced_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("refusals", sa.Integer, nullable=False, server_default="0"),
    sa.Column("problem", sa.Text),
    sa.Column("outcome", sa.Text),
    sa.Column("due_at", UtcDateTime),
    *trace_columns(),
    choice("state", "taken", "starting", "started", "finished"),
)
"""One command, by its id.

taken     it is to be started; nothing was asked of the tool
starting  the tool is asked to start it, or was: `attempts` times. Written before the request
started   the tool has the run `run_id`, since `started_at`
finished  nothing more is asked, since `finished_at`. `outcome`: as it was reported, null where others reported it

`body`: the command. `announced_at`: when the start was reported, with `run_url`. `failures`: looks and attempts without
a good answer since the last one; `refusals`: how many of them the tool refused; `problem`: the last one's, and in the
end the reason. `due_at`: when it is looked at next, moved ahead while a worker has it (its lease), null once finished.
"""
partial_index(
    "ix_orchestrator_run_due",
    orchestrator_run.c.orchestrator,
    orchestrator_run.c.due_at,
    where=orchestrator_run.c.due_at.is_not(None),
)
partial_index(
    "ix_orchestrator_run_finished",
    orchestrator_run.c.finished_at,
    where=orchestrator_run.c.finished_at.is_not(None),
)
