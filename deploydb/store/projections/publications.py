"""Published artifacts: one row a version, by its publications and acceptances."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec.structs import asdict

from deploydb.domain.model.artifact import Artifact, module_key
from deploydb.domain.model.deployment import FactOrder
from deploydb.domain.model.publications import Acceptance, Key, Publication, standing
from deploydb.store import bulk
from deploydb.store.list_parameters import among
from deploydb.store.tables import artifact, publication

_KEY = ("group", "name", "version")
_COPIED = ("url", "digest", "commit", "purl", "author", "triggered_by")


def publish(connection: sa.Connection, words: Iterable[Publication | Acceptance], now: datetime) -> dict[Key, int]:
    """Store the publications and acceptances, in the order in which they were recorded, and give each version's row id
    by its key. Harmless to repeat. An acceptance of a version that is not known is none.

    A new version, the common case, costs one statement a batch.
    """
    first: dict[Key, Publication] = {}
    batch = [(item.key, item) for item in words]
    for key, item in batch:
        if isinstance(item, Publication):
            first.setdefault(key, item)
    fresh = [_row(first[key], now) for key in sorted(first)]
    known = {_key(row): row.id for row in bulk.insert_new(connection, artifact, fresh, returning=("id", *_KEY))}
    further: list[Publication | Acceptance] = []
    waiting = set(known)
    for key, item in batch:
        if key in waiting:
            if item is first[key]:
                waiting.remove(key)  # an acceptance before it is of a version that was not known
        else:
            further.append(item)
    return known | _add(connection, further) if further else known


def _add(connection: sa.Connection, further: Sequence[Publication | Acceptance]) -> dict[Key, int]:
    """Weigh publications and acceptances of versions that exist against what is known of them."""
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
    beside: dict[int, list[Any]] = {row.id: [] for row in found.values()}
    others = sa.select(publication).where(among(publication.c.artifact_id, sorted(beside)))
    for row in connection.execute(others):
        beside[row.artifact_id].append(row)
    words = {row.id: words_of(row, beside[row.id]) for row in found.values()}
    for item in further:
        if item.key in found:
            words[found[item.key].id].append(item)
    for row in found.values():
        _settle(connection, row, words[row.id])
    return {key: row.id for key, row in found.items()}


def words_of(row: Any, others: Sequence[Any]) -> list[Publication | Acceptance]:  # noqa: ANN401  # rows
    """What adds up to a row of `artifact`. `others`: its rows of `publication`."""
    words: list[Publication | Acceptance] = [_publication(row, row, observed=row.observed)]
    if row.accepted is not None:
        words += (_publication(one, row) for one in others if one.settled)
        words.append(Acceptance(key=_key(row), digest=row.digest, event=row.accepted))
    return words + [_publication(one, row) for one in others if not one.settled]


def _settle(connection: sa.Connection, row: Any, words: Sequence[Publication | Acceptance]) -> None:  # noqa: ANN401
    """Make the publication that stands the artifact of the row, keep the others, and say if two of them contradict."""
    # which of several earlier ones were historical is not kept: all of them, or not all
    settled = standing(words)
    first = settled.first
    values = {column: getattr(first.artifact, column) for column in _COPIED}
    connection.execute(
        sa.update(artifact)
        .where(artifact.c.id == row.id)
        .values(
            **values,
            published_at=first.at.time,
            published_by=first.by,
            source=first.at.source,
            event_id=first.at.id,
            observed=first.observed,
            historical=settled.historical,
            conflict=settled.conflict,
            accepted=settled.accepted,
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
            "settled": one.fact in settled.settled,
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
        **asdict(item.artifact),
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
