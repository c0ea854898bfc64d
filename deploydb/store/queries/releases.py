"""What is known of a published file."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.tables import artifact


class ReleaseView(Struct, frozen=True, kw_only=True):
    """An artifact with all fields of its publication. `observed`: it was only seen running, and never published.

    `conflict`: which other publication contradicts it.
    """

    id: int
    group: str
    name: str
    version: str
    url: str | None
    digest: str | None
    commit: str | None
    purl: str | None
    published_at: datetime
    published_by: str
    source: str
    observed: bool
    conflict: str | None
    created_at: datetime

    @property
    def module(self) -> str:
        """`group:name`."""
        return f"{self.group}:{self.name}"


def release_by_id(connection: sa.Connection, ident: int) -> ReleaseView | None:
    """One artifact. Index: primary key."""
    columns = [artifact.c[name] for name in ReleaseView.__struct_fields__]
    row = connection.execute(sa.select(*columns).where(artifact.c.id == ident)).one_or_none()
    return ReleaseView(**row._mapping) if row is not None else None
