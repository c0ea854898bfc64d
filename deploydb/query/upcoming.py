"""What stands over environments, and when their windows are open, from now on: for calendars."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from deploydb.domain.calendar.windows import Windows, opens
from deploydb.domain.gates.window import LONGEST, WindowPromotion
from deploydb.query.existence import require_environment
from deploydb.query.hold_views import Held, HoldBody, hold_body
from deploydb.query.hold_words import whole
from deploydb.query.request_context import RequestContext
from deploydb.store.queries.holds import holds_from

_MOST = 300
"""Openings of a window."""


class Upcoming(Struct, frozen=True, kw_only=True):
    """A hold, or a time at which a window promotion of an environment is open. `kind`: of the hold, or `window`;
    `name`: of the promotion, else empty. `until` null: without an end that is known. `id`: the same each time."""

    id: str
    kind: str
    name: str
    service: str | None
    environment: str | None
    title: str
    about: str
    begins: datetime
    until: datetime | None


def upcoming(asked: RequestContext, environment: str | None, end: datetime) -> list[Upcoming]:
    """Of one environment or of all, what begins before an end, in order. Raises: HTTPException 404 for an environment
    that is unknown."""
    with asked.store() as connection:
        require_environment(connection, asked.catalog, environment)
        found = holds_from(connection, asked.now, None)
    over = Held(found, asked.catalog).in_environment(environment) if environment is not None else found
    names = [environment] if environment is not None else list(asked.catalog.environments)
    entries = [_of_hold(hold_body(one)) for one in over]
    entries += [one for name in names for one in _of_windows(asked, name, end)]
    return sorted((one for one in entries if one.begins < end), key=lambda one: (one.begins, one.id))


def _of_hold(hold: HoldBody) -> Upcoming:
    return Upcoming(
        id=f"hold-{hold.id}",
        kind=hold.kind,
        name="",
        service=hold.service,
        environment=hold.environment,
        title=whole(hold.kind, hold.service, hold.environment, hold.text),
        about=hold.reason or "",
        begins=datetime.fromisoformat(hold.begins or hold.since),
        until=datetime.fromisoformat(hold.until) if hold.until is not None else None,
    )


def _of_windows(asked: RequestContext, environment: str, end: datetime) -> Iterator[Upcoming]:
    if environment not in asked.catalog.environments:
        return
    for one in asked.catalog.entry_promotions(environment):
        if isinstance(one, WindowPromotion):
            for begins, until in open_times(one, asked.now, end):
                yield Upcoming(
                    id=f"window-{environment}-{one.ident}-{begins:%Y%m%dT%H%M%SZ}",
                    kind="window",
                    name=one.ident,
                    service=None,
                    environment=environment,
                    title=f"{environment}: {one.ident} is open",
                    about=one.description,
                    begins=begins,
                    until=until,
                )


def open_times(windows: Windows, now: datetime, end: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    """When they are open from now until an end; the first may have begun, at most the longest window before. None: for
    good."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    at = day - LONGEST
    for _ in range(_MOST):
        opening = opens(windows, at)
        begins = at if opening.is_open else opening.opens_at
        if begins is None or begins >= end:
            return
        until = opens(windows, begins).closes_at
        if until is None or until > now:
            yield begins, until
        if until is None:
            return
        at = until
