"""Logged facts, folded into artifacts, deployments, verifications, approvals, overrides and evaluation requests.

The same functions serve ingest, and promotion where a fact came before the deployment that it names.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.artifact import module_key
from deploydb.domain.model.deployment import Deployment, merge
from deploydb.domain.model.facts import (
    AboutDeployment,
    AboutHold,
    AboutIncident,
    ArtifactAccepted,
    ArtifactPublished,
    DeploymentFinished,
    DeploymentObserved,
    DeploymentStarted,
    EventUnused,
    Fact,
    VerificationFinished,
    type_of,
)
from deploydb.domain.model.publications import Acceptance, Key, Publication
from deploydb.store import bulk, correlations
from deploydb.store.deployment_resolver import Located, names_commit, names_lane
from deploydb.store.deployments import reported, write
from deploydb.store.list_parameters import among
from deploydb.store.messages import fact_notifications, has_notification, report_notifications
from deploydb.store.outbox import add_notifications
from deploydb.store.projections.external import Seen, historical_why, insert_external, settle_historical
from deploydb.store.projections.incidents import settle_incidents
from deploydb.store.projections.latest import LatestFacts
from deploydb.store.projections.overrides import concerned, settle_holds
from deploydb.store.projections.publications import publish
from deploydb.store.tables import catalog_listing, evaluation_request, unmatched_fact

_LANE = ("service", "environment", "version", "module")


class Logged(Struct, frozen=True, kw_only=True):
    """A fact that has its row in the log, under `number`. `names`: what other events call it by."""

    number: int
    recorded_at: datetime
    fact: Fact
    publisher: str | None
    names: tuple[str, ...] = ()


Notified = Callable[[sa.Connection], Collection[str]]
"""The types of notifications to send; asked only where there may be one."""


def project(
    connection: sa.Connection, logged: Sequence[Logged], located: Located, now: datetime, notified: Notified
) -> int:
    """Fold the facts into the tables, and request evaluations. Returns how many facts found no deployment.

    Facts are merged in any order with the same end. A handful of statements, whatever the number of facts.
    """
    words: list[Publication | Acceptance] = []
    observed: list[tuple[int, DeploymentObserved, Publication]] = []
    kept = LatestFacts()
    merged: dict[int, Deployment] = {}
    services: set[str] = set()
    lost: list[dict[str, Any]] = []
    others: list[Fact] = []
    historical: list[Logged] = []
    for entry in logged:
        fact, about = entry.fact, {}
        match fact:
            case ArtifactPublished() | ArtifactAccepted():
                words.append(_word(entry, fact))
                continue
            case DeploymentObserved():
                observed.append((entry.number, fact, Publication.of(fact, entry.publisher)))
                services.add(fact.service)
                continue
            case EventUnused():
                continue
            case AboutDeployment(historical=True) if located.of(fact) is None:
                historical.append(entry)
                continue
            case AboutDeployment():
                found = located.of(fact)
                if found is None:
                    lost.append(_unmatched(entry.number, fact, located.modules(fact)))
                    if fact.service is not None and names_lane(fact) and not located.modules(fact):
                        services.add(fact.service)  # its deployment may be on its way in at this moment
                    continue
                services.add(found.service)
                if isinstance(fact, DeploymentStarted | DeploymentFinished):
                    # also a closed one: what finishes after it was ruled out does run there
                    located.deployments[found.id] = replace(merge(found, fact, now), needs_evaluation=True)
                    merged.setdefault(found.id, found)
                    continue
                about = {"deployment_id": found.id}
            case _:
                others.append(fact)
        kept.keep(fact, entry.number, recorded_at=entry.recorded_at, **about)
    artifacts = publish(connection, [*words, *(publication for _, _, publication in observed)], now)
    _write_reports(connection, merged, located, now, notified)
    seen = insert_external(connection, [_seen(*one, artifacts) for one in observed], now)
    unsettled, concerned_by = project_historical(connection, historical, now, notified)
    lost += unsettled
    services |= concerned_by
    bulk.insert_rows(connection, unmatched_fact, lost)
    kept.write(connection)
    services |= _settle(connection, others, now, notified)
    _correlate(connection, logged, located, artifacts, seen, now)
    _request(connection, artifacts, [one for one in words if isinstance(one, Publication)], services, now)
    return len(lost)


def _write_reports(
    connection: sa.Connection, merged: Mapping[int, Deployment], located: Located, now: datetime, notified: Notified
) -> None:
    """`merged`: the deployments that reports have changed, as they were."""
    write(connection, [reported(located.deployments[id_]) for id_ in merged])
    types = notified(connection) if merged else ()
    changed = sorted(merged.items())
    found = (
        one for id_, before in changed for one in report_notifications(before, located.deployments[id_], now, types)
    )
    add_notifications(connection, found, now)


def _correlate(
    connection: sa.Connection,
    logged: Sequence[Logged],
    located: Located,
    artifacts: Mapping[Key, int],
    seen: Mapping[int, int],
    now: datetime,
) -> None:
    """Keep what other events call these by. `seen`: the deployments that were observed."""
    published, reported, waiting = {}, dict(seen), {}
    named = [entry for entry in logged if entry.names or correlations.seeks(entry.fact)]
    for entry in named:
        match entry.fact:
            case ArtifactPublished() as fact:
                published[entry.number] = artifacts[_word(entry, fact).key]
            case AboutDeployment() as fact:
                found = located.of(fact)
                if found is not None:
                    reported[entry.number] = found.id
                elif correlations.seeks(fact):
                    waiting[entry.number] = fact
            case _:
                pass
    if named:
        names = {entry.number: entry.names for entry in named}
        correlations.note(connection, names, published, reported, waiting, now)


def _settle(connection: sa.Connection, facts: Sequence[Fact], now: datetime, notified: Notified) -> set[str]:
    """Fold holds and incidents, and tell people's orders. Returns the services that the facts concern."""
    words = [fact for fact in facts if has_notification(fact)]
    if words:
        add_notifications(connection, fact_notifications(words, now, notified(connection)), now)
    settle_holds(connection, [fact for fact in facts if isinstance(fact, AboutHold)])
    settle_incidents(connection, [fact for fact in facts if isinstance(fact, AboutIncident)])
    return concerned(connection, [fact for fact in facts if not getattr(fact, "historical", None)])


