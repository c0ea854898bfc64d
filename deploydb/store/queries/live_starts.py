"""The deployments that went live just before and after a time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.columns import viewed
from deploydb.store.tables import artifact, current_version, live_interval

_MOST_LANES = 100
"""Of a statement: SQLite takes up to 500 parts of a union."""
_SECOND, _INSTANT = timedelta(seconds=1), timedelta(microseconds=1)
_EARLIEST = datetime.min.replace(second=1, tzinfo=UTC)


class LiveStartView(Struct, frozen=True):
    """A deployment that went live, by position."""

    service: str
    environment: str
    version: str
    since: datetime


_ORDER = attrgetter("since", "service", "environment", "version")


def live_starts(
    connection: sa.Connection,
    at: datetime,
    known_at: datetime,
    services: Sequence[str] | None,
    environments: Sequence[str],
    *,
    most: int,
) -> list[LiveStartView]:
    """The last `most` until a time, and the first `most` after it, oldest first: of some services or all, in some
    environments, of those that were recorded by `known_at`. Where the last `most` went live in one second, there
    are `most` of the time before it, too.

    Costs `most` of each lane of the services, or of each environment. Indexes: `ix_live_interval_lane`,
    `ix_live_interval_environment`.
    """
    lanes: list[dict[str, object]] = [{"environment": one} for one in environments]
    if services is not None:
        place = sa.select(*(current_version.c[name] for name in ("service", "environment", "module_key")))
        found = connection.execute(place.where(current_version.c.service.in_(services))).mappings()
        lanes = [dict(one) for one in found if one["environment"] in environments]
    nearest = partial(_nearest, connection, lanes, known_at, most)
    before, after = nearest(at, is_after=False), nearest(at, is_after=True)
    if len(before) == most:
        earlier = (max(before[-1].since, _EARLIEST) - _INSTANT).replace(microsecond=0)
        if before[0].since <= earlier + _SECOND:
            before += nearest(earlier, is_after=False)
    return sorted([*before, *after], key=_ORDER)


def _nearest(
    connection: sa.Connection,
    lanes: Sequence[dict[str, object]],
    known_at: datetime,
    most: int,
    at: datetime,
    *,
    is_after: bool,
) -> list[LiveStartView]:
    """Of all lanes together those on one side of a time, the nearest first."""
    found: list[LiveStartView] = []
    for start in range(0, len(lanes), _MOST_LANES):
        some = lanes[start : start + _MOST_LANES]
        given = {f"{name}_{place}": value for place, lane in enumerate(some) for name, value in lane.items()}
        given |= {"at": at, "known_at": known_at}
        statement = _statement(tuple(some[0]), len(some), most, is_after=is_after)
        found += [LiveStartView(*row) for row in connection.execute(statement, given).all()]
    found.sort(key=_ORDER)
    found.sort(key=attrgetter("since"), reverse=not is_after)
    return found[:most]


@cache
def _statement(names: Sequence[str], lanes: int, most: int, *, is_after: bool) -> sa.Select[Any]:
    """Built once for a number of lanes, which are given by these columns."""
    live_at, known_at = live_interval.c.live_at, sa.bindparam("known_at", type_=live_interval.c.known_at.type)
    moment = sa.bindparam("at", type_=live_at.type)
    side = live_at > moment if is_after else live_at <= moment
    order = [live_interval.c[name] for name in ("service", "environment", "deployment_id")]
    nearest = [
        sa.select(live_interval)
        .where(side, live_at <= known_at, live_interval.c.known_at <= known_at)
        .where(*(live_interval.c[name] == sa.bindparam(f"{name}_{place}") for name in names))
        .order_by(live_at if is_after else live_at.desc(), *order)
        .limit(most)
        .subquery()
        for place in range(lanes)
    ]
    every = sa.union_all(*(sa.select(one) for one in nearest)).subquery()
    columns = viewed(LiveStartView, every, version=artifact.c.version, since=every.c.live_at)
    return sa.select(*columns).join(artifact, artifact.c.id == every.c.artifact_id)
