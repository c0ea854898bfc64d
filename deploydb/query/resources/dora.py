"""DORA: `/api/dora`, how often, how fast, how safely, how soon recovered."""

import re
from datetime import datetime, timedelta

from msgspec import Struct

from deploydb.domain.dora import Day, Rate, Share, Spread
from deploydb.domain.production import production_lanes
from deploydb.http.errors import bad_request, shown
from deploydb.query.bodies import body_of
from deploydb.query.existence import require_environment, require_service
from deploydb.query.request_context import RequestContext
from deploydb.query.views.dora import PATTERN, WINDOW
from deploydb.store.queries.dora import ProductionHistory, production_history

MOST = timedelta(days=366)
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class Dora(Struct, frozen=True, kw_only=True, rename="camel"):
    """The four figures of some production lanes in a stretch of time, each with its sample size and its definition.

    `environments`: what counts as production here. `days`: of UTC.
    """

    service: str | None
    environments: list[str]
    since: str
    until: str
    frequency: Rate
    lead_time: Spread
    failure_rate: Share
    recovery: Spread
    days: list[Day]


def dora(asked: RequestContext) -> Dora:
    """Deployment frequency, lead time, change failure rate and recovery time of one service or all.

    Production is the environment that is asked for, or of each service the stages that nothing comes after.
    """
    since = asked.now - _window(asked)
    history, environments = production_past(asked, since)
    return body_of(
        Dora,
        history.figures(),
        service=asked.option("service"),
        environments=environments,
        since=since,
        until=asked.now,
    )


def production_past(asked: RequestContext, since: datetime) -> tuple[ProductionHistory, list[str]]:
    """What happened since then in the production lanes that a request asks for, and their environments."""
    service, environment = asked.option("service"), asked.option("environment")
    lanes = production_lanes(asked.catalog, service, environment)
    with asked.store() as connection:
        require_service(connection, asked.catalog, service)
        require_environment(connection, asked.catalog, environment)
        of = (service,) if service is not None else None
        history = production_history(connection, lanes, since, asked.now, of)
    return history, sorted({there for _, there in lanes})


def _window(asked: RequestContext) -> timedelta:
    given = asked.option("window") or WINDOW
    if re.fullmatch(PATTERN, given) is None:
        raise bad_request(f"window={shown(given)} is not a number of hours, days or weeks such as 12h, 30d or 8w")
    return min(timedelta(**{_UNITS[given[-1]]: int(given[:-1])}), MOST)
