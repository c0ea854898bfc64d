"""Logged facts, folded into artifacts, deployments, verifications, approvals, overrides and evaluation requests.

The same functions serve ingest, and promotion where a fact came before the deployment that it names.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.deployment import Status, fact_order, merge
from deploydb.domain.model.facts import (
    AboutDeployment,
    AboutIncident,
    ArtifactPublished,
    DeploymentFinished,
    DeploymentObserved,
    DeploymentStarted,
    Fact,
)
from deploydb.domain.model.publications import Publication
from deploydb.domain.model.reasons import Observed
from deploydb.store import bulk
from deploydb.store.deployment_resolver import Located, names_lane
from deploydb.store.deployments import reported, write
from deploydb.store.journal import Journal
from deploydb.store.projections.incidents import settle_incidents
from deploydb.store.projections.latest import LatestRows
from deploydb.store.projections.overrides import concerned
from deploydb.store.projections.publications import publish
from deploydb.store.tables import deployment, evaluation_request, metadata, unmatched_fact


class Logged(Struct, frozen=True, kw_only=True):
    """A fact that has its row in the log, under `number`."""

    number: int
    fact: Fact
    publisher: str | None


def project(connection: sa.Connection, logged: Sequence[Logged], located: Located, now: datetime) -> int:
    """Fold the facts into the tables, and request evaluations. Returns how many facts found no deployment.

    Facts are merged in any order with the same end. A handful of statements, whatever the number of facts.
    """
    published: list[Publication] = []
    observed: list[tuple[int, DeploymentObserved, Publication]] = []
    kept: dict[str, LatestRows] = {}
    merged: set[int] = set()
    services: set[str] = set()
    lost: list[dict[str, Any]] = []
    others: list[Fact] = []
    for entry in logged:
        fact, about = entry.fact, {}
        match fact:
            case ArtifactPublished():
                published.append(Publication.of(fact, entry.publisher))
                continue
            case DeploymentObserved():
                observed.append((entry.number, fact, Publication.of(fact, entry.publisher)))
                services.add(fact.service)
                continue
            case AboutDeployment():
                found = located.of(fact)
                if found is None:
                    lost.append(_unmatched(entry.number, fact))
                    if fact.service is not None and names_lane(fact):
                        services.add(fact.service)  # its deployment may be on its way in at this moment
                    continue
                services.add(found.service)
                if isinstance(fact, DeploymentStarted | DeploymentFinished):
                    # also a closed one: what finishes after it was ruled out does run there
                    located.deployments[found.id] = replace(merge(found, fact), needs_evaluation=True)
                    merged.add(found.id)
                    continue
                about = {"deployment_id": found.id}
            case _:
                others.append(fact)
        table = fact.projection.table
        rows = kept.get(table) or kept.setdefault(table, LatestRows(metadata.tables[table]))
        rows.keep(fact, entry.number, recorded_at=now, **about)
    artifacts = publish(connection, [*published, *(publication for _, _, publication in observed)], now)
    write(connection, [reported(located.deployments[id_]) for id_ in merged])
    _insert_external(connection, {n: (fact, artifacts[publication.key]) for n, fact, publication in observed}, now)
    bulk.insert_rows(connection, unmatched_fact, lost)
    for table in sorted(kept):  # in one order: two workers would wait for each other
        kept[table].write(connection)
    settle_incidents(connection, [fact for fact in others if isinstance(fact, AboutIncident)])
    services |= concerned(connection, others)
    requests: list[dict[str, Any]] = [
        {"artifact_id": artifacts[key], "service": None, "created_at": now}
        for key in sorted({publication.key for publication in published})
    ]
    requests += [{"artifact_id": None, "service": service, "created_at": now} for service in sorted(services)]
    bulk.insert_rows(connection, evaluation_request, requests)
    return len(lost)


def _insert_external(
    connection: sa.Connection, observed: Mapping[int, tuple[DeploymentObserved, int]], now: datetime
) -> None:
    """A deployment for each sighting (by number in the log, with its artifact's id), which the log gets the id of."""
    if not observed:
        return
    rows = [_external(fact, artifact_id, now) for fact, artifact_id in observed.values()]
    made = bulk.insert_rows(connection, deployment, rows, returning=("id", "finished_source", "finished_event"))
    ids = {(row.finished_source, row.finished_event): row.id for row in made}
    journal = Journal(now)
    for number, (fact, artifact_id) in observed.items():
        journal.note(
            "deployment.recorded",
            service=fact.service,
            environment=fact.environment,
            deployment=ids[fact.source, fact.id],
            artifact=artifact_id,
            version=fact.artifact.version,
            fact=number,
        )
    journal.write(connection)


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
