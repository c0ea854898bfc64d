"""What lanes run and what they ran, written down."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deploydb.domain.evaluation.decisions import (
    CurrentVersionChanged,
    DeploymentTransitioned,
    DeploymentWentLive,
    Return,
)
from deploydb.domain.evaluation.live_status import RESULTS_BY
from deploydb.domain.evaluation.live_status import live_status as status_by
from deploydb.domain.model.artifact import module_key
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.running import CurrentVersion
from deploydb.store import bulk
from deploydb.store.columns import UtcDateTime
from deploydb.store.list_parameters import among_rows
from deploydb.store.tables import artifact, current_version, live_interval, live_status


def position(table: sa.FromClause) -> tuple[sa.ColumnElement[Any], ...]:
    """What puts live intervals of a lane, or current versions, in order: the last one of a time is what ran then."""
    return table.c.live_at, table.c.published_at, table.c.deployment_id


def last_first(table: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    """Live intervals of a lane, what ran last before all others. Index: `ix_live_interval_lane`, backwards."""
    return [column.desc() for column in position(table)]


def ran_before(earlier: sa.FromClause, later: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether one live interval was before another (or a current version) of the same module in the same lane."""
    same = [earlier.c[name] == later.c[name] for name in ("service", "environment", "module_key")]
    return sa.and_(*same, sa.tuple_(*position(earlier)) < sa.tuple_(*position(later)))


_PLACE = (current_version.c.service, current_version.c.environment, current_version.c.module_key)
_EARLIER = (
    sa.select(live_interval)
    .where(ran_before(live_interval, current_version), live_interval.c.artifact_id != current_version.c.artifact_id)
    .order_by(*last_first(live_interval))
    .limit(1)
)
_VERSION = sa.select(artifact.c.version).where(artifact.c.id == live_interval.c.artifact_id).scalar_subquery()
_REMEMBER = (
    sa.update(current_version)
    .where(among_rows(_PLACE, "places"))
    .values(
        previous_version=_EARLIER.with_only_columns(_VERSION).correlate(current_version).scalar_subquery(),
        previous_live_at=_EARLIER.with_only_columns(live_interval.c.live_at)
        .correlate(current_version)
        .scalar_subquery(),
    )
)
"""Built once. What ran before is looked up, and not carried on: something may have been heard of late."""


_TIMES = (live_interval.c.live_at, live_interval.c.known_at)
_OF_MODULE = (
    *(live_interval.c[name] == sa.bindparam(name) for name in ("service", "environment", "module_key")),
    live_interval.c.live_at > sa.bindparam("after", type_=UtcDateTime),
)
_LEFT = (
    sa.select(live_interval.c.live_at, sa.func.max(live_interval.c.known_at).label("known_at"))
    .where(
        *_OF_MODULE,
        live_interval.c.live_at < sa.bindparam("before", type_=UtcDateTime),
        live_interval.c.artifact_id != sa.bindparam("artifact"),
    )
    .group_by(live_interval.c.live_at)
    .order_by(live_interval.c.live_at.desc())
    .limit(1)
)
_BACK = sa.select(sa.func.min(sa.case((_TIMES[0] > _TIMES[1], _TIMES[0]), else_=_TIMES[1]))).where(
    *_OF_MODULE, live_interval.c.artifact_id == sa.bindparam("artifact")
)


def returns(
    connection: sa.Connection, opened: Iterable[Deployment], running: Mapping[tuple[str, str], CurrentVersion]
) -> dict[int, Return]:
    """The open deployments whose release runs by another deployment, after another release. Seldom there is one.
    Index: `ix_live_interval_lane`."""
    found: dict[int, Return] = {}
    for known in opened:
        ran = running.get((known.environment, known.release.artifact.module))
        if known.live_at is None or ran is None or ran.deployment == known.id or ran.release.id != known.release.id:
            continue
        place = {"service": known.service, "environment": known.environment, "module_key": _key(known)}
        lane = {**place, "artifact": known.release.id}
        left = connection.execute(_LEFT, {**lane, "after": known.live_at, "before": ran.live_at}).first()
        if left is not None:
            back = connection.execute(_BACK, {**lane, "after": left.live_at}).scalar_one()
            found[known.id] = Return(left_at=left.live_at, since=max(back, left.known_at))
    return found


class LiveIntervals:
    """What one evaluation has decided of what runs and ran."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._intervals: dict[tuple[int, datetime], dict[str, Any]] = {}
        self._statuses: list[dict[str, Any]] = []
        self._results: dict[int, dict[str, Any]] = {}
        self._runs: dict[tuple[str, str, str], dict[str, Any]] = {}

    def came(self, decision: DeploymentWentLive) -> None:
        """A deployment came to run, or did so again, now or long ago."""
        known = decision.deployment
        self._intervals[known.id, decision.live_at] = {
            "deployment_id": known.id,
            "service": known.service,
            "environment": known.environment,
            "module_key": _key(known),
            "artifact_id": known.release.id,
            "published_at": known.release.published_at,
            "live_at": decision.live_at,
            "known_at": decision.known_at,
            "result": known.result,
            "result_at": self._now if known.result is not None else None,
        }
        self._keep_status(decision)

    def transitioned(self, decision: DeploymentTransitioned) -> None:
        """A deployment has changed: its status, maybe, and the result of its gates."""
        known = decision.deployment
        if decision.what in RESULTS_BY and known.live_at is not None:
            self._results[known.id] = {"deployment_id": known.id, "result": known.result, "result_at": self._now}
        self._keep_status(decision)

    def _keep_status(self, decision: DeploymentTransitioned | DeploymentWentLive) -> None:
        kept = status_by(decision, self._now)
        if kept is not None:
            fields = {"status": kept.status, "since": kept.since, "known_at": kept.known_at}
            self._statuses.append({"deployment_id": decision.deployment.id, **fields})

    def runs(self, service: str, decision: CurrentVersionChanged) -> None:
        """It is what runs now."""
        ran = decision.running
        artifact = ran.release.artifact
        key = module_key(artifact.group, artifact.name)
        self._runs[service, decision.environment, key] = {
            "service": service,
            "environment": decision.environment,
            "module_key": key,
            "module": artifact.module,
            "deployment_id": ran.deployment,
            "artifact_id": ran.release.id,
            "version": artifact.version,
            "published_at": ran.release.published_at,
            "live_at": ran.live_at,
        }

    def write(self, connection: sa.Connection) -> None:
        """Write the rows, in the order of their keys."""
        runs = [self._runs[each] for each in sorted(self._runs)]
        bulk.upsert(connection, current_version, runs, key=("service", "environment", "module_key"))
        bulk.insert_rows(connection, live_interval, [self._intervals[each] for each in sorted(self._intervals)])
        bulk.insert_rows(connection, live_status, self._statuses)
        results = [self._results[each] for each in sorted(self._results)]
        bulk.update_rows(connection, live_interval, results, key=("deployment_id",))
        came = {(one["service"], one["environment"], one["module_key"]) for one in self._intervals.values()}
        if came or self._runs:
            connection.execute(_REMEMBER, {"places": sorted(came | self._runs.keys())})


def _key(known: Deployment) -> str:
    artifact = known.release.artifact
    return module_key(artifact.group, artifact.name)
