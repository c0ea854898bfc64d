"""Published artifacts: one row a version, whatever the order in which its publications come.

The earliest publication by (`time`, `source`, `id`) is what the artifact is. Others are kept beside it, so that a fact
that comes late but happened first takes its place, and so that contradictions are found whatever came in between.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.artifact import Artifact, contradicts, module_key
from deploydb.domain.model.deployment import FactOrder, fact_order
from deploydb.domain.model.facts import ArtifactPublished, DeploymentObserved
from deploydb.store import bulk
from deploydb.store.list_parameters import among
from deploydb.store.tables import artifact, publication

_COPIED = ("url", "digest", "commit", "purl")


class Publication(Struct, frozen=True, kw_only=True):
    """One word about a version: a publication, or (`observed`) only a sighting of it running somewhere.

    `key`, module key and version, is what makes it the same artifact as another.
    """

    key: tuple[str, str]
    artifact: Artifact
    by: str
    at: FactOrder
    observed: bool = False

    @classmethod
    def of(cls, fact: ArtifactPublished | DeploymentObserved, publisher: str | None) -> "Publication":
        file = fact.artifact
        return cls(
            key=(module_key(file.group, file.name), file.version),
            artifact=file,
            by=publisher or fact.source,
            at=fact_order(fact),
            observed=isinstance(fact, DeploymentObserved),
        )


def publish(
    connection: sa.Connection, publications: Sequence[Publication], now: datetime
) -> dict[tuple[str, str], int]:
    """Store the publications, and give each version's row id by its key. Harmless to repeat.

    A new version, the common case, costs one statement a batch.
    """
    known: dict[tuple[str, str], int] = {}
    first: dict[tuple[str, str], Publication] = {}
    further: list[Publication] = []
    for item in publications:
        if first.setdefault(item.key, item) is not item:
            further.append(item)
    fresh = [_row(first[key], now) for key in sorted(first)]
    if not fresh:
        return known
    for row in bulk.insert_new(connection, artifact, fresh, returning=("id", "module_key", "version")):
        known[row.module_key, row.version] = row.id
    further += [first[key] for key in sorted(first) if key not in known]
    if further:
        known |= _add(connection, further)
    return known


def _add(connection: sa.Connection, further: Sequence[Publication]) -> dict[tuple[str, str], int]:
    """Weigh publications of versions that exist against what is known of them."""
    wanted = [{"module_key": key, "version": version} for key, version in sorted({item.key for item in further})]
    given = bulk.table_of(connection, [artifact.c.module_key, artifact.c.version])
    statement = (
        sa.select(artifact)
        .join(given, sa.and_(artifact.c.module_key == given.c.module_key, artifact.c.version == given.c.version))
        .order_by(artifact.c.id)
        .with_for_update(of=artifact)
    )
    found = {
        (row.module_key, row.version): row for row in connection.execute(statement, bulk.parameter(connection, wanted))
    }
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
    """Make the earliest publication the artifact, keep the others, and say if two of them contradict."""
    stands = _publication(row, row, observed=row.observed)
    by_fact = {(item.at.source, item.at.id): item for item in (*others, stands)}
    ordered = sorted(by_fact.values(), key=lambda one: (one.observed, one.at))
    earliest, later = ordered[0], ordered[1:]
    values = {column: getattr(earliest.artifact, column) for column in _COPIED}
    connection.execute(
        sa.update(artifact)
        .where(artifact.c.id == row.id)
        .values(
            **values,
            published_at=earliest.at.time,
            published_by=earliest.by,
            source=earliest.at.source,
            event_id=earliest.at.id,
            observed=earliest.observed,
            conflict=_conflict([item for item in ordered if not item.observed]),
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
        for one in later
        if not one.observed
    ]
    bulk.insert_rows(connection, publication, kept)


def _conflict(ordered: Sequence[Publication]) -> str | None:
    """Which later publication says something else than an earlier one, in words."""
    for index, later in enumerate(ordered):
        for earlier in ordered[:index]:
            if contradicts(earlier.artifact, later.artifact):
                what = "digest" if earlier.artifact.digest and later.artifact.digest else "url"
                mine, other = getattr(later.artifact, what), getattr(earlier.artifact, what)
                return (
                    f"{later.at.source}/{later.at.id} published it with {what} {mine}, {earlier.at.source} with {other}"
                )
    return None


def _row(item: Publication, now: datetime) -> dict[str, Any]:
    return {
        "module_key": item.key[0],
        "version": item.artifact.version,
        "group": item.artifact.group,
        "name": item.artifact.name,
        **{column: getattr(item.artifact, column) for column in _COPIED},
        "published_at": item.at.time,
        "published_by": item.by,
        "source": item.at.source,
        "event_id": item.at.id,
        "observed": item.observed,
        "created_at": now,
    }


def _publication(row: Any, of: Any, *, observed: bool = False) -> Publication:  # noqa: ANN401
    """The publication of a row of `publication`, or of `artifact`, `of` an artifact's row."""
    copied = {column: getattr(row, column) for column in _COPIED}
    return Publication(
        key=(of.module_key, of.version),
        artifact=Artifact(group=of.group, name=of.name, version=of.version, **copied),
        by=row.published_by,
        at=FactOrder(row.published_at, row.source, row.event_id),
        observed=observed,
    )
