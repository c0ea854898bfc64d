"""What logged facts add up to: artifacts, reports on deployments, approvals, orders, and marks for promotion.

The same functions serve ingest, and promotion where a fact came before the deployment that it names.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.deployment import FactOrder, Status, fact_order, merge
from deploydb.domain.model.evidence import Approval, Verification
from deploydb.domain.model.facts import (
    AboutDeployment,
    AnyFact,
    ApprovalGiven,
    ApprovalRefused,
    ArtifactAttested,
    ArtifactPublished,
    DeploymentFinished,
    DeploymentObserved,
    DeploymentStarted,
    HoldLifted,
    HoldPlaced,
    HotfixDeclared,
    IncidentDetected,
    IncidentResolved,
    RollbackRequested,
    VerificationFinished,
)
from deploydb.domain.model.reasons import Observed
from deploydb.store import bulk
from deploydb.store.deployment_resolver import Located, names_lane
from deploydb.store.deployments import reported, write
from deploydb.store.projections.overrides import Order, order
from deploydb.store.projections.publications import Publication, publish
from deploydb.store.tables import approval, deployment, evaluation_request, unmatched_fact, verification


class Logged(Struct, frozen=True, kw_only=True):
    """A fact that has its row in the log, under `number`."""

    number: int
    fact: AnyFact
    publisher: str | None


def project(connection: sa.Connection, logged: Sequence[Logged], located: Located, now: datetime) -> int:
    """Write what the facts add up to, and mark what promotion must look at. How many found no deployment.

    Facts are merged in any order with the same end. A handful of statements, whatever the number of facts.
    """
    published: list[Publication] = []
    observed: list[tuple[DeploymentObserved, Publication]] = []
    reports: dict[tuple[int, str], dict[str, Any]] = {}
    words: dict[tuple[int, str, str], dict[str, Any]] = {}
    merged: set[int] = set()
    services: set[str] = set()
    lost: list[dict[str, Any]] = []
    ordered: list[tuple[int, Order]] = []
    for entry in logged:
        fact = entry.fact
        match fact:
            case ArtifactPublished():
                published.append(Publication.of(fact, entry.publisher))
            case DeploymentObserved():
                observed.append((fact, Publication.of(fact, entry.publisher)))
                services.add(fact.service)
            case (
                HoldPlaced()
                | HoldLifted()
                | HotfixDeclared()
                | RollbackRequested()
                | ArtifactAttested()
                | IncidentDetected()
                | IncidentResolved()
            ):
                ordered.append((entry.number, fact))
            case (
                DeploymentStarted()
                | DeploymentFinished()
                | VerificationFinished()
                | ApprovalGiven()
                | ApprovalRefused()
            ):
                known = located.of(fact)
                if known is None:
                    lost.append(_unmatched(entry.number, fact))
                    if fact.service is not None and names_lane(fact):
                        services.add(fact.service)  # its deployment may be on its way in at this moment
                    continue
                services.add(known.service)
                match fact:
                    case DeploymentStarted() | DeploymentFinished():
                        # open again: what finishes after it was ruled out does run there: promotion must take note
                        located.deployments[known.id] = replace(merge(known, fact), needs_evaluation=True)
                        merged.add(known.id)
                    case VerificationFinished():
                        _keep_latest(reports, (known.id, fact.promotion), _report(known.id, fact, entry.number))
                    case _:
                        _keep_latest(words, (known.id, fact.promotion, fact.by), _word(known.id, fact, entry.number))
            case _:
                assert_never(fact)
    idents = publish(connection, [*published, *(statement for _, statement in observed)], now)
    write(connection, [reported(located.deployments[ident]) for ident in merged])
    _overwrite(connection, verification, reports, ("deployment_id", "promotion"))
    _overwrite(connection, approval, words, ("deployment_id", "promotion", "by"))
    external = [_external(fact, idents[seen.key], now) for fact, seen in observed]
    bulk.insert_rows(connection, deployment, external)
    bulk.insert_rows(connection, unmatched_fact, lost)
    services |= order(connection, ordered)
    marks: list[dict[str, Any]] = [
        {"artifact_id": idents[key], "service": None, "created_at": now}
        for key in sorted({statement.key for statement in published})
    ]
    marks += [{"artifact_id": None, "service": service, "created_at": now} for service in sorted(services)]
    bulk.insert_rows(connection, evaluation_request, marks)
    return len(lost)


def _overwrite(
    connection: sa.Connection, table: sa.Table, kept: dict[Any, dict[str, Any]], key: tuple[str, ...]
) -> None:
    """The rows, in the order of their keys, over older ones."""
    batch = [kept[each] for each in sorted(kept)]
    bulk.upsert(connection, table, batch, key=key, later=("time", "source", "event_id"))


def _keep_latest(kept: dict[Any, dict[str, Any]], key: Any, row: dict[str, Any]) -> None:  # noqa: ANN401
    """Of two reports on the same thing in one batch, the later one: a statement may not touch a row twice."""
    if key not in kept or _order(kept[key]) < _order(row):
        kept[key] = row


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["time"], row["source"], row["event_id"])


def _fact_columns(at: FactOrder, number: int) -> dict[str, Any]:
    return {"time": at.time, "source": at.source, "event_id": at.id, "event": number}


def _report(ident: int, fact: VerificationFinished, number: int) -> dict[str, Any]:
    statement = Verification.of(fact)
    return {
        "deployment_id": ident,
        "promotion": statement.promotion,
        "outcome": statement.outcome,
        "reason": statement.reason,
        "url": statement.url,
        **_fact_columns(statement.at, number),
    }


def _word(ident: int, fact: ApprovalGiven | ApprovalRefused, number: int) -> dict[str, Any]:
    statement = Approval.of(fact)
    return {
        "deployment_id": ident,
        "promotion": statement.promotion,
        "by": statement.by,
        "given": statement.given,
        "comment": statement.comment,
        "digest": statement.digest,
        **_fact_columns(statement.at, number),
    }


def _external(fact: DeploymentObserved, artifact_id: int, now: datetime) -> dict[str, Any]:
    at = fact_order(fact)
    observed = Observed(by=fact.by, source=fact.source, text=fact.reason)
    return {
        "service": fact.service,
        "environment": fact.environment,
        "artifact_id": artifact_id,
        "version": fact.artifact.version,
        "kind": "external",
        "status": Status.COMPLETED,
        "trigger_reason": observed,
        "status_reason": observed,
        "created_at": now,
        "happened_at": at.time,
        "finished_at": at.time,
        "finished_source": at.source,
        "finished_event": at.id,
        "finished_url": fact.url,
        "outcome": "succeeded",
    }


def _unmatched(number: int, fact: AboutDeployment) -> dict[str, Any]:
    if fact.deployment is not None:
        why = f"no deployment {fact.deployment}"
    elif fact.command is not None:
        why = f"no command {fact.command}"
    else:
        why = f"no deployment of {fact.service} {fact.version} to {fact.environment}"
    lane = (fact.service, fact.environment, fact.version) if names_lane(fact) else (None, None, None)
    return {"event": number, **dict(zip(("service", "environment", "version"), lane, strict=True)), "why": why}
