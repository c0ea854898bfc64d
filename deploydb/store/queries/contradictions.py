"""Versions of which two publications have different files."""

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.columns import viewed
from deploydb.store.queries.artifacts import MODULE
from deploydb.store.tables import artifact, publication


class ContradictionView(Struct, frozen=True, kw_only=True):
    """A version with two files; `conflict`: who published which."""

    module: str
    version: str
    conflict: str


def contradictions(connection: sa.Connection, *, limit: int) -> list[ContradictionView]:
    """The last versions with two files. Costs the versions that were published more than once. Indexes: primary keys
    of `publication` and `artifact`."""
    again = sa.select(publication.c.artifact_id).distinct().subquery("again")
    statement = (
        sa.select(*viewed(ContradictionView, artifact, module=MODULE))
        .join(again, again.c.artifact_id == artifact.c.id)
        .where(artifact.c.conflict.is_not(None))
        .order_by(artifact.c.id.desc())
        .limit(limit)
    )
    return [ContradictionView(**row._mapping) for row in connection.execute(statement)]
