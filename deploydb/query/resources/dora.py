"""DORA: `/api/dora`, how often, how fast, how safely, how soon recovered."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from deploydb.domain.dora import Day, Lane, Rate, Run, Share, Spread, figures
from deploydb.domain.model.catalog import Catalog
from deploydb.http.errors import bad_request, shown
from deploydb.query.bodies import body_of
from deploydb.query.existence import require_environment, require_service
from deploydb.query.request_context import RequestContext
from deploydb.query.views.dora import PATTERN, WINDOW
from deploydb.store.queries.dora import published_in, runs_since, troubles_between

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
    service, environment = asked.option("service"), asked.option("environment")
    since = asked.now - _window(asked)
    lanes = _production(asked.catalog, service, environment)
    environments = sorted({there for _, there in lanes})
    with asked.store() as connection:
        require_service(connection, asked.catalog, service)
        require_environment(connection, asked.catalog, environment)
        found_runs = runs_since(connection, since, environments, service)
        runs = [run for run in found_runs if (run.service, run.environment) in lanes]
        found = troubles_between(connection, since, asked.now, environments, service)
        troubles = [trouble for trouble in found if (trouble.service, trouble.environment) in lanes]
        published = published_in(connection, _spans(runs))
    measured = figures(runs, troubles, published, since, asked.now)
    return body_of(Dora, measured, service=service, environments=environments, since=since, until=asked.now)


def _window(asked: RequestContext) -> timedelta:
    given = asked.option("window") or WINDOW
    if re.fullmatch(PATTERN, given) is None:
        raise bad_request(f"window={shown(given)} is not a number of hours, days or weeks such as 12h, 30d or 8w")
    return min(timedelta(**{_UNITS[given[-1]]: int(given[:-1])}), MOST)


def _production(catalog: Catalog, service: str | None, environment: str | None) -> set[Lane]:
    """The lanes that count as production."""
    lanes = set()
    for one in catalog.services.values():
        if service not in (None, one.ident):
            continue
        stages = catalog.stages(one)
        before = {name for stage in stages for name in stage.after.environments}
        last = {stage.environment for stage in stages} - before
        there = {environment} & {stage.environment for stage in stages} if environment is not None else last
        lanes |= {(one.ident, name) for name in there}
    return lanes


def _spans(runs: Sequence[Run]) -> dict[str, tuple[datetime, datetime]]:
    """Of each module from what ran before its first run to its last one."""
    spans: dict[str, tuple[datetime, datetime]] = {}
    for run in runs:
        if run.before is None:
            continue
        after, until = spans.get(run.module, (run.before, run.published_at))
        spans[run.module] = (min(after, run.before), max(until, run.published_at))
    return spans
