"""The files that a version was published with, and people's acceptances of one of them."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.artifact import module_key
from deploydb.domain.model.facts import ArtifactAccepted, type_of
from deploydb.domain.model.publications import Acceptance, Publication, standing
from deploydb.store.journal import fact_text
from deploydb.store.list_parameters import among, among_rows
from deploydb.store.projections.publications import words_of
from deploydb.store.tables import artifact, event, publication
from deploydb.store.tables.deployments import is_rare
from deploydb.wire.native import decode_logged


class AcceptanceView(Struct, frozen=True, kw_only=True):
    """A person's acceptance."""

    by: str
    at: datetime
    reason: str


def words_on_version(
    connection: sa.Connection, group: str, name: str, version: str
) -> list[Publication | Acceptance] | None:
    """What adds up to a version of a module; None for an unknown one. Index: `uq_artifact_module_key_version`."""
    mine = sa.select(artifact).where(artifact.c.module_key == module_key(group, name), artifact.c.version == version)
    row = connection.execute(mine).one_or_none()
    if row is None:
        return None
    others = sa.select(publication).where(publication.c.artifact_id == row.id)
    return words_of(row, connection.execute(others).all())


def acceptances(connection: sa.Connection, artifacts: Collection[int]) -> dict[int, AcceptanceView]:
    """By artifact, the acceptance of its file. Indexes: primary keys."""
    reason = event.c.body["reason"].as_string().label("reason")
    statement = (
        sa.select(artifact.c.id, event.c.who, event.c.recorded_at, reason)
        .join(event, event.c.number == artifact.c.accepted)
        .where(among(artifact.c.id, sorted(artifacts)))
    )
    return {
        row.id: AcceptanceView(by=row.who, at=row.recorded_at, reason=row.reason)
        for row in connection.execute(statement)
    }


def files_then(connection: sa.Connection, artifacts: Collection[int], at: datetime) -> dict[int, Publication]:
    """The publications that stood at a time, of the artifacts of which another one has been accepted since.

    Costs the log's acceptances. Indexes: primary keys, `uq_event_source_id`, `ix_event_rare`.
    """
    later = sa.select(event.c.number).where(event.c.number == artifact.c.accepted, event.c.recorded_at > at).exists()
    changed = sa.select(artifact).where(among(artifact.c.id, sorted(artifacts)), later)
    rows = {row.id: row for row in connection.execute(changed)}
    if not rows:
        return {}
    others = defaultdict(list)
    for row in connection.execute(sa.select(publication).where(among(publication.c.artifact_id, sorted(rows)))):
        others[row.artifact_id].append(row)
    published = {
        id_: {one.fact: one for one in words_of(row, others[id_]) if isinstance(one, Publication)}
        for id_, row in rows.items()
    }
    keys = sorted({fact for facts in published.values() for fact in facts})
    numbered = sa.select(event.c.number, event.c.source, event.c.id).where(
        among_rows((event.c.source, event.c.id), keys), event.c.recorded_at <= at
    )
    numbers = {(row.source, row.id): row.number for row in connection.execute(numbered)}
    accepted = _acceptances_until(connection, at)
    found = {}
    for id_, facts in published.items():
        words: dict[int, Publication | Acceptance] = {
            numbers[fact]: one for fact, one in facts.items() if fact in numbers
        }
        if words:
            words |= {one.event: one for one in accepted if one.key == next(iter(facts.values())).key}
            found[id_] = standing(words[number] for number in sorted(words)).first
    return found


def _acceptances_until(connection: sa.Connection, at: datetime) -> list[Acceptance]:
    statement = sa.select(event.c.number, event.c.time, fact_text()).where(
        is_rare, event.c.type == type_of(ArtifactAccepted), event.c.recorded_at <= at
    )
    rows = connection.execute(statement).all()
    decoded = ((row.number, decode_logged(row.body.encode(), arrived_at=row.time)) for row in rows)
    return [Acceptance.of(fact, number) for number, fact in decoded if isinstance(fact, ArtifactAccepted)]
