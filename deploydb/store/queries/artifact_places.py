"""Which artifacts are known by a commit, a digest, a purl or a version, and what became of them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.artifact import module_key
from deploydb.domain.model.reasons import Reason
from deploydb.store.columns import begins_with, viewed
from deploydb.store.deployments import is_needless
from deploydb.store.list_parameters import among
from deploydb.store.queries.artifacts import MODULE
from deploydb.store.tables import artifact, current_version, deployment, live_interval

MOST = 50
"""Artifacts of one answer."""
LONGEST_PURL = 2000
"""Longer ones are not in the index."""


class FoundView(Struct, frozen=True, kw_only=True):
    id: int
    module: str
    version: str
    commit: str | None
    digest: str | None
    purl: str | None
    published_at: datetime
    conflict: str | None


class PlaceView(Struct, frozen=True, kw_only=True):
    """The last attempt to have an artifact in a lane, but for one that is not needed; from when until when it ran, and
    what runs there now."""

    artifact: int
    service: str
    environment: str
    deployment: int
    status: str
    needs_evaluation: bool
    reason: Reason | None
    decided_at: datetime | None
    since: datetime | None
    until: datetime | None
    runs: int | None
    runs_version: str | None
    runs_since: datetime | None
    runs_published_at: datetime | None


def by_id(connection: sa.Connection, ident: int) -> list[FoundView]:
    """One artifact, if there is one. Index: primary key."""
    return _found(connection, artifact.c.id == ident)


def by_commit(connection: sa.Connection, prefix: str) -> list[FoundView]:
    """Artifacts made from a commit whose id begins so (hexadecimal, small letters). Index: `ix_artifact_commit`."""
    return _found(connection, begins_with(artifact.c.commit, sa.literal(prefix)))


def by_digest(connection: sa.Connection, digest: str) -> list[FoundView]:
    """Artifacts with this digest. Index: `ix_artifact_digest`."""
    return _found(connection, artifact.c.digest == digest)


def by_purl(connection: sa.Connection, purl: str) -> list[FoundView]:
    """Artifacts with this package URL, none of which is longer than `LONGEST_PURL`. Index: `ix_artifact_purl`."""
    short = sa.func.length(artifact.c.purl) <= sa.literal(LONGEST_PURL, literal_execute=True)
    return _found(connection, artifact.c.purl == purl, artifact.c.purl.is_not(None), short)


def by_version(connection: sa.Connection, modules: Collection[tuple[str, str]], version: str) -> list[FoundView]:
    """The version of any of the modules (group, name). Index: `uq_artifact_module_key_version`."""
    keys = sorted(module_key(group, name) for group, name in modules)
    return _found(connection, among(artifact.c.module_key, keys), artifact.c.version == version)


def places(connection: sa.Connection, artifacts: Collection[int]) -> list[PlaceView]:
    """What became of the artifacts in each lane.

    Costs their deployments. Indexes: `ix_deployment_artifact`, `ix_live_interval_lane`, primary key of
    `current_version`.
    """
    last = (
        sa.select(sa.func.max(deployment.c.id).label("id"))
        .where(among(deployment.c.artifact_id, sorted(artifacts)), sa.not_(is_needless()))
        .group_by(deployment.c.artifact_id, deployment.c.service, deployment.c.environment)
        .subquery("last")
    )
    ran = (
        sa.select(
            live_interval.c.artifact_id,
            live_interval.c.service,
            live_interval.c.environment,
            sa.func.max(live_interval.c.live_at).label("live_at"),
        )
        .join(deployment, deployment.c.id == live_interval.c.deployment_id)
        .where(among(deployment.c.artifact_id, sorted(artifacts)))
        .group_by(live_interval.c.artifact_id, live_interval.c.service, live_interval.c.environment)
        .subquery("ran")
    )
    later = live_interval.alias("later")
    until = (
        sa.select(sa.func.min(later.c.live_at))
        .where(
            later.c.service == ran.c.service,
            later.c.environment == ran.c.environment,
            later.c.module_key == artifact.c.module_key,
            later.c.live_at >= ran.c.live_at,
            later.c.artifact_id != ran.c.artifact_id,
        )
        .correlate(ran, artifact)
        .scalar_subquery()
    )
    columns = viewed(
        PlaceView,
        deployment,
        artifact=deployment.c.artifact_id,
        deployment=deployment.c.id,
        reason=deployment.c.status_reason,
        since=ran.c.live_at,
        until=until,
        runs=current_version.c.artifact_id,
        runs_version=current_version.c.version,
        runs_since=current_version.c.live_at,
        runs_published_at=current_version.c.published_at,
    )
    statement = (
        sa.select(*columns)
        .join(last, last.c.id == deployment.c.id)
        .join(artifact, artifact.c.id == deployment.c.artifact_id)
        .outerjoin(
            ran,
            sa.and_(
                ran.c.artifact_id == deployment.c.artifact_id,
                ran.c.service == deployment.c.service,
                ran.c.environment == deployment.c.environment,
            ),
        )
        .outerjoin(
            current_version,
            sa.and_(
                current_version.c.service == deployment.c.service,
                current_version.c.environment == deployment.c.environment,
                current_version.c.module_key == artifact.c.module_key,
            ),
        )
    )
    return [PlaceView(**row._mapping) for row in connection.execute(statement)]


def _found(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[FoundView]:
    statement: sa.Select[Any] = (
        sa.select(*viewed(FoundView, artifact, module=MODULE))
        .where(*conditions)
        .order_by(artifact.c.published_at.desc(), artifact.c.id.desc())
        .limit(MOST)
    )
    return [FoundView(**row._mapping) for row in connection.execute(statement)]
