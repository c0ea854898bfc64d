"""Which holds stand, or will."""

from datetime import datetime

import sqlalchemy as sa

from deploydb.domain.model.overrides import Hold
from deploydb.store.projections.overrides import hold_from_row, standing_at
from deploydb.store.tables import hold


def holds_at(connection: sa.Connection, now: datetime, service: str | None = None) -> list[Hold]:
    """The holds that stand at a time, by their keys; of a service also those that are over all services.

    Index: `ix_hold_standing`.
    """
    return [one for one in holds_from(connection, now, service) if one.stands(now)]


def holds_from(connection: sa.Connection, now: datetime, service: str | None = None) -> list[Hold]:
    """The holds that stand at a time, and those that begin later; as `holds_at`."""
    scope = [hold.c.service.in_(("", service))] if service is not None else []
    statement = sa.select(hold).where(standing_at(now, *scope))
    found = [hold_from_row(row) for row in connection.execute(statement)]
    return sorted(found, key=lambda one: one.key)
