"""What a fact is about that names other events: those that it links to, and those of its chain.

Both workers that bring two such events in at one time wait for each other by their names: the second one sees the rows
of the first. A fact whose events have come, and whose deployment has not, is matched when promotion makes that.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.commands import NOTIFICATIONS
from deploydb.domain.model.facts import AboutDeployment, Fact, VerificationFinished
from deploydb.store import bulk
from deploydb.store.list_parameters import among
from deploydb.store.tables import artifact, correlation, deployment, evaluation_request, outbox, verdict
from deploydb.wire.native import decode_notification
from deploydb.wire.reading import chain_name, event_name

Lane = tuple[str | None, str | None, str | None]
Sought = tuple[tuple[str, ...], str | None, str | None]
"""What a fact is looked up by: the names that it seeks, its service, its environment. Its source and id may be those of
another publisher's fact, too."""
_LOCK, _LOCKS = 0x1B7E << 48, 4096
"""The advisory locks of names: so many numbers from here on, whatever a message names. No other lock is among them."""
_waits, _known = correlation.alias("waits"), correlation.alias("known")
SOME_WAIT = sa.exists().where(correlation.c.awaits)
"""Whether any fact waits for an event. Index: `ix_correlation_awaits`."""
_WAITING_FOR = (
    sa.select(_waits.c.event)
    .distinct()
    .join(_known, _known.c.name == _waits.c.name)
    .where(
        _waits.c.awaits,
        sa.not_(_known.c.awaits),
        sa.exists().where(
            among(deployment.c.service, "services"),
            sa.or_(deployment.c.id == _known.c.deployment_id, deployment.c.artifact_id == _known.c.artifact_id),
        ),
    )
)
_TAKE_LOCKS = sa.text("SELECT pg_advisory_xact_lock(number) FROM unnest(CAST(:numbers AS bigint[])) AS number")


class Named(Struct, frozen=True, kw_only=True):
    """The deployment that the events are about; or else the lane, and the module, of the only version that they are.

    `is_final`: each event that the fact links to is known.
    """

    deployment: int | None = None
    lane: Lane | None = None
    module: str | None = None
    is_final: bool = True


def names_sought(fact: Fact) -> tuple[str, ...]:
    """The names by which a fact means a deployment: links before its chain."""
    if not isinstance(fact, VerificationFinished):
        return ()
    links = tuple(map(event_name, dict.fromkeys(fact.links or ())))
    return (*links, chain_name(fact.chain)) if fact.chain is not None else links


def seeks(fact: Fact) -> bool:
    """Whether a fact names other events."""
    return isinstance(fact, VerificationFinished) and (bool(fact.links) or fact.chain is not None)


def sought(fact: AboutDeployment) -> Sought:
    """What the fact is looked up by, in what `named_by` finds."""
    return names_sought(fact), fact.service, fact.environment


def lock(connection: sa.Connection, names: Iterable[str]) -> None:
    """Wait for other transactions with one of the names, until this one ends, in the order of their numbers. SQLite has
    one writer at a time."""
    if connection.dialect.name == "postgresql":
        numbers = sorted({_LOCK + int.from_bytes(sha256(name.encode()).digest()[:6]) % _LOCKS for name in names})
        if numbers:
            connection.execute(_TAKE_LOCKS, {"numbers": numbers})


