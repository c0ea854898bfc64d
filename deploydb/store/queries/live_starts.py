"""The deployments that went live just before and after a time."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.columns import viewed
from deploydb.store.tables import artifact, current_version, live_interval

_MOST_LANES = 100
"""Of a statement: SQLite takes up to 500 parts of a union."""


class LiveStartView(Struct, frozen=True):
    """A deployment that went live, by position."""

    service: str
    environment: str
    version: str
    since: datetime


def live_starts(
    connection: sa.Connection, at: datetime, service: str | None, environments: Sequence[str], *, most: int
) -> list[LiveStartView]:
    """The last `most` until a time, and the first `most` after it, oldest first: of a service or all, in some
    environments.

    Costs `most` of each lane of the service, or of each environment. Indexes: `ix_live_interval_lane`,
    `ix_live_interval_environment`.
    """
    lanes: list[dict[str, object]] = [{"environment": one} for one in environments]
    if service is not None:
        place = sa.select(*(current_version.c[name] for name in ("service", "environment", "module_key")))
        found = connection.execute(place.where(current_version.c.service == service)).mappings()
        lanes = [dict(one) for one in found if one["environment"] in environments]
    before, after = (_nearest(connection, lanes, at, most, is_after=is_after) for is_after in (False, True))
    return [*reversed(before), *after]


def _nearest(
    connection: sa.Connection, lanes: Sequence[dict[str, object]], at: datetime, most: int, *, is_after: bool
) -> list[LiveStartView]:
    """Of all lanes together those on one side of a time, the nearest first."""
    found: list[LiveStartView] = []
    for start in range(0, len(lanes), _MOST_LANES):
        some = lanes[start : start + _MOST_LANES]
        given = {f"{name}_{place}": value for place, lane in enumerate(some) for name, value in lane.items()}
        statement = _statement(tuple(some[0]), len(some), most, is_after=is_after)
        found += [LiveStartView(*row) for row in connection.execute(statement, {**given, "at": at}).all()]
    found.sort(key=lambda one: one.since, reverse=not is_after)
    return found[:most]


@cache
def _statement(names: Sequence[str], lanes: int, most: int, *, is_after: bool) -> sa.Select[Any]:
    """Built once for a number of lanes, which are given by these columns."""
    moment = sa.bindparam("at", type_=live_interval.c.live_at.type)
    side = live_interval.c.live_at > moment if is_after else live_interval.c.live_at <= moment
    order = live_interval.c.live_at if is_after else live_interval.c.live_at.desc()
    nearest = [
        sa.select(live_interval)
        .where(side, *(live_interval.c[name] == sa.bindparam(f"{name}_{place}") for name in names))
        .order_by(order)
        .limit(most)
        .subquery()
        for place in range(lanes)
    ]
    every = sa.union_all(*(sa.select(one) for one in nearest)).subquery()
    columns = viewed(LiveStartView, every, version=artifact.c.version, since=every.c.live_at)
    return sa.select(*columns).join(artifact, artifact.c.id == every.c.artifact_id)
