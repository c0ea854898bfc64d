"""Which artifacts are there."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.artifact import authors_of, module_key
from deploydb.store.columns import viewed
from deploydb.store.list_parameters import among
from deploydb.store.tables import artifact, attestation


class ArtifactView(Struct, frozen=True, kw_only=True):
    """A stored artifact. `created_at` is when we first heard of it."""

    id: int
    group: str
    name: str
    version: str
    url: str | None
    digest: str | None
    published_by: str
    created_at: datetime
    author: str | None = None
    triggered_by: str | None = None

    @property
    def authors(self) -> tuple[str, ...]:
        """As `authors_of`."""
        return authors_of(self.author, self.triggered_by, self.published_by)

    @property
    def module(self) -> str:
        """`group:name`."""
        return f"{self.group}:{self.name}"


class ReleaseView(ArtifactView, frozen=True, kw_only=True):
    """An artifact with all fields of its publication. `observed`: it was only seen running, and never published;
    `historical`: each publication was.

    `conflict`: which other publication contradicts it.
    """

    commit: str | None
    purl: str | None
    published_at: datetime
    source: str
    observed: bool
    historical: bool
    conflict: str | None


class AttestationView(Struct, frozen=True, kw_only=True):
    """Somebody vouches for a file with this digest."""

    digest: str
    signer: str
    kind: str
    url: str | None
    time: datetime


MODULE = artifact.c.group + ":" + artifact.c.name
"""`group:name`."""
_VIEWED = viewed(ArtifactView, artifact)
_BY_IDS = sa.select(*_VIEWED).where(among(artifact.c.id, "idents"))
_NEWEST_FIRST = (artifact.c.published_at.desc(), artifact.c.id.desc())


def artifact_by_id(connection: sa.Connection, ident: int) -> ArtifactView | None:
    """One artifact. Index: primary key."""
    return artifacts_by_id(connection, [ident]).get(ident)


def release_by_id(connection: sa.Connection, ident: int) -> ReleaseView | None:
    """One artifact, with its publication. Index: primary key."""
    row = connection.execute(sa.select(*viewed(ReleaseView, artifact)).where(artifact.c.id == ident)).one_or_none()
    return ReleaseView(**row._mapping) if row is not None else None


def release_of_version(connection: sa.Connection, group: str, name: str, version: str) -> ReleaseView | None:
    """A version of a module, with its publication. Index: `uq_artifact_module_key_version`."""
    mine = sa.select(*viewed(ReleaseView, artifact)).where(
        artifact.c.module_key == module_key(group, name), artifact.c.version == version
    )
    row = connection.execute(mine).one_or_none()
    return ReleaseView(**row._mapping) if row is not None else None


def artifact_of_version(connection: sa.Connection, group: str, name: str, version: str) -> ArtifactView | None:
    """A version of a module. Index: `uq_artifact_module_key_version`."""
    mine = sa.select(*_VIEWED).where(artifact.c.module_key == module_key(group, name), artifact.c.version == version)
    row = connection.execute(mine).one_or_none()
    return ArtifactView(**row._mapping) if row is not None else None


def artifacts_by_id(connection: sa.Connection, idents: Collection[int]) -> dict[int, ArtifactView]:
    """Several artifacts, by their ids. Index: primary key."""
    found = connection.execute(_BY_IDS, {"idents": sorted(idents)})
    return {row.id: ArtifactView(**row._mapping) for row in found}


def attestations_of(connection: sa.Connection, group: str, name: str, version: str) -> list[AttestationView]:
    """Of a version, the last one of each signer, digest and kind, oldest first. Index: primary key."""
    mine = (attestation.c.module_key == module_key(group, name), attestation.c.version == version)
    statement = sa.select(*viewed(AttestationView, attestation)).where(*mine)
    found = connection.execute(statement.order_by(attestation.c.time, attestation.c.signer, attestation.c.kind))
    return [AttestationView(**row._mapping) for row in found]


def artifacts_of_module(
    connection: sa.Connection, group: str, name: str, *, offset: int, limit: int
) -> list[ArtifactView]:
    """A module's versions, the last published first; also those that were only seen running somewhere.

    Index: `ix_artifact_module`; a far page costs its distance.
    """
    mine = sa.select(*_VIEWED).where(artifact.c.module_key == module_key(group, name))
    found = connection.execute(mine.order_by(*_NEWEST_FIRST).offset(offset).limit(limit))
    return [ArtifactView(**row._mapping) for row in found]


def artifacts_around(connection: sa.Connection, view: ReleaseView, *, most: int) -> list[ArtifactView]:
    """A version and as many of its module on each side, the last published first. Index: `ix_artifact_module`."""
    mine = sa.select(*_VIEWED).where(artifact.c.module_key == module_key(view.group, view.name))
    same = artifact.c.published_at == view.published_at
    later = sa.or_(artifact.c.published_at > view.published_at, sa.and_(same, artifact.c.id > view.id))
    nearest = mine.where(later).order_by(artifact.c.published_at, artifact.c.id).limit(most)
    others = mine.where(sa.not_(later)).order_by(*_NEWEST_FIRST).limit(most + 1)
    rows = [*reversed(connection.execute(nearest).all()), *connection.execute(others)]
    return [ArtifactView(**row._mapping) for row in rows]


def count_of_module(connection: sa.Connection, group: str, name: str) -> int:
    """How many versions a module has. Index: `ix_artifact_module`."""
    mine = sa.select(sa.func.count()).where(artifact.c.module_key == module_key(group, name))
    return connection.execute(mine).scalar_one()


def artifacts_with(connection: sa.Connection, text: str, *, offset: int, limit: int) -> list[ArtifactView]:
    """Artifacts whose group, name or version contains a text, to the letter, in the order of their ids. Reads every
    artifact up to the page."""
    shorter = (
        sa.func.length(sa.func.replace(column, text, "")) < sa.func.length(column)
        for column in (artifact.c.group, artifact.c.name, artifact.c.version)
    )
    wanted = sa.select(*_VIEWED).where(sa.or_(*shorter)) if text else sa.select(*_VIEWED)
    found = connection.execute(wanted.order_by(artifact.c.id).offset(offset).limit(limit))
    return [ArtifactView(**row._mapping) for row in found]


def latest_of_module(connection: sa.Connection, group: str, name: str) -> ArtifactView | None:
    """The version of a module that was published last. Index: `ix_artifact_module`.

    Not one that was only seen running: its time is that of the sighting, and says nothing of how new it is.
    """
    mine = sa.select(*_VIEWED).where(artifact.c.module_key == module_key(group, name), sa.not_(artifact.c.observed))
    row = connection.execute(mine.order_by(*_NEWEST_FIRST).limit(1)).one_or_none()
    return ArtifactView(**row._mapping) if row is not None else None


def of_artifact() -> list[sa.Label[Any]]:
    """The artifact's columns for a statement about something else: what `artifact_of` reads."""
    return [column.label(f"artifact_{column.name}") for column in _VIEWED if column is not artifact.c.id]


def artifact_of(row: Any) -> ArtifactView:  # noqa: ANN401  # a row with `artifact_id` and the columns of `of_artifact`
    return ArtifactView(**{name: getattr(row, f"artifact_{name}") for name in ArtifactView.__struct_fields__})
