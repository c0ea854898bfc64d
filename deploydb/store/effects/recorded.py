"""A fact as the log has it, and whether it is the latest word on its subject."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.formatting import instant
from deploydb.domain.model.facts import Fact
from deploydb.store.projections.latest import table_of

Outcome = tuple[bool | None, str | None]
"""Whether a fact counts, None while that is not decided; and why not, or what is waited for."""


class Recorded(Struct, frozen=True, kw_only=True):
    """A fact with its row in the log. `deployment_id`: the deployment that it was taken to be about."""

    number: int
    recorded_at: datetime
    publisher: str | None
    service: str | None
    environment: str | None
    deployment_id: int | None
    fact: Fact


def later_word(connection: sa.Connection, recorded: Recorded, **more: Any) -> str | None:  # noqa: ANN401
    """The word on the same subject that stands in place of the fact; None where the fact itself stands.

    `more`: columns that are not in the fact. Index: primary key of the fact's table.
    """
    table = table_of(recorded.fact)
    given = recorded.fact.values() | more
    key = [column == ("" if given[column.name] is None else given[column.name]) for column in table.primary_key]
    row = connection.execute(sa.select(table).where(*key)).one_or_none()
    if row is None or row.event == recorded.number:
        return None
    author = getattr(row, "by", None) or row.source
    return f"a later one stands, by {author} at {instant(row.time)}"
