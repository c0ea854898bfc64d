"""The past, as a simulation replays it: what came from outside, and what became of each deployment.

Read in one snapshot, and so that nothing can be written. The whole log is walked once, in pages.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.deployment import Deployment, Gate, GateStatus
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import fact_types, type_of
from deploydb.domain.model.history import Attempt, LogEntry, LoggedDecision
from deploydb.store.deployments import from_row, selected
from deploydb.store.engine import reading
from deploydb.store.environment_names import NamesInLog
from deploydb.store.journal import fact_text, is_own, own_id
from deploydb.store.list_parameters import among
from deploydb.store.tables import artifact, deployment, event, verdict
from deploydb.wire.native import decode_logged

PAGE = 1000
"""Rows of one statement."""

_STANDING, _HAPPENED = (
    [type_of(kind) for kind in fact_types() if kind.projection.replay == replay] for replay in ("standing", "event")
)


@contextmanager
def read_only(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that sees one state of the database and is refused every write.

    Raises: as `engine.transact`.
    """
    with reading(engine) as connection:
        if connection.dialect.name == "postgresql":
            yield connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            return
        connection.exec_driver_sql("PRAGMA query_only = ON")
        try:
            yield connection
        finally:
            connection.exec_driver_sql("PRAGMA query_only = OFF")


def entries(
    connection: sa.Connection, unreadable: list[int], *, since: datetime | None = None, recorded: bool = False
) -> Iterator[LogEntry]:
    """The facts that happened `since` then (`recorded`: were recorded), and those that stand (`Projection.replay`), of
    any time, in the order of the log, each with the deployment that the log names for it, and with the environments'
    names of now. Indexes: primary key, `ix_event_rare`; costs the log's length.

    The numbers of rows that are no facts as they are written today are added to `unreadable`, as they are met.
    """
    at = event.c.recorded_at if recorded else event.c.time
    wanted: sa.ColumnElement[bool] = event.c.type.in_(_STANDING + _HAPPENED)
    if since is not None:
        wanted = sa.or_(event.c.type.in_(_STANDING), sa.and_(event.c.type.in_(_HAPPENED), at >= since))
    matched = _matched(connection)
    names = NamesInLog.read(connection)
    columns = (event.c[name] for name in ("number", "time", "recorded_at", "publisher", "deployment_id"))
    page = (
        sa.select(*columns, fact_text())
        .where(event.c.number > sa.bindparam("after", type_=event.c.number.type), wanted)
        .order_by(event.c.number)
        .limit(PAGE)
    )
    after = 0
    while rows := connection.execute(page, {"after": after}).all():
        after = rows[-1].number
        for row in rows:
            try:
                fact = decode_logged(row.body.encode(), arrived_at=row.time)
            except MessageRejected:
                unreadable.append(row.number)
                continue
            yield LogEntry(
                number=row.number,
                recorded_at=row.recorded_at,
                fact=names.of(row.number, fact),
                publisher=row.publisher,
                deployment=row.deployment_id or matched.get(row.number),
            )


def _matched(connection: sa.Connection) -> dict[int, int]:
    """By fact, the deployment that it was found to be about later than it came, or that it made."""
    is_match = event.c.type.in_(sa.bindparam("types", ["fact.matched", "deployment.recorded"], literal_execute=True))
    found = sa.select(own_id("fact").label("fact"), own_id("deployment").label("deployment")).where(is_match, is_own())
    return {row.fact: row.deployment for row in connection.execute(found)}


def decisions(connection: sa.Connection, *, since: datetime | None = None) -> Iterator[LoggedDecision]:
    """The flows that were opened and the deployments that were commanded since then, in the order of the log.

    Costs the log's length.
    """
    catalog = event.c.body["catalog"].as_string().label("catalog")
    page = (
        sa.select(
            event.c.number, event.c.recorded_at, event.c.service, own_id("deployment").label("deployment"), catalog
        )
        .where(event.c.number > sa.bindparam("after", type_=event.c.number.type), is_own())
        .where(event.c.type.in_(("flow.opened", "deployment.requested")))
        .order_by(event.c.number)
        .limit(PAGE)
    )
    if since is not None:
        page = page.where(event.c.recorded_at >= since)
    after = 0
    while rows := connection.execute(page, {"after": after}).all():
        after = rows[-1].number
        for row in rows:
            yield LoggedDecision(
                number=row.number,
                service=row.service,
                recorded_at=row.recorded_at,
                catalog=row.catalog or "",
                deployment=row.deployment,
            )


def attempts(connection: sa.Connection, *, since: datetime | None = None) -> Iterator[Attempt]:
    """The deployments, each as it is now, in the order of their ids; those commanded or last heard of `since` then.

    Index: primary key; costs the number of deployments.
    """
    page = selected().where(deployment.c.id > sa.bindparam("after", type_=deployment.c.id.type))
    if since is not None:
        last = sa.func.coalesce(
            deployment.c.finished_at, deployment.c.requested_at, deployment.c.decided_at, deployment.c.created_at
        )
        heard = sa.type_coerce(last, deployment.c.created_at.type) >= since
        page = page.where(sa.or_(deployment.c.requested_at >= since, heard))  # a source's clock may be behind
    after = 0
    while rows := connection.execute(page.order_by(deployment.c.id).limit(PAGE), {"after": after}).all():
        after = rows[-1].id
        asked = _asked(connection, [row.id for row in rows])
        for row in rows:
            yield Attempt(
                deployment=from_row(row),
                asked=asked.get(row.id, {}),
                closed_at=None if row.needs_evaluation else row.decided_at,
            )


def ran_before(connection: sa.Connection, at: datetime) -> list[Deployment]:
    """What each lane ran of each module at a time: the last deployment that had finished well by then.

    Costs the number of deployments.
    """
    place = sa.func.row_number().over(
        partition_by=(deployment.c.service, deployment.c.environment, artifact.c.module_key),
        order_by=(deployment.c.finished_at.desc(), deployment.c.id.desc()),
    )
    finished = (
        sa.select(deployment.c.id, place.label("place"))
        .join(artifact, artifact.c.id == deployment.c.artifact_id)
        .where(deployment.c.outcome == "succeeded", deployment.c.finished_at < at)
        .subquery("finished")
    )
    last = sa.select(finished.c.id).where(finished.c.place == 1)
    statement = selected().where(deployment.c.id.in_(last)).order_by(deployment.c.id)
    return [from_row(row) for row in connection.execute(statement)]


def _asked(connection: sa.Connection, deployments: Collection[int]) -> dict[int, dict[Gate, GateStatus | None]]:
    """By deployment, the latest status of each of its gates. Index: primary key."""
    columns: tuple[Any, ...] = (verdict.c.deployment_id, verdict.c.phase, verdict.c.promotion, verdict.c.outcome)
    found: dict[int, dict[Gate, GateStatus | None]] = defaultdict(dict)
    for row in connection.execute(sa.select(*columns).where(among(verdict.c.deployment_id, deployments))):
        found[row.deployment_id][row.phase, row.promotion] = GateStatus(row.outcome) if row.outcome else None
    return found
