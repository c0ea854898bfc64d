"""What a database lets our role do, and what time it has."""

from datetime import UTC, datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.tables import metadata


class Privileges(Struct, frozen=True, kw_only=True):
    """The tables that the role may not read, and those that it may not write to."""

    role: str
    unreadable: list[str]
    unwritable: list[str]


def rights(connection: sa.Connection) -> Privileges:
    """What this connection's role may do with our tables. SQLite has no roles: there, its file says it."""
    names = sorted(metadata.tables)
    if connection.dialect.name != "postgresql":
        return Privileges(role="", unreadable=[], unwritable=[])
    role: str = connection.execute(sa.select(sa.func.current_user())).scalar_one()

    def lacks(*wanted: str) -> list[str]:
        may = sa.select(*(sa.and_(*(sa.func.has_table_privilege(name, each) for each in wanted)) for name in names))
        return [name for name, allowed in zip(names, connection.execute(may).one(), strict=True) if not allowed]

    return Privileges(role=role, unreadable=lacks("SELECT"), unwritable=lacks("INSERT", "UPDATE"))


def time_there(connection: sa.Connection) -> datetime:
    """The database's clock, now."""
    if connection.dialect.name == "postgresql":
        moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)
    text: str = connection.execute(sa.select(sa.func.strftime("%Y-%m-%dT%H:%M:%f", "now"))).scalar_one()
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
