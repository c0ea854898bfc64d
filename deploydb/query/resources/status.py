"""Status: `/api/status`, what runs in each lane, what is on its way there, and which holds stand over it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import UNSET, Struct, UnsetType

from deploydb.domain.model.overrides import Hold
from deploydb.query.current_lanes import current_lanes
from deploydb.query.existence import require_environment, require_service
from deploydb.query.lane_bodies import Lane
from deploydb.query.matrix import Matrix
from deploydb.query.request_context import RequestContext, iso
from deploydb.query.resource import Resource, moment, text
from deploydb.query.service_groups import belongs, require_group
from deploydb.query.set_aside import SetAside, set_aside_body
from deploydb.query.starvation import Starved, starved_body
from deploydb.store.queries.live_intervals import ran_at, running_now
from deploydb.store.queries.starvation import starved_lanes
from deploydb.store.set_aside import set_aside_services

NOW = "now"
LASTS = timedelta(minutes=1)
"""Lanes begin to starve by time alone."""


class Status(Struct, frozen=True, kw_only=True, rename="camel"):
    """The matrix. Of the past it has what ran, and neither what was on its way nor holds. `at`: what ran then;
    `known_at`: what was believed then. `set_aside`: the services whose evaluation failed, `starved`: the lanes in which
    no release passes, now."""

    environments: list[str]
    lanes: list[Lane]
    at: str | None
    known_at: str | None
    set_aside: list[SetAside] | UnsetType = UNSET
    starved: list[Starved] | UnsetType = UNSET


class Lanes(Struct, frozen=True, kw_only=True):
    """The lanes of a moment by service and environment, with the holds over them, and what stands still now."""

    at: datetime | None
    known_at: datetime | None
    lanes: Sequence[Lane]
    holds: Sequence[Hold] = ()
    starved: Sequence[Starved] = ()
    set_aside: Sequence[SetAside] = ()

    @property
    def is_past(self) -> bool:
        """Whether they are of the past, of which only what ran is known."""
        return self.at is not None or self.known_at is not None


def lanes_of(
    asked: RequestContext, connection: sa.Connection, service: str | None, environment: str | None = None
) -> Lanes:
    """The lanes of the moment that is asked for (`at`, `known_at`, `compare`): of a service or all, in an environment
    or all."""
    at, known_at, compare = asked.past("at"), asked.past("known_at"), asked.option("compare")
    catalog = asked.catalog
    if at is not None or known_at is not None:
        services = [name for name in catalog.services if service in (None, name)]
        ran = ran_at(connection, at or known_at or asked.now, known_at, service, environment)
        later = running_now(connection, service, environment) if compare == NOW else None
        found = Lanes(at=at, known_at=known_at, lanes=Matrix(catalog).then(services, ran, later))
    else:
        # of all environments: what should run in one follows from what runs in those before it
        current = current_lanes(connection, catalog, asked.now, service)
        aside = [one for one in set_aside_services(connection) if service in (None, one.service)]
        found = Lanes(
            at=None,
            known_at=None,
            lanes=current.lanes,
            holds=current.holds,
            starved=[starved_body(one) for one in starved_lanes(connection, catalog, asked.now, service, environment)],
            set_aside=[set_aside_body(one) for one in aside],
        )
    return found


def status(asked: RequestContext) -> Status:
    """Every lane of the service and the environment that are asked for, by service and by the pipelines' order.

    A lane for each service in each environment of its stages, and wherever else something runs or is under way.
    """
    service, environment = asked.option("service"), asked.option("environment")
    team, label = asked.option("team"), asked.option("label")
    require_group(asked.catalog, team, label)
    with asked.store() as connection:
        found = lanes_of(asked, connection, service, environment)
        chosen = {one.service for one in found.lanes if belongs(asked.catalog, one.service, team, label)}
        lanes = [lane for lane in found.lanes if environment in (None, lane.environment) and lane.service in chosen]
        if not lanes:
            require_service(connection, asked.catalog, service)
            require_environment(connection, asked.catalog, environment)
    return Status(
        environments=Matrix(asked.catalog).environments(lanes),
        lanes=lanes,
        at=iso(found.at),
        known_at=iso(found.known_at),
        set_aside=[one for one in found.set_aside if one.service in chosen] or UNSET,
        starved=[one for one in found.starved if one.service in chosen] or UNSET,
    )


RESOURCES = (
    Resource(
        path="/api/status",
        read=status,
        lasts=LASTS,
        parameters=(
            text("service", "Of this service only."),
            text("environment", "In this environment only."),
            text("team", "Of the services of this team only."),
            text("label", "Of the services with this label only: KEY:VALUE, or KEY with any value."),
            moment("at", "What ran at this time in the past, by all that is known now."),
            moment("known_at", "What was known at this time in the past; without `at`, of that time."),
            text(
                "compare",
                "With what runs now: of the past (`at`, `known_at`), the lanes that run another version now.",
                NOW,
            ),
        ),
    ),
)
