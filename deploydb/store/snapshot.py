"""What is known of some services and is not over, read in a handful of statements however many services there are."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, Gate, GateStatus, Verdict
from deploydb.domain.model.evidence import Approval, Evidence, Verification
from deploydb.domain.model.running import CurrentVersion
from deploydb.store.columns import shared_fields
from deploydb.store.deployments import by_ids, from_row, locked, release_from_row, released, selected
from deploydb.store.ingest_watermark import read_until
from deploydb.store.list_parameters import among
from deploydb.store.live_intervals import returns
from deploydb.store.projections.latest import value_of
from deploydb.store.projections.overrides import standing_at
from deploydb.store.promotion_requests import of_request, skipped_before
from deploydb.store.snapshot_context import NOW, SnapshotContext, snapshot_context
from deploydb.store.tables import (
    approval,
    artifact,
    current_version,
    deployment,
    flow,
    hold,
    promotion_request,
    retry_request,
    verdict,
    verification,
)
from deploydb.store.unplaced_flows import flows_of_version, unplaced_flows

# Built once: for one service, building the statements would cost more than running them.
_OPENED = deployment.alias("opened")
_IS_OPEN = (among(_OPENED.c.service, "services"), _OPENED.c.needs_evaluation)
_BESIDE = deployment.alias("beside")
_SKIPPED = deployment.alias("skipped")
_WANTED = sa.union_all(
    sa.select(retry_request.c.service, retry_request.c.environment, retry_request.c.version).where(
        retry_request.c.answered_at.is_(None), among(retry_request.c.service, "services")
    ),
    sa.select(hold.c.service, hold.c.environment, hold.c.version).where(
        standing_at(NOW, among(hold.c.service, "services")), hold.c.kind == "pin"
    ),
    sa.select(_SKIPPED.c.service, _SKIPPED.c.environment, _SKIPPED.c.version)
    .join(promotion_request, of_request(_SKIPPED))
    .where(
        promotion_request.c.settled_at.is_(None),
        among(promotion_request.c.service, "services"),
        skipped_before(_SKIPPED),
    ),
).cte("wanted")
"""The versions of which another attempt may be made, though their flows are over."""
_CAUSE = deployment.alias("cause")
_CHOSEN = deployment.alias("chosen")
_OF_CHOSEN = sa.and_(*(_CHOSEN.c[name] == _WANTED.c[name] for name in ("service", "environment", "version")))
_NONE = (sa.null(), sa.null())
# One read, so one snapshot: of two, a report between them that opens a deployment again would hide it from both.
_IN_PLAY = sa.union_all(
    sa.select(_OPENED.c.id, _OPENED.c.service, _OPENED.c.kind, _OPENED.c.deadline).where(*_IS_OPEN),
    sa.select(_BESIDE.c.id, _BESIDE.c.service, *_NONE)
    .join(_OPENED, _OPENED.c.flow_id == _BESIDE.c.flow_id)
    .where(*_IS_OPEN),
    sa.select(sa.null(), _WANTED.c.service, *_NONE).select_from(_WANTED),
)
"""The open deployments, the others of their flows; and rows without an id where other versions are wanted."""
_OF_WANTED = sa.union_all(
    sa.select(_CHOSEN.c.id, _CHOSEN.c.service).join(_WANTED, _OF_CHOSEN),
    sa.select(_BESIDE.c.id, _BESIDE.c.service)
    .join(_CHOSEN, _CHOSEN.c.flow_id == _BESIDE.c.flow_id)
    .join(_WANTED, _OF_CHOSEN),
)
_IS_ROLLBACK = among(_OPENED.c.id, "rollbacks")
_OF_ROLLBACKS = sa.union_all(
    sa.select(_CAUSE.c.id, _CAUSE.c.service).join(_OPENED, _OPENED.c.cause_id == _CAUSE.c.id).where(_IS_ROLLBACK),
    sa.select(_BESIDE.c.id, _BESIDE.c.service)
    .join(_CAUSE, _CAUSE.c.flow_id == _BESIDE.c.flow_id)
    .join(_OPENED, _OPENED.c.cause_id == _CAUSE.c.id)
    .where(_IS_ROLLBACK),
    sa.select(_BESIDE.c.id, _BESIDE.c.service)
    .join(_OPENED, sa.and_(*(_OPENED.c[name] == _BESIDE.c[name] for name in ("service", "environment", "version"))))
    .where(_IS_ROLLBACK, _OPENED.c.attempt > 1, _BESIDE.c.kind == "rollback"),
)
_OF_CURRENT = (
    sa.select(_BESIDE.c.id, _BESIDE.c.service)
    .join(flow, flow.c.id == _BESIDE.c.flow_id)
    .join(
        current_version,
        sa.and_(current_version.c.artifact_id == flow.c.artifact_id, current_version.c.service == flow.c.service),
    )
    .where(among(current_version.c.service, "services"))
)
_RUNNING = (
    released()
    .add_columns(
        current_version.c.service,
        current_version.c.environment,
        current_version.c.deployment_id,
        current_version.c.live_at,
    )
    .join(current_version, current_version.c.artifact_id == artifact.c.id)
    .where(among(current_version.c.service, "services"))
)
_REPORTS = sa.select(verification).where(among(verification.c.deployment_id, "ids")).order_by(verification.c.promotion)
_WORDS = sa.select(approval).where(among(approval.c.deployment_id, "ids")).order_by(approval.c.promotion, approval.c.by)
_JUDGED = sa.select(verdict).where(among(verdict.c.deployment_id, "ids"), verdict.c.outcome.is_not(None))


def snapshots(
    connection: sa.Connection,
    services: Collection[str],
    catalog: Catalog,
    now: datetime,
    *,
    lock: bool = True,
    most: int | None = None,
    wait: bool = True,
    restaged: Collection[str] = (),
) -> list[ServiceSnapshot]:
    """Each service's situation at a time, in the order of their names. With `lock`, the deployments are locked until
    the transaction ends.

    Services are left out, newest first, once `most` deployments are exceeded, but never the first; and without
    `wait` those with a deployment that another session has locked. `restaged`: services whose stages have changed; they
    come with the flows of what runs.

    The cost follows what is open, not what has been. Indexes: `ix_deployment_needs_evaluation`,
    `uq_deployment_flow_id`, `ix_retry_request_unanswered`, `ix_promotion_request_unsettled`, `ix_hold_standing`,
    `ix_deployment_lane`, primary keys; and those of `snapshot_context`.
    """
    in_play, is_overdue = _in_play(connection, services, now, restaged)
    # before the deployments: what it covers is seen in them
    read = read_until(connection) if is_overdue or not lock else None
    if lock:
        deployments, services = _lock(connection, in_play, most, wait)
    else:
        deployments = list(by_ids(connection, (id_ for ids in in_play.values() for id_ in ids)).values())
    opened = [known for known in deployments if known.needs_evaluation]
    heard = opened + _earlier_attempts(deployments)
    unplaced = unplaced_flows(connection, services, catalog, set(restaged).intersection(services))
    releases = [one.release for flows in unplaced.values() for one in flows]
    around = snapshot_context(connection, services, deployments, catalog, heard=heard, now=now, releases=releases)
    idents = [known.id for known in opened]
    evidence = _evidence(connection, heard, around)
    verdicts = _verdicts(connection, idents) if around.judged else {}
    runs = _running(connection, services)
    by_service: dict[str, list[Deployment]] = defaultdict(list)
    for known in deployments:
        by_service[known.service].append(known)
    return [
        ServiceSnapshot(
            service=service,
            deployments=tuple(by_service[service]),
            running=runs[service],
            evidence={known.id: evidence[known.id] for known in by_service[service] if known.id in evidence},
            verdicts={known.id: verdicts[known.id] for known in by_service[service] if known.id in verdicts},
            holds=around.holds_of(service),
            hotfixes=around.hotfixes[service],
            promotion_requests=around.promotion_requests[service],
            wishes=around.wishes[service],
            retries=around.retries[service],
            neighbours=around.neighbours_of(catalog.dependencies(service)),
            good=around.good[service],
            read_until=read.until if read is not None else None,
            returns=returns(connection, [one for one in by_service[service] if one.needs_evaluation], runs[service]),
            unplaced=unplaced.get(service, ()),
        )
        for service in sorted(services)
    ]


def _in_play(
    connection: sa.Connection, services: Collection[str], now: datetime, restaged: Collection[str]
) -> tuple[dict[str, set[int]], bool]:
    """By service, the ids of its open deployments, of the closed ones of their flows (a stage looks at those upstream
    of it), and of the flows of which another attempt is wanted; and whether the deadline of one has passed."""
    found = connection.execute(_IN_PLAY, {"services": list(services), "now": now}).all()
    rows = [row for row in found if row.id is not None]
    rollbacks = [row.id for row in rows if row.kind == "rollback"]
    is_overdue = any(row.deadline is not None and row.deadline <= now for row in rows)
    if len(rows) < len(found):
        rows += connection.execute(_OF_WANTED, {"services": list(services), "now": now})
    if rollbacks:
        rows += connection.execute(_OF_ROLLBACKS, {"rollbacks": rollbacks})
    if restaged:
        rows += connection.execute(_OF_CURRENT, {"services": sorted(restaged)})
    in_play: dict[str, set[int]] = {service: set() for service in sorted(services)}
    for row in rows:
        in_play[row.service].add(row.id)
    return in_play, is_overdue


def with_flows(
    connection: sa.Connection, catalog: Catalog, snapshot: ServiceSnapshot, environment: str, version: str
) -> ServiceSnapshot:
    """The snapshot as if another attempt of a version were wanted in an environment, or its first one. Indexes:
    `ix_deployment_lane`, and those of `flows_of_version`."""
    there = sa.select(_CHOSEN.c.id, _CHOSEN.c.flow_id).where(
        _CHOSEN.c.service == snapshot.service, _CHOSEN.c.environment == environment, _CHOSEN.c.version == version
    )
    chosen = there.subquery("there")
    wanted = sa.or_(deployment.c.id.in_(sa.select(chosen.c.id)), deployment.c.flow_id.in_(sa.select(chosen.c.flow_id)))
    known = {one.id: one for one in map(from_row, connection.execute(selected().where(wanted)))}
    flows = flows_of_version(connection, catalog, snapshot.service, version) if not known else ()
    known |= {one.id: one for one in snapshot.deployments}
    unplaced = {one.flow: one for one in (*flows, *snapshot.unplaced) if environment not in one.environments}
    return replace(snapshot, deployments=tuple(known.values()), unplaced=tuple(unplaced.values()))


def _lock(
    connection: sa.Connection, in_play: Mapping[str, set[int]], most: int | None, wait: bool
) -> tuple[list[Deployment], list[str]]:
    """The deployments in play, and the services that they are all of."""
    # Found first, then locked by nothing but their ids: PostgreSQL looks again at a row for which it had to wait, and
    # with the search in the same read, by some plans, did not find it any more.
    taken: dict[str, set[int]] = {}
    rows = 0
    for service, idents in in_play.items():
        rows += len(idents)
        if most is not None and taken and rows > most:
            break
        taken[service] = idents
    found = locked(connection, [ident for idents in taken.values() for ident in idents], wait=wait)
    held = {service for service, idents in taken.items() if not idents <= found.keys()}
    return [known for known in found.values() if known.service not in held], [
        service for service in taken if service not in held
    ]


def _earlier_attempts(deployments: Sequence[Deployment]) -> list[Deployment]:
    """The closed attempts before those that are about to be commanded: the evidence on them still counts."""
    again = {_line(known) for known in deployments if known.needs_evaluation and known.attempt > 1}
    return [known for known in deployments if not known.needs_evaluation and _line(known) in again]


def _line(known: Deployment) -> tuple[object, ...]:
    """By what deployments are attempts of the same."""
    return known.service, known.environment, known.kind, known.flow, known.release.id


def _running(connection: sa.Connection, services: Collection[str]) -> dict[str, dict[tuple[str, str], CurrentVersion]]:
    found: dict[str, dict[tuple[str, str], CurrentVersion]] = defaultdict(dict)
    for row in connection.execute(_RUNNING, {"services": list(services)}):
        release = release_from_row(row)
        ran = CurrentVersion(deployment=row.deployment_id, release=release, live_at=row.live_at)
        found[row.service][row.environment, release.artifact.module] = ran
    return found


def _evidence(connection: sa.Connection, heard: Sequence[Deployment], around: SnapshotContext) -> dict[int, Evidence]:
    deployments = [known.id for known in heard]
    reports: dict[int, list[Verification]] = defaultdict(list)
    words: dict[int, list[Approval]] = defaultdict(list)
    for row in connection.execute(_REPORTS, {"ids": deployments}) if around.reported else ():
        reports[row.deployment_id].append(value_of(Verification, row))
    for row in connection.execute(_WORDS, {"ids": deployments}) if around.spoken else ():
        words[row.deployment_id].append(value_of(Approval, row))
    return {
        known.id: Evidence(
            verifications=tuple(reports[known.id]),
            approvals=tuple(words[known.id]),
            incidents=around.incidents_of(known),
            attestations=around.attestations_of(known),
        )
        for known in heard
    }


def _verdicts(connection: sa.Connection, deployments: Collection[int]) -> dict[int, dict[Gate, Verdict]]:
    found: dict[int, dict[Gate, Verdict]] = defaultdict(dict)
    for row in connection.execute(_JUDGED, {"ids": list(deployments)}):
        fields = shared_fields(verdict, Verdict)(row)
        read = Verdict(**{**fields, "outcome": GateStatus(row.outcome), "inputs": tuple(row.inputs or ())})
        found[row.deployment_id][read.gate] = read
    return found
