"""The tables of deployments, their verdicts and what runs, and the rows that the fold of the log gives for them."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.artifact import module_key
from deploydb.domain.model.deployment import Deployment
from deploydb.engine.live_history import Interval
from deploydb.engine.log_fold import LogFold
from deploydb.store import tables
from deploydb.store.deployments import decided, from_row, reported, selected
from tests.contract.table_rows import Table, rows


def _deployments(connection: sa.Connection) -> Table:
    return {row.id: dict(row._mapping) for row in rows(connection, tables.deployment)}


def _deployments_of(fold: LogFold) -> Table:
    return {
        id_: {
            **_identity(deployment),
            **reported(deployment),
            **decided(deployment),
            "stage_index": fold.places[id_],
            "created_at": fold.deployments[id_].created_at,
            "decided_at": fold.deployments[id_].decided_at,
        }
        for ledger in fold.ledgers.values()
        for id_, deployment in ledger.deployments.items()
    }


def _identity(deployment: Deployment) -> dict[str, Any]:
    return {
        "flow_id": deployment.flow,
        "service": deployment.service,
        "environment": deployment.environment,
        "artifact_id": deployment.release.id,
        "version": deployment.release.artifact.version,
        "kind": deployment.kind,
        "attempt": deployment.attempt,
        "cause_id": deployment.cause,
        "not_before": deployment.not_before,
        "ordered": deployment.ordered,
    }


def _releases(connection: sa.Connection) -> Table:
    return {row.id: from_row(row).release for row in connection.execute(selected())}


def _releases_of(fold: LogFold) -> Table:
    return {id_: one.release for ledger in fold.ledgers.values() for id_, one in ledger.deployments.items()}


def _flows(connection: sa.Connection) -> Table:
    return {row.id: tuple(row[1:]) for row in rows(connection, tables.flow)}


def _verdicts(connection: sa.Connection) -> Table:
    return {
        (row.deployment_id, row.promotion, row.phase): (
            row.outcome,
            row.reason,
            row.recheck_at,
            tuple(row.inputs or ()),
            row.since,
            row.decided_at,
            row.created_at,
        )
        for row in rows(connection, tables.verdict)
    }


def _verdicts_of(fold: LogFold) -> Table:
    found = {}
    for (id_, promotion, phase), times in fold.verdicts.items():
        ledger = fold.ledgers[fold.deployment(id_).service]
        verdict = ledger.verdicts(id_).get((phase, promotion))
        judged = (
            (verdict.outcome, verdict.reason, verdict.recheck_at, verdict.inputs, verdict.since)
            if verdict
            else (None, None, None, (), None)
        )
        found[id_, promotion, phase] = (*judged, times.decided_at, times.created_at)
    return found


def _running(connection: sa.Connection) -> Table:
    return {
        (row.service, row.environment, row.module): tuple(row[4:]) for row in rows(connection, tables.current_version)
    }


def _running_of(fold: LogFold) -> Table:
    found = {}
    for service, ledger in fold.ledgers.items():
        for (environment, module), ran in ledger.running.items():
            interval = fold.live.intervals[ran.deployment][ran.live_at]
            lane = [
                (one.live_at, one.release.published_at, id_, one.release)
                for id_, intervals in fold.live.intervals.items()
                for one in intervals.values()
                if _lane(fold, id_) == (service, environment, module)
            ]
            now = (ran.live_at, interval.release.published_at, ran.deployment)
            before = [one for one in lane if one[:3] < now and one[3].id != ran.release.id]
            last = max(before, key=lambda one: one[:3], default=None)
            found[service, environment, module] = (
                ran.deployment,
                ran.release.id,
                ran.release.artifact.version,
                interval.release.published_at,
                ran.live_at,
                last[3].artifact.version if last else None,
                last[0] if last else None,
            )
    return found


def _lane(fold: LogFold, id_: int) -> tuple[str, str, str]:
    deployment = fold.deployment(id_)
    return deployment.service, deployment.environment, deployment.release.artifact.module


def _intervals(connection: sa.Connection) -> Table:
    return {(row.deployment_id, row.live_at): tuple(row[1:]) for row in rows(connection, tables.live_interval)}


def _intervals_of(fold: LogFold) -> Table:
    def row(id_: int, interval: Interval) -> tuple[Any, ...]:
        deployment, file = fold.deployment(id_), interval.release.artifact
        place = (deployment.service, deployment.environment, module_key(file.group, file.name), interval.release.id)
        times = (interval.release.published_at, interval.live_at, interval.known_at)
        return (*place, *times, interval.result, interval.result_at)

    return {
        (id_, at): row(id_, interval)
        for id_, intervals in fold.live.intervals.items()
        for at, interval in intervals.items()
    }


def _statuses(connection: sa.Connection) -> Table:
    found: Table = {}
    for row in connection.execute(sa.select(tables.live_status).order_by(tables.live_status.c.id)):
        found.setdefault(row.deployment_id, []).append((row.status, row.since, row.known_at))
    return found


def _statuses_of(fold: LogFold) -> Table:
    return {
        id_: [(one.status, one.since, one.known_at) for one in statuses] for id_, statuses in fold.live.statuses.items()
    }


DEPLOYMENTS: Mapping[str, tuple[Any, Any]] = {
    "flow": (_flows, lambda fold: fold.flows),
    "deployment": (_deployments, _deployments_of),
    "releases of deployments": (_releases, _releases_of),
    "verdict": (_verdicts, _verdicts_of),
    "current_version": (_running, _running_of),
    "live_interval": (_intervals, _intervals_of),
    "live_status": (_statuses, _statuses_of),
}
"""By table, how its rows are read and how the fold gives them."""
