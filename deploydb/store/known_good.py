"""What succeeded in a lane before: the releases that a rollback may put back."""

from collections.abc import Iterator, Mapping
from functools import cache, partial

import sqlalchemy as sa

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.running import KnownGood
from deploydb.store.deployments import release_from_row, selected
from deploydb.store.list_parameters import among
from deploydb.store.tables import deployment, flow, incident

_other = deployment.alias("other")
_beside = deployment.alias("beside")
_done_beside = sa.exists().where(
    _beside.c.flow_id == _other.c.flow_id,
    _beside.c.environment == _other.c.environment,
    _beside.c.status == "SUCCESS",
    sa.or_(_beside.c.id > _other.c.id, _other.c.status == "SKIPPED"),
)
_unfinished = sa.exists().where(
    _other.c.flow_id == flow.c.id,
    _other.c.status != "SUCCESS",
    among(_other.c.environment, "stages"),
    sa.not_(_done_beside),
)
_IN_TROUBLE = sa.select(incident.c.version).where(
    incident.c.service == sa.bindparam("service"),
    incident.c.environment == sa.bindparam("environment"),
    incident.c.version.is_not(None),
    incident.c.open,
)
"""Read once: beside each release, it would go through all incidents that the lane ever had."""
_IN_LANE = (
    deployment.c.service == sa.bindparam("service"),
    deployment.c.environment == sa.bindparam("environment"),
)
_LAST_GOOD = (
    sa.select(sa.func.max(deployment.c.id))
    .where(*_IN_LANE, deployment.c.result == sa.literal_column("'SUCCESS'"), deployment.c.outcome == "succeeded")
    .group_by(deployment.c.artifact_id)
)
_LAST_FAILED = (
    sa.select(deployment.c.artifact_id, sa.func.max(deployment.c.id).label("failed"))
    .where(
        *_IN_LANE,
        deployment.c.status == "FAILED",
        deployment.c.live_at.is_not(None),
        deployment.c.expired_at.is_(None),
    )
    .group_by(deployment.c.artifact_id)
)
_GOOD = (
    selected()
    .add_columns(sa.and_(flow.c.id.is_not(None), sa.not_(_unfinished)).label("completed"))
    .outerjoin(flow, sa.and_(flow.c.artifact_id == deployment.c.artifact_id, flow.c.service == deployment.c.service))
    .where(deployment.c.id.in_(_LAST_GOOD))
)
_cause = deployment.alias("cause")
_ROLLED_BACK = (
    sa.select(_cause.c.artifact_id, sa.func.max(deployment.c.id).label("rollback"))
    .join(_cause, _cause.c.id == deployment.c.cause_id)
    .where(
        *_IN_LANE,
        deployment.c.kind == "rollback",
        deployment.c.attempt == 1,
        deployment.c.requested_at.is_not(None),
    )
    .group_by(_cause.c.artifact_id)
)


def good_in(connection: sa.Connection, catalog: Catalog, service: str, environment: str) -> tuple[KnownGood, ...]:
    """What succeeded in a lane, each release once, newest first: as far back as the lane goes, since a module that
    seldom changes may have succeeded long before all others. Read after failures and requests alone.

    Indexes: `ix_deployment_succeeded`, `ix_deployment_lane`, `ix_incident_open`.
    """
    stages = catalog.environments_of(service)
    lane = {"service": service, "environment": environment}
    left = {row.artifact_id: row.rollback for row in connection.execute(_ROLLED_BACK, lane)}
    failed = {row.artifact_id: row.failed for row in connection.execute(_LAST_FAILED, lane)}
    troubled = set(connection.execute(_IN_TROUBLE, lane).scalars())
    found = []
    for row in connection.execute(_GOOD, {**lane, "stages": stages}):
        since = max(row.finished_at, row.requested_at or row.finished_at)
        release = release_from_row(row)
        good = KnownGood(
            deployment=row.id,
            release=release,
            live_at=since,
            completed=bool(row.completed),
            rolled_back=left.get(release.id, 0) > row.id,
            failed=failed.get(release.id, 0) > row.id,
            in_trouble=release.artifact.version in troubled,
        )
        found.append(good)
    return tuple(sorted(found, key=lambda one: (one.live_at, one.deployment), reverse=True))


class GoodByStage(Mapping[str, tuple[KnownGood, ...]]):
    """`good_in` of each stage of a service, read where it is asked for: only failures and requests do."""

    def __init__(self, connection: sa.Connection, catalog: Catalog, service: str) -> None:
        self._environments = tuple(catalog.environments_of(service))
        self._read = cache(partial(good_in, connection, catalog, service))

    def __getitem__(self, environment: str) -> tuple[KnownGood, ...]:
        if environment not in self._environments:
            raise KeyError(environment)
        return self._read(environment)

    def __iter__(self) -> Iterator[str]:
        return iter(self._environments)

    def __len__(self) -> int:
        return len(self._environments)
