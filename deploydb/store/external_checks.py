"""External checks of gates: leased by a worker, settled with their results."""

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.deployment import Deployment, Gate, Phase
from deploydb.domain.model.facts import VerificationFinished, type_of
from deploydb.store import bulk, notifications
from deploydb.store.columns import shared_fields
from deploydb.store.deployments import from_row, selected
from deploydb.store.engine import reading, transact
from deploydb.store.list_parameters import among
from deploydb.store.outbox import first_due, unsent_row
from deploydb.store.tables import deployment, external_check, outbox
from deploydb.wire.native import encode_fact


class Lease(Struct, frozen=True, kw_only=True):
    """One probe that is a worker's own until `until`. `attempts` counts this lease; `due_at`: when it was due."""

    deployment: Deployment
    promotion: str
    phase: Phase
    created_at: datetime
    due_at: datetime
    attempts: int
    condition_since: datetime | None
    last_report_key: str | None
    until: datetime

    @property
    def gate(self) -> Gate:
        """Which gate of the deployment asks."""
        return self.phase, self.promotion


class CheckResult(Struct, frozen=True, kw_only=True):
    """The result of a lease. `due_at`: of the next check, None for never. `fact`: to publish.

    `counts`: whether it was an attempt at all.
    """

    lease: Lease
    due_at: datetime | None
    condition_since: datetime | None = None
    last_report_key: str | None = None
    fact: VerificationFinished | None = None
    counts: bool = True


class Overdue(Struct, frozen=True, kw_only=True):
    """How many probes are open, and since when the first of them is due."""

    count: int
    due_at: datetime | None


def lease(engine: sa.Engine, now: datetime, *, limit: int, duration: Callable[[str], timedelta]) -> list[Lease]:
    """The probes that are due, the longest first, for this worker alone until the `duration` of each has passed.

    `duration` is by promotion; after it anybody may ask. Index: `ix_external_check_due`.
    """

    def work(connection: sa.Connection) -> list[Lease]:
        due = (
            sa.select(external_check)
            .where(external_check.c.done_at.is_(None), external_check.c.due_at <= now)
            .order_by(external_check.c.due_at)
        )
        found = connection.execute(due.limit(limit).with_for_update(skip_locked=True)).all()
        ids = sorted({row.deployment_id for row in found})
        known = {row.id: from_row(row) for row in connection.execute(selected().where(among(deployment.c.id, ids)))}
        taken = [
            Lease(
                deployment=known[row.deployment_id],
                until=now + duration(row.promotion),
                **{**shared_fields(external_check, Lease)(row), "attempts": row.attempts + 1},
            )
            for row in found
        ]
        moved = [
            {
                "deployment_id": one.deployment.id,
                "promotion": one.promotion,
                "phase": one.phase,
                "due_at": one.until,
                "attempts": one.attempts,
            }
            for one in taken
        ]
        bulk.update_rows(connection, external_check, moved, key=("deployment_id", "promotion", "phase"))
        return taken

    return transact(engine, work)


def settle(engine: sa.Engine, settlement: CheckResult, now: datetime, *, exchange: str) -> bool:
    """Store the result of a lease, and send its fact to `exchange`: both or neither.

    False, and nothing is written, where the lease was over and another worker has taken the check since.
    """
    leased = settlement.lease

    def work(connection: sa.Connection) -> bool:
        changed = connection.execute(
            sa.update(external_check)
            .where(
                external_check.c.deployment_id == leased.deployment.id,
                external_check.c.promotion == leased.promotion,
                external_check.c.phase == leased.phase,
                external_check.c.attempts == leased.attempts,
                external_check.c.due_at == leased.until,
                external_check.c.done_at.is_(None),
            )
            .values(
                due_at=settlement.due_at or now,
                done_at=now if settlement.due_at is None else None,
                attempts=leased.attempts - (0 if settlement.counts else 1),
                condition_since=settlement.condition_since,
                last_report_key=settlement.last_report_key,
            )
        )
        if not changed.rowcount:
            return False
        if settlement.fact is not None:
            fact = settlement.fact
            row = unsent_row(fact.id, exchange, type_of(fact), encode_fact(fact), now)
            bulk.insert_rows(connection, outbox, [row])
            notifications.notify(connection, notifications.OUTBOX)
        if settlement.due_at is not None:
            # sooner than the lease's end, which everybody waits for
            notifications.notify(connection, notifications.PROBES)
        return True

    return transact(engine, work)


def next_due(engine: sa.Engine) -> datetime | None:
    """When the next probe is due, in the past too; None where none is open. Index: `ix_external_check_due`."""
    return first_due(engine, external_check.c.due_at, external_check.c.done_at.is_(None))


def open_probes(engine: sa.Engine) -> Overdue:
    """What is still to be asked. Index: `ix_external_check_due`."""
    with reading(engine) as connection:
        row = connection.execute(
            sa.select(sa.func.count(), sa.func.min(external_check.c.due_at)).where(external_check.c.done_at.is_(None))
        ).one()
        return Overdue(count=row[0], due_at=row[1])
