"""What has been added to the log since somebody looked, for whom follows it."""

from collections.abc import Collection

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.facts import fact_types, type_of
from deploydb.domain.model.reasons import Reason
from deploydb.store.columns import viewed
from deploydb.store.journal import EXPLANATIONS, is_own
from deploydb.store.list_parameters import among
from deploydb.store.reason_codec import ReasonJson
from deploydb.store.tables import event

SEEN_AGAIN = 2_000
"""Rows become visible out of the order of their numbers: so many below the highest one are looked through again."""
MOST = 1_000


def _having(field: str) -> sa.ColumnElement[bool]:
    """Whether the row's body has the field as a field of its own: decisions have, and facts of these types."""
    facts = [type_of(struct) for struct in fact_types() if field in struct.__struct_fields__]
    return sa.or_(is_own(), event.c.type.in_(facts))


class ChangeView(Struct, frozen=True, kw_only=True):
    """A row of the log in short."""

    number: int
    type: str
    time: str
    source: str
    service: str | None
    environment: str | None
    version: str | None
    reason: Reason | None
    who: str | None


def highest_number(connection: sa.Connection) -> int:
    """The number of the last row; 0 for an empty log. Index: primary key."""
    return int(connection.execute(sa.select(sa.func.max(event.c.number))).scalar() or 0)


def numbers_above(connection: sa.Connection, floor: int) -> list[int]:
    """The numbers above one, ascending, without those of explanations. Index: primary key."""
    wanted = sa.and_(event.c.number > floor, event.c.type != EXPLANATIONS)
    statement = sa.select(event.c.number).where(wanted).order_by(event.c.number)
    return list(connection.execute(statement.limit(SEEN_AGAIN + MOST)).scalars())


def changes(connection: sa.Connection, numbers: Collection[int]) -> list[ChangeView]:
    """These rows, ascending. Index: primary key."""
    body = event.c.body
    version = sa.case((_having("version"), body["version"].as_string()), else_=body["artifact"]["version"].as_string())
    reason = sa.type_coerce(sa.case((_having("reason"), body["reason"])), ReasonJson)
    columns = viewed(ChangeView, event, version=sa.cast(version, sa.Text), reason=reason)
    statement = sa.select(*columns).where(among(event.c.number, sorted(numbers))).order_by(event.c.number)
    return [ChangeView(**{**row._mapping, "time": row.time.isoformat()}) for row in connection.execute(statement)]
