"""A look at a server or disk when readiness is asked for: an idle worker would not notice that one is gone."""

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from deploydb.broker.port import Outbound
from deploydb.domain.model.errors import DeployDBError
from deploydb.http.health import Health
from deploydb.store.clock import ahead
from deploydb.store.engine import require_room

APART = timedelta(seconds=2)
"""Clocks that differ by more are reported."""
FAR_APART = timedelta(minutes=1)
"""By more than this the log's and the people's times are of no use."""


class BrokerPing:
    """A round trip to the broker on a connection of its own; for those that only consume, and would not notice."""

    def __init__(self, open_outbound: Callable[[], Outbound]) -> None:
        self._open = open_outbound
        self._outbound: Outbound | None = None

    def __call__(self) -> None:
        """Return once it has answered. Raises: Transient, Misconfigured."""
        if self._outbound is None:
            self._outbound = self._open()
        try:
            self._outbound.ping()
        except DeployDBError:
            self._outbound.close()
            self._outbound = None
            raise


def check_database(engine: sa.Engine, health: Health) -> None:
    """Return where it answers, and where a file of it could grow. What its clock says of ours is reported.

    Raises: as `store.engine.reading`.
    """
    apart = ahead(engine)
    reasons = [_apart(apart)] if abs(apart) > APART else []
    grave = abs(apart) > FAR_APART
    health.report("clock", reasons=reasons if grave else (), warnings=() if grave else reasons)
    require_room(engine)


def _apart(apart: timedelta) -> str:
    way = "ahead of" if apart > timedelta(0) else "behind"
    return f"it is {abs(apart).total_seconds():.1f} s {way} the database's: synchronise both with NTP"
