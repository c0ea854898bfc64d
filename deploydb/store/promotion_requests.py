"""Promotion requests: which of them may still lead to another attempt.

A request has a version attempted again that was skipped before it was recorded: its own time is of a clock that may
differ from those that skip. What is skipped later is not, so that a request of
which nothing was skipped before it has come to its end, for the search of what is in play; it still lets its version go
ahead. Most requests end so at once, and the search costs none of them any more.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa

from deploydb.store import bulk
from deploydb.store.list_parameters import among
from deploydb.store.tables import deployment, event, promotion_request

_CLOCKS_DIFFER = timedelta(minutes=10)
"""By at most so much the clock of ingest is ahead of the one of a worker that skips something."""
_KEY = ("service", "environment", "version")
_LATER = deployment.alias("later")
_skipped = deployment.alias("skipped")
_recorded_at = (
    sa.select(event.c.recorded_at)
    .where(event.c.number == promotion_request.c.event)
    .correlate(promotion_request)  # also from within another subquery
    .scalar_subquery()
)


def of_request(made: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether a deployment is of the version of a row of `promotion_request`, in its lane."""
    return sa.and_(*(promotion_request.c[name] == made.c[name] for name in _KEY))


def skipped_before(made: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether the deployment is its flow's last attempt there, and was skipped before the request."""
    later = sa.exists().where(
        _LATER.c.flow_id == made.c.flow_id,
        _LATER.c.environment == made.c.environment,
        _LATER.c.attempt > made.c.attempt,
    )
    return sa.and_(made.c.skipped_at < _recorded_at, sa.not_(later))


_ENDED = (
    sa.select(*(promotion_request.c[name] for name in (*_KEY, "event")))
    .where(
        promotion_request.c.settled_at.is_(None),
        among(promotion_request.c.service, "services"),
        _recorded_at < sa.bindparam("before", type_=event.c.recorded_at.type),
        sa.not_(sa.exists().where(of_request(_skipped), skipped_before(_skipped))),
    )
    .order_by(*(promotion_request.c[name] for name in _KEY))
    .with_for_update(of=promotion_request, skip_locked=True)
)


def settle_promotion_requests(connection: sa.Connection, services: Collection[str], now: datetime) -> None:
    """Settle the requests for these services of which no further attempt comes. One that ingest is writing is left.

    Indexes: `ix_promotion_request_unsettled`, `ix_deployment_lane`.
    """
    if not services:
        return
    ended = connection.execute(_ENDED, {"services": sorted(services), "before": now - _CLOCKS_DIFFER})
    rows = [{**row._mapping, "settled_at": now} for row in ended]
    bulk.update_rows(connection, promotion_request, rows, key=(*_KEY, "event"))
