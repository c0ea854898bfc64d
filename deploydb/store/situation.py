"""What is known of some services and is not over, read in a handful of statements however many services there are."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from deploydb.domain.catalog import Catalog
from deploydb.domain.decisions import Situation
from deploydb.domain.evidence import Approval, Evidence, Verification
from deploydb.domain.state import Deployment, Outcome, Precedence, Running, Verdict
from deploydb.store.deployments import from_row, locked, release_from_row, released, selected
from deploydb.store.surroundings import Surroundings, surroundings
from deploydb.store.tables import approval, artifact, deployment, running, verdict, verification

# Built once: for one service, building the statements would cost more than running them.
_SERVICES: sa.BindParameter[Any] = sa.bindparam("services", expanding=True)
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_OPENED = deployment.alias("opened")
_IS_OPEN = (_OPENED.c.service.in_(_SERVICES), _OPENED.c.open)
_BESIDE = deployment.alias("beside")
_IN_PLAY = sa.union_all(
    sa.select(_OPENED.c.id).where(*_IS_OPEN),
    sa.select(_BESIDE.c.id).join(_OPENED, _OPENED.c.flow_id == _BESIDE.c.flow_id).where(*_IS_OPEN),
)
# One statement, so one snapshot: of two, a report between them that opens a deployment again would hide it from both.
_DEPLOYMENTS = selected().where(deployment.c.id.in_(_IN_PLAY)).order_by(deployment.c.id)
_RUNNING = (
    released()
    .add_columns(running.c.service, running.c.environment, running.c.deployment_id, running.c.since)
    .join(running, running.c.artifact_id == artifact.c.id)
    .where(running.c.service.in_(_SERVICES))
)
_REPORTS = sa.select(verification).where(verification.c.deployment_id.in_(_IDS)).order_by(verification.c.promotion)
_WORDS = sa.select(approval).where(approval.c.deployment_id.in_(_IDS)).order_by(approval.c.promotion, approval.c.by)
_JUDGED = sa.select(verdict).where(verdict.c.deployment_id.in_(_IDS), verdict.c.outcome.is_not(None))


def situations(
    connection: sa.Connection, services: Collection[str], catalog: Catalog, *, lock: bool = True
) -> list[Situation]:
    """Each service's situation, in the order of their names. With `lock`, the deployments are locked until the
    transaction ends.

    The cost follows what is open, not what has been. Indexes: `ix_deployment_open`, `uq_deployment_flow_id`, primary
    keys; and those of `surroundings`.
    """
    deployments = _deployments(connection, services, lock=lock)
    opened = [known for known in deployments if known.open]
    around = surroundings(connection, services, opened, catalog)
    idents = [known.id for known in opened]
    evidence = _evidence(connection, opened, around)
    verdicts = _verdicts(connection, idents) if around.judged else {}
    runs = _running(connection, services)
    by_service: dict[str, list[Deployment]] = defaultdict(list)
    for known in deployments:
        by_service[known.service].append(known)
    return [
        Situation(
            service=service,
            deployments=tuple(by_service[service]),
            running=runs[service],
            evidence={known.id: evidence[known.id] for known in by_service[service] if known.id in evidence},
            verdicts={known.id: verdicts[known.id] for known in by_service[service] if known.id in verdicts},
            holds=around.holds_of(service),
            hotfixes=around.hotfixes[service],
            wishes=around.wishes[service],
            neighbours=around.neighbours_of(catalog.dependencies(service)),
            good=around.good[service],
        )
        for service in sorted(services)
    ]


def _deployments(connection: sa.Connection, services: Collection[str], *, lock: bool) -> list[Deployment]:
    """Open deployments, and the closed ones of their flows: a stage looks at those upstream of it."""
    given = {"services": list(services)}
    if not lock:
        return [from_row(row) for row in connection.execute(_DEPLOYMENTS, given)]
    # Found first, then locked by nothing but their ids: PostgreSQL looks again at a row for which it had to wait, and
    # with the search in the same statement, by some plans, did not find it any more.
    return list(locked(connection, connection.execute(_IN_PLAY, given).scalars().unique().all()).values())


def _running(connection: sa.Connection, services: Collection[str]) -> dict[str, dict[tuple[str, str], Running]]:
    found: dict[str, dict[tuple[str, str], Running]] = defaultdict(dict)
    for row in connection.execute(_RUNNING, {"services": list(services)}):
        release = release_from_row(row)
        ran = Running(deployment=row.deployment_id, release=release, since=row.since)
        found[row.service][row.environment, release.artifact.module] = ran
    return found


def _evidence(connection: sa.Connection, opened: Sequence[Deployment], around: Surroundings) -> dict[int, Evidence]:
    deployments = [known.id for known in opened]
    reports: dict[int, list[Verification]] = defaultdict(list)
    words: dict[int, list[Approval]] = defaultdict(list)
    for row in connection.execute(_REPORTS, {"ids": deployments}) if around.reported else ():
        reports[row.deployment_id].append(
            Verification(
                promotion=row.promotion,
                outcome=row.outcome,
                at=_precedence(row),
                reason=row.reason,
                url=row.url,
                event=row.event,
            )
        )
    for row in connection.execute(_WORDS, {"ids": deployments}) if around.spoken else ():
        words[row.deployment_id].append(
            Approval(
                promotion=row.promotion,
                by=row.by,
                given=row.given,
                at=_precedence(row),
                comment=row.comment,
                digest=row.digest,
                event=row.event,
            )
        )
    return {
        known.id: Evidence(
            verifications=tuple(reports[known.id]),
            approvals=tuple(words[known.id]),
            incidents=around.incidents_of(known),
            attestations=around.attestations_of(known),
        )
        for known in opened
    }


def _precedence(row: Any) -> Precedence:  # noqa: ANN401  # a row of `verification` or `approval`
    return Precedence(row.time, row.source, row.event_id)


def _verdicts(connection: sa.Connection, deployments: Collection[int]) -> dict[int, dict[str, Verdict]]:
    found: dict[int, dict[str, Verdict]] = defaultdict(dict)
    for row in connection.execute(_JUDGED, {"ids": list(deployments)}):
        found[row.deployment_id][row.promotion] = Verdict(
            promotion=row.promotion,
            outcome=Outcome(row.outcome),
            reason=row.reason,
            recheck_at=row.recheck_at,
            inputs=tuple(row.inputs or ()),
        )
    return found
