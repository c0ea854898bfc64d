"""A look at a server or disk when readiness is asked for: an idle worker would not notice that one is gone."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Lock

import sqlalchemy as sa

from deploydb.broker.port import Outbound
from deploydb.domain.errors import DeployDBError
from deploydb.redaction import redacted
from deploydb.store.clock import ahead
from deploydb.store.engine import require_room
from workers.health import Health

ANSWER_WITHIN_SECONDS = 3.0
APART = timedelta(seconds=2)
"""Clocks that differ by more are told."""
FAR_APART = timedelta(minutes=1)
"""By more than this the log's and the people's times are of no use."""
FRESH_SECONDS = 1.0
"""So long a look counts: probes may come as often as they like."""


class Look:
    """For `Health.check`: the reasons of `look`, which raises what is wrong, or that it does not answer in time."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="look")
        self._lock = Lock()
        self._under_way: Future[None] | None = None
        self._ended_at = float("-inf")

    def __call__(self) -> tuple[str, ...]:
        """The reasons, none where all is well."""
        with self._lock:
            if self._under_way is None or time.monotonic() - self._ended_at >= FRESH_SECONDS:
                self._ended_at = float("inf")  # not before it has ended
                self._under_way = self._thread.submit(self._timed)
            under_way = self._under_way
        try:
            under_way.result(ANSWER_WITHIN_SECONDS)
        except TimeoutError:
            return (f"no answer within {ANSWER_WITHIN_SECONDS:.0f} s",)
        except (DeployDBError, OSError) as error:
            return (redacted(str(error)),)
        return ()

    def _timed(self) -> None:
        try:
            self._look()
        finally:
            self._ended_at = time.monotonic()


class BrokerLook:
    """A round trip to the broker on a connection of its own; for those that only consume, and would not notice."""

    def __init__(self, open_outbound: Callable[[], Outbound]) -> None:
        self._open = open_outbound
        self._outbound: Outbound | None = None

    def __call__(self) -> None:
        """Return once it has answered. Raises: Transient, Misconfigured."""
        if self._outbound is None:
            self._outbound = self._open()
        try:
            self._outbound.look()
        except DeployDBError:
            self._outbound.close()
            self._outbound = None
            raise


def look_at_database(engine: sa.Engine, health: Health) -> None:
    """Return where it answers, and where a file of it could grow. What its clock says of ours is reported.

    Raises: as `store.engine.reading`.
    """
    apart = ahead(engine)
    told = [_apart(apart)] if abs(apart) > APART else []
    grave = abs(apart) > FAR_APART
    health.report("clock", reasons=told if grave else (), warnings=() if grave else told)
    require_room(engine)


def _apart(apart: timedelta) -> str:
    way = "ahead of" if apart > timedelta(0) else "behind"
    return f"it is {abs(apart).total_seconds():.1f} s {way} the database's: synchronise both with NTP"