def named_by(connection: sa.Connection, facts: Sequence[AboutDeployment]) -> dict[Sought, Named]:
    """By what a fact seeks, the deployment that its links lead to, else its chain; no entry where they lead to none, or
    to several. An environment and a service that the fact names choose among those of a chain and of an artifact; then
    that which is asked for the fact's promotion.

    Indexes: primary keys of `correlation` and `deployment`, `ix_deployment_artifact`, `uq_deployment_command`,
    `uq_outbox_message_id`, `uq_verdict_deployment_id`.
    """
    if not facts:
        return {}
    wanted = sorted({name for fact in facts for name in names_sought(fact)})
    rows: dict[str, list[Any]] = defaultdict(list)
    statement = sa.select(correlation).where(among(correlation.c.name, wanted), sa.not_(correlation.c.awaits))
    for row in connection.execute(statement):
        rows[row.name].append(row)
    sent = _sent(connection, facts)
    deployments = _deployments(connection, rows, facts, sent.values())
    asked = _asked(connection, deployments, facts)
    found = {}
    for fact in facts:
        links = [row for name in names_sought(fact) if name.startswith("event ") for row in rows[name]]
        linked = {row.deployment_id for row in links} | _commanded(deployments, fact) | _notified(sent, fact)
        chain = chain_name(fact.chain) if isinstance(fact, VerificationFinished) and fact.chain is not None else None
        chained = rows[chain] if chain is not None else []
        named = (
            _one([one for one in deployments if one.id in linked])
            or _one_of(deployments, fact, links, asked)
            or _one_of(deployments, fact, chained, asked)
        )
        if named is not None:
            found[sought(fact)] = replace(named, is_final=_is_final(rows, sent, deployments, fact))
    return found


def note(
    connection: sa.Connection,
    named: Mapping[int, Collection[str]],
    artifacts: Mapping[int, int],
    deployments: Mapping[int, int],
    waiting: Mapping[int, Fact],
    now: datetime,
) -> None:
    """Keep the names of events, by their rows in the log, with the artifact or the deployment of each; and the facts
    that wait for one, and have the artifacts looked at again that they may be about."""
    rows = [
        _row(name, number, artifacts.get(number), deployments.get(number))
        for number, names in sorted(named.items())
        for name in names
        if number in artifacts or number in deployments
    ]
    awaited = [
        _row(name, number, awaits=True) for number, fact in sorted(waiting.items()) for name in names_sought(fact)
    ]
    bulk.insert_rows(connection, correlation, [*rows, *awaited])
    if awaited:
        names = sorted({row["name"] for row in awaited})
        known = sa.select(correlation.c.artifact_id).distinct()
        known = known.where(among(correlation.c.name, names), correlation.c.artifact_id.is_not(None))
        ids = sorted(connection.execute(known).scalars())
        requests = [{"artifact_id": id_, "service": None, "created_at": now} for id_ in ids]
        bulk.insert_rows(connection, evaluation_request, requests)


def waiting_for(connection: sa.Connection, services: Collection[str]) -> list[int]:
    """The rows in the log of the facts that wait for an event about a deployment of these services. Indexes:
    `ix_correlation_awaits`, primary keys of `correlation` and `deployment`, `ix_deployment_artifact`."""
    return sorted(connection.execute(_WAITING_FOR, {"services": sorted(services)}).scalars())


def forget(connection: sa.Connection, numbers: Collection[int]) -> None:
    """The facts wait no more. Index: foreign key of the names, by a scan of those that wait."""
    condition = sa.and_(correlation.c.awaits, among(correlation.c.event, sorted(numbers)))
    connection.execute(sa.delete(correlation).where(condition))


def _deployments(
    connection: sa.Connection,
    rows: Mapping[str, Sequence[Any]],
    facts: Sequence[AboutDeployment],
    sent: Iterable[int],
) -> Sequence[Any]:
    known = [row for found in rows.values() for row in found]
    ids = sorted({row.deployment_id for row in known if row.deployment_id is not None} | set(sent))
    artifacts = sorted({row.artifact_id for row in known if row.artifact_id is not None})
    commands = _links(facts)
    columns = (deployment.c[name] for name in ("id", "command", "artifact_id", "service", "environment", "version"))
    module = (artifact.c.group + ":" + artifact.c.name).label("module")
    statement = sa.select(*columns, module).join(artifact, artifact.c.id == deployment.c.artifact_id)
    parts = (
        (deployment.c.id, ids),
        (deployment.c.artifact_id, artifacts),
        (deployment.c.command, commands),
    )
    found: dict[int, Any] = {}
    for column, values in parts:
        if values:
            found |= {row.id: row for row in connection.execute(statement.where(among(column, values)))}
    return [found[id_] for id_ in sorted(found)]