def _word(entry: Logged, fact: ArtifactPublished | ArtifactAccepted) -> Publication | Acceptance:
    if isinstance(fact, ArtifactAccepted):
        return Acceptance.of(fact, entry.number)
    return Publication.of(fact, entry.publisher)


def _seen(number: int, fact: DeploymentObserved, publication: Publication, artifacts: Mapping[Key, int]) -> Seen:
    return Seen(number=number, fact=fact, artifact=artifacts[publication.key], version=fact.artifact.version)


def _request(
    connection: sa.Connection,
    artifacts: Mapping[Key, int],
    published: Sequence[Publication],
    services: set[str],
    now: datetime,
) -> None:
    """Of an artifact that opens no flow, evaluate the services that list it: historical ends may wait for it."""
    opened = {publication.key for publication in published if not publication.historical}
    ids = sorted(artifacts[key] for key in opened)
    requests: list[dict[str, Any]] = [{"artifact_id": id_, "service": None, "created_at": now} for id_ in ids]
    marked = sorted(services | _listing(connection, artifacts.keys() - opened))
    requests += [{"artifact_id": None, "service": service, "created_at": now} for service in marked]
    bulk.insert_rows(connection, evaluation_request, requests)


def project_historical(
    connection: sa.Connection, historical: Sequence[Logged], now: datetime, notified: Notified
) -> tuple[list[dict[str, Any]], set[str]]:
    """Fold historical facts about deployments that were not commanded. Returns the rows of those without one, and the
    services to evaluate: with a new deployment, or with a fact that waits for one."""
    if not historical:
        return [], set()
    settled = settle_historical(connection, [(entry.number, entry.fact) for entry in historical], now)
    matched = [entry for entry in historical if entry.number in settled.matched]
    project(connection, matched, settled.located, now, notified)
    lost = [
        _unmatched(entry.number, entry.fact, settled.several.get(entry.number, ()))
        for entry in historical
        if entry.number not in settled.taken
    ]
    return lost, settled.services | {row["service"] for row in lost if row["service"] is not None}


def _listing(connection: sa.Connection, keys: Collection[Key]) -> set[str]:
    """The services that list the modules. Index: primary key of `catalog_listing`."""
    if not keys:
        return set()
    modules = sorted({module_key(group, name) for group, name, _ in keys})
    return set(
        connection.execute(
            sa.select(catalog_listing.c.service).where(among(catalog_listing.c.module_key, modules))
        ).scalars()
    )


def _unmatched(number: int, fact: Fact, several: Sequence[str] = ()) -> dict[str, Any]:
    """`several`: the modules that have the version there. Such a fact is not matched later: which it means is not known
    then, either."""
    if not isinstance(fact, AboutDeployment):
        raise TypeError(f"{type_of(fact)} is about no deployment")
    if several:
        named = f"{fact.version or fact.commit} in {fact.environment}"
        why = f"{' and '.join(several)} have {named}: name one of them as `artifact`"
    elif fact.historical:
        why = historical_why(fact)
    elif fact.deployment is not None:
        why = f"no deployment {fact.deployment}"
    elif fact.command is not None:
        why = f"no command {fact.command}"
    elif fact.version is None and fact.commit is not None and fact.service is not None:
        why = f"no release of {fact.service} in {fact.environment} has the commit {fact.commit}, or several have it"
    elif fact.service is None or fact.version is None:
        why = _unlinked(fact)
    else:
        why = f"no deployment of {fact.service} {fact.version} to {fact.environment}"
    lane = (fact.service, fact.environment, fact.version or fact.commit, fact.artifact)
    given = zip(_LANE, lane, strict=True) if names_lane(fact) and not several else dict.fromkeys(_LANE).items()
    awaits = "commit" if names_commit(fact) else "commanded"
    if fact.historical:
        awaits = "artifact" if isinstance(fact, DeploymentFinished) else "imported"
    return {"event": number, **dict(given), "awaits": awaits, "why": why}


def _unlinked(fact: AboutDeployment) -> str:
    """Why a fact that names no deployment itself has none."""
    links = fact.links or () if isinstance(fact, VerificationFinished) else ()
    chain = fact.chain if isinstance(fact, VerificationFinished) else None
    named = [*(f"the event {link}" for link in links[:3]), *([f"the chain {chain}"] if chain is not None else [])]
    if not named:
        return "names no deployment: link its event, or give `chainId` or `customData.deploydb`"
    where = f" in {fact.environment}" if fact.environment is not None else ""
    return f"{' and '.join(named)} lead{'s' if len(named) == 1 else ''} to no deployment{where}, or to several"
