"""Commands for tools over HTTP: taken once, leased by a worker, and changed together with what is reported of them.

A lease that a dead worker leaves ends by itself. A worker whose lease is over changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.facts import DeploymentFinished, DeploymentStarted, type_of
from deploydb.domain.model.trace import TraceContext, trace_context
from deploydb.store import bulk, notifications
from deploydb.store.columns import viewed
from deploydb.store.engine import reading, transact
from deploydb.store.outbox import first_due, unsent_row
from deploydb.store.tables import deployment, orchestrator_run, outbox
from deploydb.store.trace_contexts import columns
from deploydb.wire.native import encode_fact

KEPT = timedelta(days=30)
"""What is finished is kept so long, and so long a command that comes again is found to be one."""
_OPEN = orchestrator_run.c.due_at.is_not(None)


class TakenCommand(Struct, frozen=True, kw_only=True):
    """A command off a queue. `body`: as it came; `trace`: its place in a trace."""

    command: str
    orchestrator: str
    deployment: int
    body: str
    trace: TraceContext | None = None


class OpenRun(Struct, frozen=True, kw_only=True):
    """A command that is a worker's own until `until`; the rest as the table has it.

    `deadline`: its deployment's, as it is now. `over`: why nothing more is to be done: its deployment has ended, by a
    report of others.
    """

    command: str
    orchestrator: str
    body: str
    state: str
    run_id: str | None
    run_url: str | None
    etag: str | None
    taken_at: datetime
    started_at: datetime | None
    announced_at: datetime | None
    attempts: int
    failures: int
    refusals: int
    problem: str | None
    deadline: datetime | None
    over: str | None
    until: datetime
    traceparent: str | None
    tracestate: str | None

    @property
    def trace(self) -> TraceContext | None:
        """The place of the command in a trace."""
        return trace_context(self.traceparent, self.tracestate)


class FailingTool(Struct, frozen=True, kw_only=True):
    """An orchestrator whose tool fails: for how many `commands`; the oldest one, how often one after the other for it,
    and its last problem."""

    orchestrator: str
    commands: int
    command: str
    failures: int
    problem: str


class Backlog(Struct, frozen=True, kw_only=True):
    """How many commands are open, by state; and the orchestrators whose tool fails, by name."""

    states: dict[str, int]
    failing: list[FailingTool]


def add(engine: sa.Engine, taken: Sequence[TakenCommand], now: datetime) -> int:
    """Add those that are not there yet. How many; committed when it returns. Harmless to repeat."""
    rows = [
        {
            "command": one.command,
            "orchestrator": one.orchestrator,
            "deployment": one.deployment,
            "body": one.body,
            "state": "taken",
            "taken_at": now,
            "due_at": now,
            **columns(one.trace),
        }
        for one in taken
    ]
    return len(
        transact(engine, lambda connection: bulk.insert_new(connection, orchestrator_run, rows, returning=("command",)))
    )


def due_orchestrators(engine: sa.Engine, now: datetime) -> list[str]:
    """The orchestrators with a command that is due. Index: `ix_orchestrator_run_due`."""
    due = sa.select(orchestrator_run.c.orchestrator).where(_OPEN, orchestrator_run.c.due_at <= now).distinct()
    with reading(engine) as connection:
        return sorted(connection.execute(due).scalars())


def lease(engine: sa.Engine, orchestrator: str, now: datetime, *, limit: int, duration: timedelta) -> list[OpenRun]:
    """The commands of an orchestrator that are due, the longest first, for this worker alone until `duration` has
    passed. Index: `ix_orchestrator_run_due`."""
    row, known = orchestrator_run.c, deployment.c
    until = now + duration

    def work(connection: sa.Connection) -> list[OpenRun]:
        due = sa.select(row.command).where(row.orchestrator == orchestrator, _OPEN, row.due_at <= now)
        found = connection.execute(due.order_by(row.due_at).limit(limit).with_for_update(skip_locked=True))
        commands = sorted(found.scalars())
        if not commands:
            return []
        mine = row.command.in_(commands)
        connection.execute(sa.update(orchestrator_run).where(mine).values(due_at=until))
        over = sa.case(
            (known.id.is_(None), None),
            (known.command.is_distinct_from(row.command), "its deployment has another command since"),
            (known.outcome.is_not(None), "its deployment was reported as finished"),
            (known.skipped_at.is_not(None), "its deployment is skipped"),
            (known.replaced_at.is_not(None), "another deployment was commanded since"),
        )
        joined = orchestrator_run.outerjoin(deployment, known.id == row.deployment)
        seen = viewed(OpenRun, orchestrator_run, deadline=known.deadline, over=over, until=row.due_at)
        return [
            OpenRun(**each._mapping) for each in connection.execute(sa.select(*seen).select_from(joined).where(mine))
        ]

    return transact(engine, work)


def change(
    engine: sa.Engine,
    run: OpenRun,
    now: datetime,
    *,
    due_at: datetime | None,
    facts: Sequence[DeploymentStarted | DeploymentFinished] = (),
    exchange: str = "",
    **values: Any,  # noqa: ANN401  # of columns
) -> bool:
    """Write down what has become of a command, and send the facts to `exchange`: all or nothing.

    False, and nothing is written, where the lease was over and another worker has had the command since.
    """

    def work(connection: sa.Connection) -> bool:
        mine = (orchestrator_run.c.command == run.command, orchestrator_run.c.due_at == run.until)
        changed = connection.execute(sa.update(orchestrator_run).where(*mine).values(due_at=due_at, **values))
        if not changed.rowcount:
            return False
        rows = [unsent_row(fact.id, exchange, type_of(fact), encode_fact(fact), now, run.trace) for fact in facts]
        bulk.insert_rows(connection, outbox, rows)
        if rows:
            notifications.notify(connection, notifications.OUTBOX)
        return True

    return transact(engine, work)


def next_due(engine: sa.Engine) -> datetime | None:
    """When the next command is due, in the past too; None where none is open."""
    return first_due(engine, orchestrator_run.c.due_at, _OPEN)


def backlog(engine: sa.Engine, *, failing_from: int) -> Backlog:
    """What is open. Index: `ix_orchestrator_run_due`."""
    row = orchestrator_run.c
    with reading(engine) as connection:
        counted = connection.execute(sa.select(row.state, sa.func.count()).where(_OPEN).group_by(row.state))
        states = {each[0]: each[1] for each in counted.all()}
        return Backlog(states=states, failing=failing_tools(connection, failing_from=failing_from))


def failing_tools(connection: sa.Connection, *, failing_from: int) -> list[FailingTool]:
    """The orchestrators whose tool has failed so often, one after the other, for one of the open commands, by name.
    Costs what is open. Index: `ix_orchestrator_run_due`."""
    row = orchestrator_run.c
    place = sa.func.row_number().over(partition_by=row.orchestrator, order_by=(row.taken_at, row.command))
    commands = sa.func.count().over(partition_by=row.orchestrator).label("commands")
    problem = sa.func.coalesce(row.problem, "").label("problem")
    named = sa.select(row.orchestrator, commands, row.command, row.failures, problem, place.label("place"))
    ranked = named.where(_OPEN, row.failures >= failing_from).subquery()
    oldest = sa.select(*viewed(FailingTool, ranked)).where(ranked.c.place == 1).order_by(ranked.c.orchestrator)
    return [FailingTool(**each._mapping) for each in connection.execute(oldest)]


def prune(engine: sa.Engine, now: datetime) -> None:
    """Remove what was finished long ago. Index: `ix_orchestrator_run_finished`."""
    old = sa.delete(orchestrator_run).where(orchestrator_run.c.finished_at < now - KEPT)
    transact(engine, lambda connection: connection.execute(old))
