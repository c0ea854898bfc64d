"""Deployments that DeployDB did not command: those that were observed, and those that historical facts report."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.deployment import Status
from deploydb.domain.model.external import External, external_fields
from deploydb.domain.model.facts import AboutDeployment, DeploymentFinished, Fact
from deploydb.store import bulk
from deploydb.store.deployment_resolver import Located, locate, names_lane
from deploydb.store.journal import Journal
from deploydb.store.tables import artifact, catalog_listing, deployment


class Seen(Struct, frozen=True, kw_only=True):
    """A fact that makes an external deployment, its row in the log, and its artifact's row. `module`: its group and
    name, where the fact does not name them."""

    number: int
    fact: External
    artifact: int
    version: str
    module: tuple[str, str] | None = None


class Settled(Struct, frozen=True, kw_only=True):
    """What became of historical facts, by their rows in the log: `taken`, of these `matched` with an external
    deployment in `located`; `several`: the modules of which a fact has to name one. `services`: those with a deployment
    that was made."""

    taken: set[int]
    matched: set[int]
    several: dict[int, list[str]]
    located: Located
    services: set[str]


def insert_external(connection: sa.Connection, seen: Sequence[Seen], now: datetime) -> dict[int, int]:
    """A deployment for each fact, which the log gets the id of. Returns the ids by the facts' rows in the log."""
    if not seen:
        return {}
    made = bulk.insert_rows(
        connection,
        deployment,
        [_row(one, now) for one in seen],
        returning=("id", "finished_source", "finished_event"),
    )
    ids = {(row.finished_source, row.finished_event): row.id for row in made}
    journal = Journal(now)
    for one in seen:
        group, name = one.module or (None, None)
        journal.note(
            "deployment.recorded",
            service=str(one.fact.service),
            environment=one.fact.environment,
            deployment=ids[one.fact.source, one.fact.id],
            artifact=one.artifact,
            group=group,
            name=name,
            version=one.version,
            fact=one.number,
        )
    journal.write(connection)
    return {one.number: ids[one.fact.source, one.fact.id] for one in seen}


def settle_historical(connection: sa.Connection, facts: Sequence[tuple[int, Fact]], now: datetime) -> Settled:
    """Make a deployment for each historical end in a lane, where one artifact can be meant; and find the external
    deployments that the other facts are about, which the log says."""
    ends = {number: fact for number, fact in facts if isinstance(fact, DeploymentFinished) and names_lane(fact)}
    meant = _artifacts(connection, ends)
    seen = [
        Seen(number=number, fact=ends[number], artifact=row.id, version=row.version, module=(row.group, row.name))
        for number, (row, *others) in meant.items()
        if not others
    ]
    insert_external(connection, seen, now)
    others = {number: fact for number, fact in facts if number not in ends and isinstance(fact, AboutDeployment)}
    located = locate(connection, list(others.values()))
    journal = Journal(now)
    matched: set[int] = set()
    several = {number: sorted(map(_module, rows)) for number, rows in meant.items() if len(rows) > 1}
    several |= {number: modules for number, fact in others.items() if (modules := located.modules(fact))}
    for number, fact in others.items():
        known = located.of(fact)
        if known is not None:
            matched.add(number)
            version = known.release.artifact.version
            lane = {"service": known.service, "environment": known.environment}
            journal.note("fact.matched", **lane, deployment=known.id, version=version, fact=number)
    journal.write(connection)
    return Settled(
        taken=matched | {one.number for one in seen},
        matched=matched,
        several=several,
        located=located,
        services={str(one.fact.service) for one in seen},
    )


def historical_why(fact: AboutDeployment) -> str:
    """Why a historical fact has no deployment."""
    lane = f"{fact.service} {fact.version} in {fact.environment}"
    if not names_lane(fact):
        return "historical, and names a deployment by its number or command: name service, environment and version"
    if isinstance(fact, DeploymentFinished):
        return f"historical: no artifact {fact.version} of {fact.artifact or fact.service} is known: import it"
    return f"historical: no imported deployment of {lane}"


def _artifacts(connection: sa.Connection, ends: Mapping[int, DeploymentFinished]) -> dict[int, list[Any]]:
    """By historical end, the artifacts that it can mean: of its version, and of its module where it names one, else of
    the modules that the service lists. Index: primary key of `catalog_listing`, `uq_artifact_module_key_version`."""
    if not ends:
        return {}
    columns = [deployment.c.service, deployment.c.version]
    given = bulk.table_of(connection, columns)
    statement = (
        sa.select(artifact.c.id, artifact.c.group, artifact.c.name, artifact.c.version, catalog_listing.c.service)
        .join(catalog_listing, catalog_listing.c.module_key == artifact.c.module_key)
        .join(given, sa.and_(given.c.service == catalog_listing.c.service, given.c.version == artifact.c.version))
    )
    wanted = sorted({(fact.service, fact.version) for fact in ends.values()}, key=str)
    rows = [{"service": service, "version": version} for service, version in wanted]
    found: dict[tuple[str | None, str | None], list[Any]] = defaultdict(list)
    for row in connection.execute(statement, bulk.parameter(connection, rows)):
        found[row.service, row.version].append(row)
    meant = {
        number: [row for row in found[fact.service, fact.version] if fact.artifact in (None, _module(row))]
        for number, fact in ends.items()
    }
    return {number: rows for number, rows in meant.items() if rows}


def _module(row: Any) -> str:  # noqa: ANN401  # a row of `artifact`
    return f"{row.group}:{row.name}"


def _row(one: Seen, now: datetime) -> dict[str, Any]:
    fields = external_fields(one.fact, now)
    at = fields["finished"]
    return {
        "service": one.fact.service,
        "environment": one.fact.environment,
        "artifact_id": one.artifact,
        "version": one.version,
        "kind": "external",
        "status": Status.COMPLETED if fields["outcome"] == "succeeded" else Status.FAILED,
        "trigger_reason": fields["trigger_reason"],
        "status_reason": fields["status_reason"],
        "created_at": now,
        "happened_at": at.time,
        "finished_at": at.time,
        "finished_source": at.source,
        "finished_event": at.id,
        "finished_url": fields["finished_url"],
        "finished_known_at": fields["finished_known_at"],
        "outcome": fields["outcome"],
        "failure": fields["failure"],
    }