def _links(facts: Iterable[AboutDeployment]) -> list[str]:
    return sorted({link for fact in facts if isinstance(fact, VerificationFinished) for link in fact.links or ()})


def _sent(connection: sa.Connection, facts: Sequence[AboutDeployment]) -> dict[str, int]:
    """By the id of a notification of ours that a fact links to, its deployment. Index: `uq_outbox_message_id`."""
    links = _links(facts)
    if not links:
        return {}
    statement = sa.select(outbox.c.message_id, outbox.c.body).where(
        among(outbox.c.message_id, links), outbox.c.exchange == NOTIFICATIONS
    )
    messages = {row.message_id: decode_notification(row.body.encode()) for row in connection.execute(statement)}
    return {id_: one.deployment for id_, one in messages.items() if one.deployment is not None}


def _notified(sent: Mapping[str, int], fact: AboutDeployment) -> set[int]:
    return {sent[link] for link in _links([fact]) if link in sent}


def _commanded(deployments: Sequence[Any], fact: AboutDeployment) -> set[int]:
    links = fact.links or () if isinstance(fact, VerificationFinished) else ()
    return {one.id for one in deployments if one.command is not None and one.command in links}


def _fits(one: Any, fact: AboutDeployment, rows: Sequence[Any]) -> bool:  # noqa: ANN401  # a row of `deployment`
    """Whether a deployment is one that the rows are about, in the environment and of the service that a fact names."""
    about = any(one.id == row.deployment_id or one.artifact_id == row.artifact_id for row in rows)
    return about and fact.environment in (None, one.environment) and fact.service in (None, one.service)


def _one_of(
    deployments: Sequence[Any], fact: AboutDeployment, rows: Sequence[Any], asked: Collection[tuple[int, str]]
) -> Named | None:
    """The only one that fits; else of those the only one that is asked for the fact's promotion."""
    found = [one for one in deployments if _fits(one, fact, rows)]
    promotion = fact.promotion if isinstance(fact, VerificationFinished) else ""
    return _one(found) or _one([one for one in found if (one.id, promotion) in asked])


def _asked(
    connection: sa.Connection, deployments: Sequence[Any], facts: Sequence[AboutDeployment]
) -> set[tuple[int, str]]:
    """Which of the deployments are asked for which of the facts' promotions."""
    promotions = sorted({fact.promotion for fact in facts if isinstance(fact, VerificationFinished)})
    if len(deployments) < 2 or not promotions:
        return set()
    statement = sa.select(verdict.c.deployment_id, verdict.c.promotion).where(
        among(verdict.c.deployment_id, sorted(one.id for one in deployments)), among(verdict.c.promotion, promotions)
    )
    return {(row.deployment_id, row.promotion) for row in connection.execute(statement)}


def _is_final(
    rows: Mapping[str, Sequence[Any]], sent: Mapping[str, int], deployments: Sequence[Any], fact: AboutDeployment
) -> bool:
    commands = {one.command for one in deployments}
    return all(rows.get(event_name(link)) or link in sent or link in commands for link in _links([fact]))


def _one(found: Sequence[Any]) -> Named | None:
    """The only deployment, or the only version in the only lane, of which there may be several attempts."""
    if len(found) == 1:
        return Named(deployment=found[0].id)
    lanes = {(one.service, one.environment, one.version, one.module) for one in found}
    if len(lanes) != 1:
        return None
    service, environment, version, module = lanes.pop()
    return Named(lane=(service, environment, version), module=module)


def _row(
    name: str, event: int, artifact_id: int | None = None, deployment_id: int | None = None, *, awaits: bool = False
) -> dict[str, Any]:
    return {
        "name": name,
        "event": event,
        "awaits": awaits,
        "artifact_id": artifact_id,
        "deployment_id": deployment_id,
    }
