"""Which artifacts are there."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.publications import module_key
from deploydb.store.tables import artifact


class ArtifactView(Struct, frozen=True, kw_only=True):
    """A stored artifact."""

    id: int
    group: str
    name: str
    version: str
    url: str | None
    created_at: datetime


_VIEWED = (
    artifact.c.id,
    artifact.c.group,
    artifact.c.name,
    artifact.c.version,
    artifact.c.url,
    artifact.c.created_at,
)


def artifact_by_id(connection: sa.Connection, ident: int) -> ArtifactView | None:
    """One artifact. Index: primary key."""
    return artifacts_by_id(connection, [ident]).get(ident)


def artifacts_by_id(connection: sa.Connection, idents: Collection[int]) -> dict[int, ArtifactView]:
    """Several artifacts by their ids. Index: primary key."""
    found = connection.execute(sa.select(*_VIEWED).where(artifact.c.id.in_(idents)))
    return {row.id: _view(row) for row in found}


def artifacts_of_module(
    connection: sa.Connection, group: str, name: str, *, offset: int, limit: int
) -> list[ArtifactView]:
    """A module's published versions, newest first. Index: `ix_artifact_module`."""
    statement = (
        sa.select(*_VIEWED)
        .where(artifact.c.module_key == module_key(group, name))
        .order_by(artifact.c.published_at.desc(), artifact.c.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [_view(row) for row in connection.execute(statement)]


def _view(row: Any) -> ArtifactView:  # noqa: ANN401  # a row of `_VIEWED`
    return ArtifactView(**row._mapping)
