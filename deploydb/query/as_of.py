"""Deployments as DeployDB knew them at a time: the views of now, with what came later taken away."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.model.artifact import split_module
from deploydb.domain.model.deployment import Deployment, Gate
from deploydb.domain.model.publications import Publication
from deploydb.domain.model.reasons import NotRecorded, several
from deploydb.store.queries.as_of import RowView, catalogs_of, decisions_until, known_then, ran_at
from deploydb.store.queries.deployments import DeploymentView, ResultView
from deploydb.store.queries.lanes import RunningView
from deploydb.store.queries.publications import files_then
from deploydb.store.reason_codec import reason_of

_GIVEN = ("requested_at", "expired_at", "skipped_at", "replaced_at")

Catalogs = Mapping[tuple[int, Gate], str]
"""The digests of the catalogs that verdicts were made by, by deployment and gate."""


def catalogs_now(connection: sa.Connection, deployments: Iterable[DeploymentView]) -> Catalogs:
    """The digests by which the present verdicts on some deployments were made."""
    return {
        (view.id, gate): digest
        for view in deployments
        for gate, digest in catalogs_of(connection, view.service, view.environment, view.id).items()
    }


def then(
    connection: sa.Connection, flow: Sequence[DeploymentView], at: datetime
) -> tuple[list[DeploymentView], Catalogs]:
    """The flow's deployments as they were known, without those that there were not yet."""
    known = {one.id: one for one in known_then(connection, [view.id for view in flow], at)}
    rows: dict[int, list[RowView]] = defaultdict(list)
    for environment in dict.fromkeys(view.environment for view in flow):
        here = [view.id for view in flow if view.environment == environment and view.id in known]
        for row in decisions_until(connection, flow[0].service, environment, here, at) if here else ():
            rows[row.deployment].append(row)
    files = files_then(connection, {view.artifact.id for view in flow}, at)
    views = [_as_known(_with_file(view, files), known[view.id], rows[view.id], at) for view in flow if view.id in known]
    catalogs = {
        (row.deployment, _gate(row)): row.body["catalog"]
        for changes in rows.values()
        for row in changes
        if row.type == "verdict.changed" and "catalog" in row.body
    }
    return views, catalogs


def running_then(connection: sa.Connection, meant: DeploymentView, at: datetime) -> list[RunningView]:
    """What the lane of a deployment ran of its module."""
    ran = ran_at(connection, meant.service, meant.environment, *split_module(meant.artifact.module), at)
    if ran is None:
        return []
    return [
        RunningView(
            service=meant.service,
            environment=meant.environment,
            module=meant.artifact.module,
            version=ran.version,
            deployment=ran.deployment,
            status="",
            since=ran.since,
            reason=None,
        )
    ]


def _with_file(view: DeploymentView, files: Mapping[int, Publication]) -> DeploymentView:
    file = files.get(view.artifact.id)
    if file is None:
        return view
    artifact = replace(
        view.artifact,
        digest=file.artifact.digest,
        url=file.artifact.url,
        published_by=file.by,
        author=file.artifact.author,
        triggered_by=file.artifact.triggered_by,
    )
    return replace(view, artifact=artifact)


def _as_known(view: DeploymentView, known: Deployment, rows: Sequence[RowView], at: datetime) -> DeploymentView:
    reason = view.status_reason if view.kind != "deploy" and not rows else None
    result, failure_response, failure_response_detail = None, None, None
    for row in rows:
        match row.type:
            case "verdict.changed":
                continue
            case "deployment.succeeded":
                result, failure_response = "SUCCESS", None
            case "deployment.failed":
                result = "FAILED"
            case "deployment.resumed":
                result, failure_response = None, None
            case "failure.counted":
                reason, failure_response_detail = (
                    reason_of(row.body.get("failure")),
                    reason_of(row.body.get("failure_response_detail")),
                )
                failure_response = row.body["failure_response"]
                continue
        reason = reason_of(row.body["reason"])
    earlier = replace(
        known,
        **_times(known, rows, at),
        result=result,
    )
    results = tuple(_result(result_, rows) for result_ in view.results)
    asked = {one.gate for one in results}
    results += tuple(_later(view, row) for gate, row in _last(rows).items() if gate not in asked)
    status = str(earlier.status)
    if status in ("NOT_STARTED", "COMPLETED") and view.kind == "deploy":
        unmet = [one.reason for one in results if one.outcome not in (None, "PASS") and one.reason]
        reason = several(unmet) if unmet else (reason if status == "COMPLETED" else None) or NotRecorded()
    return replace(
        view,
        status=status,
        completed=earlier.outcome == "succeeded" and earlier.expired_at is None and earlier.skipped_at is None,
        needs_evaluation=status not in ("SUCCESS", "SKIPPED"),
        status_reason=reason,
        requested_at=earlier.requested_at,
        deadline=earlier.deadline if earlier.requested_at is not None else None,
        started_at=known.started.time if known.started is not None else None,
        finished_at=known.finished.time if known.finished is not None else None,
        failure_response=failure_response,
        failure_response_detail=failure_response_detail,
        results=results,
    )


def _times(known: Deployment, rows: Sequence[RowView], at: datetime) -> dict[str, datetime | None]:
    """The times that decisions had given by then: what was taken back since is in the log alone."""
    found = {name: _by(getattr(known, name), at) for name in _GIVEN} | {"deadline": known.deadline}
    for row in rows:
        for name, time in (row.body.get("changes") or {}).items():
            if name in found:
                found[name] = datetime.fromisoformat(time) if time is not None else None
    return found


def _last(rows: Sequence[RowView]) -> dict[Gate, RowView]:
    """The last verdict of each gate."""
    return {_gate(row): row for row in rows if row.type == "verdict.changed"}


def _gate(row: RowView) -> Gate:
    return row.body["phase"], row.body["promotion"]


def _result(view: ResultView, rows: Sequence[RowView]) -> ResultView:
    row = _last(rows).get(view.gate)
    if row is None:
        return replace(view, outcome=None, reason=None, recheck_at=None, decided_at=None, inputs=())
    return replace(view, **_verdict(row))


def _later(view: DeploymentView, row: RowView) -> ResultView:
    phase, promotion = _gate(row)
    verdict = _verdict(row)
    return ResultView(
        id=0, deployment=view.id, promotion=promotion, phase=phase, created_at=row.recorded_at, url=None, **verdict
    )


def _verdict(row: RowView) -> dict[str, Any]:
    """The fields of a result that a row of its verdict sets."""
    again = row.body.get("recheck_at")
    return {
        "outcome": row.body["verdict"],
        "reason": reason_of(row.body["reason"]),
        "recheck_at": datetime.fromisoformat(again) if again is not None else None,
        "decided_at": row.recorded_at,
        "inputs": tuple(row.body.get("inputs") or ()),
    }


def _by(moment: datetime | None, at: datetime) -> datetime | None:
    """A moment that had come."""
    return moment if moment is not None and moment <= at else None
