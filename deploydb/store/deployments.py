"""Deployments and releases between their rows and the domain's structs."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.deployment import DECIDED, Deployment, FactOrder, Release, Status
from deploydb.domain.model.outcome_reasons import AttemptObsolete
from deploydb.domain.model.reason_parts import codes
from deploydb.store import bulk
from deploydb.store.columns import Json, shared_fields
from deploydb.store.list_parameters import among
from deploydb.store.tables import ACTIVE, artifact, deployment

_same_fields = shared_fields(deployment, Deployment)
_ARTIFACT = {f"artifact_{column.name}": column for column in artifact.c}


def selected() -> sa.Select[Any]:
    """Deployments with their artifacts, the columns that `from_row` reads."""
    labelled = [column.label(name) for name, column in _ARTIFACT.items() if name != "artifact_id"]
    return sa.select(deployment, *labelled).join(artifact, artifact.c.id == deployment.c.artifact_id)


def release_from_row(row: Any) -> Release:  # noqa: ANN401  # a row of `selected`, or one labelled the same
    """The release of a row that has the artifact's columns as `artifact_*`."""
    return Release(
        id=row.artifact_id,
        artifact=Artifact(
            group=row.artifact_group,
            name=row.artifact_name,
            version=row.artifact_version,
            url=row.artifact_url,
            digest=row.artifact_digest,
            commit=row.artifact_commit,
            purl=row.artifact_purl,
            author=row.artifact_author,
            triggered_by=row.artifact_triggered_by,
        ),
        published_at=row.artifact_published_at,
        published_by=row.artifact_published_by,
        conflict=row.artifact_conflict,
    )


def released() -> sa.Select[Any]:
    """Artifacts alone, the columns that `release_from_row` reads."""
    return sa.select(*(column.label(name) for name, column in _ARTIFACT.items()))


_RELEASES = released().where(among(artifact.c.id, "ids"))


def released_by_id(connection: sa.Connection, idents: Collection[int]) -> dict[int, Release]:
    """The releases of artifacts. Index: primary key of `artifact`."""
    found = connection.execute(_RELEASES, {"ids": sorted(idents)}) if idents else ()
    return {row.artifact_id: release_from_row(row) for row in found}


def from_row(row: Any) -> Deployment:  # noqa: ANN401  # a row of `selected`
    return Deployment(
        flow=row.flow_id,
        release=release_from_row(row),
        cause=row.cause_id,
        started=_precedence(row.started_at, row.started_source, row.started_event),
        finished=_precedence(row.finished_at, row.finished_source, row.finished_event),
        **_same_fields(row),
    )


def reported(known: Deployment) -> dict[str, Any]:
    """The columns that facts change, and the status that follows."""
    started, finished = known.started, known.finished
    return {
        "id": known.id,
        "status": known.status,
        "happened_at": known.happened_at,
        "started_at": started and started.time,
        "started_source": started and started.source,
        "started_event": started and started.id,
        "started_url": known.started_url,
        "finished_at": finished and finished.time,
        "finished_source": finished and finished.source,
        "finished_event": finished and finished.id,
        "finished_url": known.finished_url,
        "finished_known_at": known.finished_known_at,
        "outcome": known.outcome,
        "failure": known.failure,
        "needs_evaluation": known.needs_evaluation,
    }


def decided(known: Deployment) -> dict[str, Any]:
    """The columns that decisions change, and the status that follows."""
    return {
        "id": known.id,
        "status": known.status,
        "happened_at": known.happened_at,
        **{name: getattr(known, name) for name in DECIDED},
    }


_OBSOLETE = codes(AttemptObsolete)


def is_needless() -> sa.ColumnElement[bool]:
    """Whether an attempt was skipped since the one before it finished after all: `lanes.is_obsolete`, in SQL."""
    code = sa.type_coerce(deployment.c.status_reason, Json)["code"].as_string()
    return sa.and_(deployment.c.status == "SKIPPED", sa.func.coalesce(code, "").in_(_OBSOLETE))


_FOUND = selected().where(among(deployment.c.id, "ids")).order_by(deployment.c.id)


def deployment_of(connection: sa.Connection, ident: int) -> Deployment:
    """The deployment of an id. Index: primary key."""
    return from_row(connection.execute(_FOUND, {"ids": [ident]}).one())


_LOCKED = {wait: _FOUND.with_for_update(of=deployment, skip_locked=not wait) for wait in (True, False)}


def locked(connection: sa.Connection, idents: Iterable[int], *, wait: bool = True) -> dict[int, Deployment]:
    """The deployments with these ids, locked in the order of their ids until the transaction ends. Without `wait`, not
    those that another session has locked."""
    return {row.id: from_row(row) for row in connection.execute(_LOCKED[wait], {"ids": sorted(idents)})}


def by_ids(connection: sa.Connection, idents: Iterable[int]) -> dict[int, Deployment]:
    """The deployments with these ids, to read."""
    return {row.id: from_row(row) for row in connection.execute(_FOUND, {"ids": sorted(idents)})}


def write(connection: sa.Connection, changed: Iterable[Mapping[str, Any]]) -> None:
    """Update deployments, all with the same columns, `id` and `status` among them.

    What ends is written before what becomes active: that a lane has one active deployment (`uq_deployment_active`) is
    checked row by row, in an order that the database chooses. What has not started has never been active.
    """
    batch = sorted(changed, key=lambda row: int(row["id"]))
    last = (*ACTIVE, Status.NOT_STARTED) if any(row["status"] in ACTIVE for row in batch) else ()
    for late in (False, True):
        part = [row for row in batch if (row["status"] in last) is late]
        bulk.update_rows(connection, deployment, part, key=("id",))


def _precedence(time: Any, source: str | None, event: str | None) -> FactOrder | None:  # noqa: ANN401  # datetime or None
    return FactOrder(time, source or "", event or "") if time is not None else None
