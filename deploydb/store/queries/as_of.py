"""What DeployDB knew at a time, out of the log: a lane's verdicts, decisions, and what it ran."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.artifact import module_key
from deploydb.domain.model.deployment import Deployment, Gate
from deploydb.store.deployments import from_row, selected
from deploydb.store.journal import is_own, own_id
from deploydb.store.list_parameters import among, among_rows
from deploydb.store.tables import artifact, deployment, event

_LOOKED_BACK = 500
"""How many rows of a lane, newest first, are looked at where all of them would be too many."""
_OUTCOMES = ("succeeded", "failed", "resumed", "corrected", "expired", "skipped", "replaced")
_SETTLED = (*_OUTCOMES, "adopted", "requested", "extended")
_TYPES = (*(f"deployment.{what}" for what in _SETTLED), "failure.counted", "verdict.changed")


class RowView(Struct, frozen=True, kw_only=True):
    """A decision as it is in the log."""

    number: int
    type: str
    recorded_at: datetime
    deployment: int
    body: dict[str, Any]


class RanView(Struct, frozen=True, kw_only=True):
    """What a lane ran of a module."""

    deployment: int
    version: str
    since: datetime


def decisions_until(
    connection: sa.Connection, service: str, environment: str, deployments: Collection[int], at: datetime
) -> list[RowView]:
    """What was decided of some deployments of a lane and was known at a time, in the order of the log.

    Costs the lane's length. Index: `ix_event_lane`.
    """
    statement = _of_lane(service, environment).where(
        event.c.type.in_(_TYPES), event.c.recorded_at <= at, among(own_id("deployment"), deployments)
    )
    return [
        RowView(
            number=row.number,
            type=row.type,
            recorded_at=row.recorded_at,
            deployment=row.body["deployment"],
            body=row.body,
        )
        for row in connection.execute(statement.order_by(event.c.number))
    ]


def catalogs_of(connection: sa.Connection, service: str, environment: str, deployment_id: int) -> dict[Gate, str]:
    """By gate, the digest of the catalog that a deployment's last verdict was made by, where it is not long ago.

    Costs at most `_LOOKED_BACK` rows. Index: `ix_event_lane`.
    """
    newest = _of_lane(service, environment).order_by(event.c.number.desc()).limit(_LOOKED_BACK).subquery("newest")
    statement = sa.select(newest).where(is_own(newest), newest.c.type == "verdict.changed")
    found: dict[Gate, str] = {}
    for row in connection.execute(statement.order_by(newest.c.number)):
        if row.body.get("deployment") == deployment_id and "catalog" in row.body:
            found[row.body["phase"], row.body["promotion"]] = row.body["catalog"]
    return found


def ran_at(
    connection: sa.Connection, service: str, environment: str, group: str, name: str, at: datetime
) -> RanView | None:
    """What a lane ran of a module, as it was known at a time. Costs the lane's length. Index: `ix_event_lane`."""
    statement = (
        _of_lane(service, environment)
        .join(deployment, deployment.c.id == own_id("deployment"))
        .join(artifact, artifact.c.id == deployment.c.artifact_id)
        .where(
            event.c.type == "environment.changed",
            event.c.recorded_at <= at,
            artifact.c.module_key == module_key(group, name),
        )
        .order_by(event.c.number.desc())
        .limit(1)
    )
    row = connection.execute(statement).first()
    if row is None:
        return None
    since = datetime.fromisoformat(row.body["since"])
    return RanView(deployment=row.body["deployment"], version=row.body["version"], since=since)


def deployments_then(
    connection: sa.Connection, service: str, environment: str, at: datetime, *, version: str | None
) -> list[Deployment]:
    """The lane's deployments that there were at a time, as they are now, newest first.

    Index: `ix_deployment_lane`.
    """
    statement = selected().where(
        deployment.c.service == service, deployment.c.environment == environment, deployment.c.created_at <= at
    )
    if version is not None:
        statement = statement.where(deployment.c.version == version)
    last_first = statement.order_by(deployment.c.created_at.desc(), deployment.c.id.desc()).limit(_LOOKED_BACK)
    return [from_row(row) for row in connection.execute(last_first)]


def known_then(connection: sa.Connection, deployments: Sequence[int], at: datetime) -> list[Deployment]:
    """The deployments, with only those reports of theirs that were known at a time.

    Of a report that came twice only the later one is known here. Indexes: primary key, `uq_event_source_id`.
    """
    of_then = selected().where(among(deployment.c.id, deployments), deployment.c.created_at <= at)
    found = [from_row(row) for row in connection.execute(of_then.order_by(deployment.c.id))]
    keys = sorted({(one.source, one.id) for known in found for one in (known.started, known.finished) if one})
    if not keys:
        return found
    statement = sa.select(event.c.source, event.c.id).where(
        among_rows((event.c.source, event.c.id), keys), event.c.recorded_at <= at
    )
    heard = {(row.source, row.id) for row in connection.execute(statement)}
    return [_as_heard(known, heard) for known in found]


def _as_heard(known: Deployment, heard: Collection[tuple[str, str]]) -> Deployment:
    if known.started is not None and (known.started.source, known.started.id) not in heard:
        known = replace(known, started=None, started_url=None)
    if known.finished is not None and (known.finished.source, known.finished.id) not in heard:
        nothing = dict.fromkeys(("finished", "finished_known_at", "finished_url", "outcome", "failure"))
        known = replace(known, **nothing)
    return known


def _of_lane(service: str, environment: str) -> sa.Select[Any]:
    columns = (event.c.number, event.c.type, event.c.source, event.c.recorded_at, event.c.body)
    return sa.select(*columns).where(event.c.service == service, event.c.environment == environment)
