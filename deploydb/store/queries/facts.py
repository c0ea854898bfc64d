"""Facts, by their source and id."""

from typing import Any

import msgspec
import sqlalchemy as sa

from deploydb.store.journal import fact_text
from deploydb.store.tables import event

Body = dict[str, Any]


def body_of(connection: sa.Connection, source: str, ident: str) -> Body | None:
    """A fact as the log has it; None where it is not stored (yet). Index: `uq_event_source`."""
    row = connection.execute(sa.select(fact_text()).where(event.c.source == source, event.c.id == ident)).first()
    return msgspec.json.decode(row.body, type=Body) if row is not None else None
