"""The names of environments as the database has them, remembered by each process.

A process reads them again when it finds that they have changed: each writing transaction sees their number in the row
of `revision` that it writes last of all. So without a rename nothing is read.
"""

from collections.abc import Iterable
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.environment_names import EnvironmentNames, Renamed
from deploydb.domain.model.facts import Fact
from deploydb.store import bulk
from deploydb.store.engine import Contention
from deploydb.store.journal import fact_text, is_own
from deploydb.store.tables import environment_name, event, revision
from deploydb.store.tables.deployments import is_rare

CHANGED = "configuration.changed"
NUMBER = sa.select(sa.func.coalesce(sa.func.max(revision.c.names), 0)).scalar_subquery()
"""How often the names have changed; a handful of rows."""
_NONE = EnvironmentNames()
_USED = "environment_names"
"""Of a connection: its transaction, and the names that this works with. Another thread may have others."""
_known: WeakKeyDictionary[sa.Pool, EnvironmentNames] = WeakKeyDictionary()
"""By the pool of connections of a database."""


def names_of(source: sa.Connection | sa.Engine) -> EnvironmentNames:
    """The names that are remembered; within a transaction the same ones until its end."""
    remembered = _known.get(source.engine.pool, _NONE)
    transaction = source.get_transaction() if isinstance(source, sa.Connection) else None
    if not isinstance(source, sa.Connection) or transaction is None:
        return remembered
    within, names = source.info.get(_USED, (None, _NONE))
    if within is transaction:
        return names if isinstance(names, EnvironmentNames) else _NONE
    source.info[_USED] = (transaction, remembered)
    return remembered


def latest_names(connection: sa.Connection) -> EnvironmentNames:
    """The names as they are now, for who has not looked at the state's revision."""
    return refresh_names(connection, connection.execute(sa.select(NUMBER)).scalar_one())


def refresh_names(connection: sa.Connection, number: int) -> EnvironmentNames:
    """The names after so many changes, read again where others are remembered."""
    remembered = _known.get(connection.engine.pool, _NONE)
    if remembered.number == number:
        return remembered
    found = _known[connection.engine.pool] = read_names(connection)
    return found


def require_names(connection: sa.Connection, number: int) -> None:
    """Return where the names after so many changes are those that the transaction has worked with.

    Raises: Contention, to do it again with those of now.
    """
    if names_of(connection).number != number:
        refresh_names(connection, number)
        raise Contention("the names of environments have changed")


def read_names(connection: sa.Connection) -> EnvironmentNames:
    """The names as they are stored. A row for each that an environment had."""
    number = connection.execute(sa.select(NUMBER)).scalar_one()
    rows = connection.execute(sa.select(environment_name)).all()
    return EnvironmentNames(
        current={row.name: row.environment for row in rows},
        taken={row.name: row.taken for row in rows if row.taken is not None},
        number=number,
    )


def write_names(connection: sa.Connection, names: EnvironmentNames) -> None:
    """Store the names in the place of those that are stored."""
    connection.execute(sa.delete(environment_name))
    rows = [
        {"name": name, "environment": now, "taken": names.taken.get(name)}
        for name, now in sorted(names.current.items())
    ]
    bulk.insert_rows(connection, environment_name, rows)


class _ChangedBody(Struct, frozen=True, kw_only=True):
    renamed: Renamed | None = None


class NamesInLog:
    """What the environments that facts of the log name are called now."""

    def __init__(self, changes: Iterable[tuple[int, Renamed]]) -> None:
        self._changes = sorted(changes, key=lambda one: one[0])

    @classmethod
    def read(cls, connection: sa.Connection) -> "NamesInLog":
        """Costs the changes of the configuration. Index: `ix_event_rare`."""
        if not connection.execute(sa.select(NUMBER)).scalar_one():
            return cls(())
        changed = sa.select(event.c.number, fact_text()).where(
            is_own(), is_rare, event.c.type == sa.literal(CHANGED, literal_execute=True)
        )
        bodies = ((row.number, msgspec.json.decode(row.body, type=_ChangedBody)) for row in connection.execute(changed))
        return cls((number, body.renamed) for number, body in bodies if body.renamed is not None)

    def of(self, number: int, fact: Fact) -> Fact:
        """The fact of a row of the log, with the names of now."""
        return fact.renamed(lambda name: self._now(number, name)) if self._changes else fact

    def _now(self, number: int, name: str) -> str:
        heard = [one for at, one in self._changes if at < number]
        name = heard[-1].current.get(name, name) if heard else name
        for at, one in self._changes:
            name = one.now(name) if at > number else name
        return name
