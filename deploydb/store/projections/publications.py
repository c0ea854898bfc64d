"""Published artifacts: one row a version."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.artifact import Artifact, module_key
from deploydb.domain.model.deployment import FactOrder
from deploydb.domain.model.publications import Key, Publication, standing
from deploydb.store import bulk
from deploydb.store.list_parameters import among
from deploydb.store.tables import artifact, publication

_KEY = ("group", "name", "version")
_COPIED = ("url", "digest", "commit", "purl")


def publish(connection: sa.Connection, publications: Sequence[Publication], now: datetime) -> dict[Key, int]:
    """Store the publications, and give each version's row id by its key. Harmless to repeat.

    A new version, the common case, costs one statement a batch.
    """
    known: dict[Key, int] = {}
    first: dict[Key, Publication] = {}
    further: list[Publication] = []
    for item in publications:
        if first.setdefault(item.key, item) is not item:
            further.append(item)
    fresh = [_row(first[key], now) for key in sorted(first)]
    if not fresh:
        return known
    for row in bulk.insert_new(connection, artifact, fresh, returning=("id", *_KEY)):
        known[_key(row)] = row.id
    further += [first[key] for key in sorted(first) if key not in known]
    if further:
        known |= _add(connection, further)
    return known


def _add(connection: sa.Connection, further: Sequence[Publication]) -> dict[Key, int]:
    """Weigh publications of versions that exist against what is known of them."""
    keys = sorted({item.key for item in further})
    wanted = [{"module_key": module_key(group, name), "version": version} for group, name, version in keys]
    given = bulk.table_of(connection, [artifact.c.module_key, artifact.c.version])
    statement = (
        sa.select(artifact)
        .join(given, sa.and_(artifact.c.module_key == given.c.module_key, artifact.c.version == given.c.version))
        .order_by(artifact.c.id)
        .with_for_update(of=artifact)
    )
    found = {_key(row): row for row in connection.execute(statement, bulk.parameter(connection, wanted))}
    beside: dict[int, list[Publication]] = {}
    others = sa.select(publication).where(among(publication.c.artifact_id, [row.id for row in found.values()]))
    names = {row.id: row for row in found.values()}
    for row in connection.execute(others):
        beside.setdefault(row.artifact_id, []).append(_publication(row, names[row.artifact_id]))
    for item in further:
        beside.setdefault(found[item.key].id, []).append(item)
    for row in found.values():
        _settle(connection, row, beside[row.id])
    return {key: row.id for key, row in found.items()}


def _settle(connection: sa.Connection, row: Any, others: Sequence[Publication]) -> None:  # noqa: ANN401  # a row
    """Make the first publication the artifact, keep the others, and say if two of them contradict."""
    # which of several earlier ones were historical is not kept: all of them, or not all
    settled = standing([_publication(row, row, observed=row.observed), *others])
    first = settled.first
    values = {column: getattr(first.artifact, column) for column in _COPIED}
    connection.execute(
        sa.update(artifact)
        .where(artifact.c.id == row.id)
        .values(
            **values,
            published_at=settled.published_at,
            published_by=first.by,
            source=first.at.source,
            event_id=first.at.id,
            observed=first.observed,
            historical=settled.historical,
            conflict=settled.conflict,
        )
    )
    connection.execute(sa.delete(publication).where(publication.c.artifact_id == row.id))
    kept = [
        {
            "artifact_id": row.id,
            "source": one.at.source,
            "event_id": one.at.id,
            "published_at": one.at.time,
            "published_by": one.by,
            **{column: getattr(one.artifact, column) for column in _COPIED},
        }
        for one in settled.later
    ]
    bulk.insert_rows(connection, publication, kept)


def _key(row: Any) -> Key:  # noqa: ANN401  # a row of `artifact`
    return (row.group, row.name, row.version)


def _row(item: Publication, now: datetime) -> dict[str, Any]:
    return {
        "module_key": module_key(item.artifact.group, item.artifact.name),
        "version": item.artifact.version,
        "group": item.artifact.group,
        "name": item.artifact.name,
        **{column: getattr(item.artifact, column) for column in _COPIED},
        "published_at": item.at.time,
        "published_by": item.by,
        "source": item.at.source,
        "event_id": item.at.id,
        "observed": item.observed,
        "historical": item.historical,
        "created_at": now,
    }


def _publication(row: Any, of: Any, *, observed: bool = False) -> Publication:  # noqa: ANN401
    """The publication of a row of `publication`, or of `artifact`, `of` an artifact's row."""
    copied = {column: getattr(row, column) for column in _COPIED}
    return Publication(
        artifact=Artifact(group=of.group, name=of.name, version=of.version, **copied),
        by=row.published_by,
        at=FactOrder(row.published_at, row.source, row.event_id),
        observed=observed,
        historical=of.historical,
    )
