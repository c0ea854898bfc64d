"""Environments get other names: each row that has the old one, in one transaction.

Those who write at the same time wait at their row of `revision`, and do their work again with the new names; or they
were first, and what they wrote is renamed, too.
"""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.environment_names import Move, Renaming, renaming
from deploydb.store.environment_names import read_names, write_names
from deploydb.store.revision import advance_all
from deploydb.store.tables import (
    current_version,
    deployment,
    event,
    hold,
    hotfix,
    incident,
    live_interval,
    promotion_request,
    retry_request,
    rollback_request,
    unmatched_fact,
)

_LONG = {deployment: deployment.c.id, live_interval: live_interval.c.deployment_id, event: event.c.number}
"""The tables that grow with what happens, and the numbers by which they are gone through."""
_LANES = (current_version, hold, promotion_request, rollback_request, retry_request, incident)
_STAGES = (hotfix, promotion_request)
"""Those whose `skip` lists environments."""
_AT_ONCE = 20_000
"""Numbers of a long table that one statement looks at: none takes long, however long the table is."""


def planned(connection: sa.Connection, catalog: Catalog, before: Collection[str] | None) -> Renaming:
    """What a configuration renames when it comes into force. `before`: as for `renaming`."""

    def is_used(name: str) -> bool:
        found = sa.select(deployment.c.id).where(deployment.c.environment == name).limit(1)
        return connection.execute(found).first() is not None

    return renaming(read_names(connection), catalog, before, is_used)


def begin(connection: sa.Connection, plan: Renaming) -> None:
    """Have all other writers wait, or begin again. What they have written before is seen from then on."""
    advance_all(connection, plan.names.number)


def rename(connection: sa.Connection, plan: Renaming) -> None:
    """Write the names, and rename the rows. Costs the length of the log and the number of deployments."""
    write_names(connection, plan.names)
    for move in plan.moves:
        for table in _LANES:
            _update(connection, table, move)
        for table in _LONG:
            _update_long(connection, table, move)
        if move.unmatched:
            _update(connection, unmatched_fact, move)
    for table in _STAGES if plan.moves else ():
        _update_stages(connection, table, plan)


def _update(connection: sa.Connection, table: sa.Table, move: Move, *conditions: sa.ColumnElement[bool]) -> None:
    moved = sa.update(table).where(table.c.environment == move.old, *conditions)
    connection.execute(moved.values(environment=move.new))


def _update_long(connection: sa.Connection, table: sa.Table, move: Move) -> None:
    column = _LONG[table]
    waiting = sa.select(unmatched_fact.c.event).where(unmatched_fact.c.environment == move.old)
    kept = () if move.unmatched or table is not event else (event.c.number.not_in(waiting),)
    last = connection.execute(sa.select(sa.func.max(column))).scalar() or 0
    for first in range(0, last + 1, _AT_ONCE):
        _update(connection, table, move, column.between(first, first + _AT_ONCE - 1), *kept)


def _update_stages(connection: sa.Connection, table: sa.Table, plan: Renaming) -> None:
    key = tuple(table.primary_key.columns)
    for row in connection.execute(sa.select(*key, table.c.skip)).all():
        skip: list[Any] = [plan.renamed.now(name) for name in row.skip]
        if skip != list(row.skip):
            mine = (column == row._mapping[column] for column in key)
            connection.execute(sa.update(table).where(*mine).values(skip=skip))
