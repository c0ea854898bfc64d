"""The effect of a fact, by its source and id."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model import facts
from deploydb.domain.model.catalog import Catalog
from deploydb.store.effects import holds, orders, reports
from deploydb.store.effects.recorded import Outcome, Recorded
from deploydb.store.environment_names import NamesInLog
from deploydb.store.journal import fact_text
from deploydb.store.queries.artifacts import artifact_of_version
from deploydb.store.set_aside import set_aside_of
from deploydb.store.tables import evaluation_request, event
from deploydb.wire.native import decode_logged


class Effect(Struct, frozen=True, kw_only=True):
    """`recorded`: None while the log does not have the fact. `counts`: None while it is not decided, with the reason;
    else whether it changes something, or would once its turn comes. `why`: the obstacle, or what is waited for."""

    recorded: Recorded | None = None
    counts: bool | None = None
    why: str | None = None


_FACT = sa.select(
    event.c.number,
    event.c.time,
    event.c.recorded_at,
    event.c.publisher,
    event.c.service,
    event.c.environment,
    event.c.deployment_id,
    fact_text(),
).where(event.c.source == sa.bindparam("source"), event.c.id == sa.bindparam("id"))


_NEVER_EVALUATED = (
    facts.AboutHold,
    facts.AboutIncident,
    facts.ArtifactAttested,
    facts.ArtifactAccepted,
    facts.EventUnused,
)


def effect_of(connection: sa.Connection, catalog: Catalog, source: str, id_: str, now: datetime) -> Effect:
    """The effect of a fact. Indexes: `uq_event_source`, and those of the queries on its subject; of the evaluation
    requests costs the backlog."""
    row = connection.execute(_FACT, {"source": source, "id": id_}).one_or_none()
    if row is None:
        return Effect()
    recorded = _recorded(connection, row)
    # read before the outcome: an evaluation that ends in between is in it
    awaited = _awaited_evaluation(connection, recorded)
    if awaited is not None:
        return Effect(recorded=recorded, why=awaited)
    counts, why = _outcome(connection, catalog, recorded, now)
    return Effect(recorded=recorded, counts=counts, why=why)


def is_evaluated(connection: sa.Connection, source: str, id_: str) -> bool:
    """Whether a fact is in the log, and promotion has evaluated what it concerns. Indexes: as `effect_of`."""
    row = connection.execute(_FACT, {"source": source, "id": id_}).one_or_none()
    return row is not None and _awaited_evaluation(connection, _recorded(connection, row)) is None


def _recorded(connection: sa.Connection, row: Any) -> Recorded:  # noqa: ANN401  # a row of `_FACT`
    fact = replace(decode_logged(row.body.encode(), arrived_at=row.recorded_at), time=row.time)
    fact = NamesInLog.read(connection).of(row.number, fact)
    given = {name: getattr(row, name) for name in Recorded.__struct_fields__ if name != "fact"}
    return Recorded(**given, fact=fact)


def _awaited_evaluation(connection: sa.Connection, recorded: Recorded) -> str | None:
    """Why the fact has not been evaluated yet; None where it has, or its effect needs no evaluation."""
    fact = recorded.fact
    if isinstance(fact, _NEVER_EVALUATED):
        return None
    subject = evaluation_request.c.service == recorded.service
    if isinstance(fact, facts.ArtifactPublished):
        file = fact.artifact
        stored = artifact_of_version(connection, file.group, file.name, file.version)
        if stored is None:
            return None
        subject = evaluation_request.c.artifact_id == stored.id
    elif recorded.service is None:
        return None
    if connection.execute(sa.select(evaluation_request.c.id).where(subject).limit(1)).first() is None:
        return None
    aside = set_aside_of(connection, [recorded.service]) if recorded.service is not None else {}
    return next((one.brief for one in aside.values()), "it is not evaluated yet")


def _outcome(connection: sa.Connection, catalog: Catalog, recorded: Recorded, now: datetime) -> Outcome:
    fact = recorded.fact
    match fact:
        case facts.AboutHold():
            return holds.outcome(connection, recorded, fact, now)
        case facts.AboutIncident():
            return holds.incident_outcome(connection, recorded, fact)
        case facts.PromotionRequested():
            return orders.promotion(connection, catalog, recorded, fact, now)
        case facts.HotfixDeclared():
            return orders.hotfix(connection, catalog, recorded, fact, now)
        case facts.RollbackRequested() | facts.RetryRequested():
            return orders.answer(connection, recorded)
        case facts.EventUnused():
            return False, fact.reason or f"{fact.kind} changes nothing"
        case facts.ArtifactPublished():
            return reports.publication(connection, catalog, fact)
        case facts.ArtifactAccepted():
            return reports.acceptance(connection, fact)
        case facts.ArtifactAttested():
            return reports.attestation(connection, fact)
        case facts.AboutDeployment():
            return reports.outcome(connection, catalog, recorded, fact, now)
        case _:
            return True, None
