"""Services that are set aside: their evaluation failed, so they alone wait for another attempt, and others go on.

A person's pause of the whole service parks it: it is not tried until the pause ends.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store import bulk
from deploydb.store.list_parameters import among
from deploydb.store.outbox import backoff
from deploydb.store.projections.overrides import UNLIFTED, hold_from_row
from deploydb.store.tables import hold, service_schedule

LONGEST_ERROR = 1000
"""Characters of an error that are kept; the log has all of it."""


class Aside(Struct, frozen=True, kw_only=True):
    """A service that is set aside: the last error, and how often it was tried. `next_at`: the next attempt; None while
    it is parked without an end. `parked`: by which person's pause, in words."""

    service: str
    error: str
    first_at: datetime
    last_at: datetime
    attempts: int
    next_at: datetime | None
    parked: str | None
    catalog: str | None

    @property
    def words(self) -> str:
        """In one line."""
        return f"{self.brief}: {self.error}" if self.parked is None else f"{self.brief} ({self.error})"

    @property
    def brief(self) -> str:
        """In one line, without the error, which may name hosts and users."""
        if self.parked is not None:
            return f"{self.service} is set aside and {self.parked}"
        times = f"{self.attempts} attempts" if self.attempts > 1 else "1 attempt"
        return f"{self.service} is set aside since {self.first_at:%Y-%m-%d %H:%M:%S} UTC, {times}"


_ASIDE = sa.select(
    service_schedule.c.service,
    service_schedule.c.error,
    service_schedule.c.error_first_at.label("first_at"),
    service_schedule.c.error_last_at.label("last_at"),
    service_schedule.c.error_attempts.label("attempts"),
    service_schedule.c.due_at.label("next_at"),
    service_schedule.c.parked,
    service_schedule.c.catalog,
).where(service_schedule.c.error.is_not(None))
_OF = _ASIDE.where(among(service_schedule.c.service, "services"))
_PAUSES = (
    sa.select(hold)
    .where(hold.c.kind == "pause", hold.c.environment == "", UNLIFTED, among(hold.c.service, "services"))
    .order_by(hold.c.until.asc().nulls_last())
)


def set_aside_services(connection: sa.Connection) -> list[Aside]:
    """The services that are set aside, by name. Index: `ix_service_schedule_error`."""
    return [Aside(**row._mapping) for row in connection.execute(_ASIDE.order_by(service_schedule.c.service))]


def set_aside_of(connection: sa.Connection, services: Collection[str]) -> dict[str, Aside]:
    """Those of the services that are set aside. Index: primary key of `service_schedule`."""
    return {row.service: Aside(**row._mapping) for row in connection.execute(_OF, {"services": list(services)})}


def set_aside(
    connection: sa.Connection, errors: Mapping[str, Exception], before: Mapping[str, Aside], now: datetime, digest: str
) -> None:
    """Set the services aside, each with its error, until their next attempt; `before`: those that were already."""
    batch = []
    for service in sorted(errors):
        known = before.get(service)
        attempts = known.attempts + 1 if known is not None else 1
        batch.append(
            {
                "service": service,
                "due_at": now + backoff(attempts),
                "evaluated_at": now,
                "catalog": digest,
                "error": in_words(errors[service]),
                "error_first_at": known.first_at if known is not None else now,
                "error_last_at": now,
                "error_attempts": attempts,
                "parked": None,
            }
        )
    bulk.update_rows(connection, service_schedule, batch, key=("service",))


def take_back(connection: sa.Connection, services: Collection[str]) -> None:
    """The services were evaluated: they are set aside no more."""
    nothing = ("error", "error_first_at", "error_last_at", "error_attempts", "parked")
    batch = [{"service": service, **dict.fromkeys(nothing)} for service in sorted(services)]
    bulk.update_rows(connection, service_schedule, batch, key=("service",))


def to_try(connection: sa.Connection, aside: Mapping[str, Aside], now: datetime, digest: str) -> set[str]:
    """Those of the services that are to be tried now; the others wait, or are parked from now on.

    They are tried when their pause is over, by another catalog, and as soon as they are parked no more.
    """
    if not aside:
        return set()
    pauses = {  # of several, the one that ends last
        row.service: row
        for row in connection.execute(_PAUSES, {"services": sorted(aside)})
        if hold_from_row(row).stands(now)
    }
    tried, parked = set(), []
    for service, known in aside.items():
        pause = pauses.get(service)
        if pause is None:
            due = known.next_at is not None and known.next_at <= now
            if due or known.parked is not None or known.catalog != digest:
                tried.add(service)
            continue
        words = f"parked by {pause.by}" + (f": {pause.reason}" if pause.reason else "")
        if known.parked != words or known.next_at != pause.until:
            parked.append({"service": service, "due_at": pause.until, "parked": words})
    bulk.update_rows(connection, service_schedule, parked, key=("service",))
    return tried


def in_words(error: Exception) -> str:
    """An error on one line."""
    message = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {message}"[:LONGEST_ERROR]
