"""Status: `/api/status`, what runs in each lane, what is on its way there, and which holds stand over it."""

from datetime import timedelta

from msgspec import UNSET, Struct, UnsetType

from deploydb.query.current_lanes import current_lanes
from deploydb.query.existence import require_environment, require_service
from deploydb.query.lane_bodies import Lane
from deploydb.query.matrix import Matrix
from deploydb.query.request_context import RequestContext, iso
from deploydb.query.resource import Resource, moment, text
from deploydb.query.set_aside import SetAside, set_aside_body
from deploydb.query.starvation import Starved, starved_body
from deploydb.store.queries.live_intervals import ran_at
from deploydb.store.queries.starvation import starved_lanes
from deploydb.store.set_aside import set_aside_services


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


def status(asked: RequestContext) -> Status:
    """Every lane of the service and the environment that are asked for, by service and by the pipelines' order.

    A lane for each service in each environment of its stages, and wherever else something runs or is under way.
    """
    service, environment = asked.option("service"), asked.option("environment")
    at, known_at = asked.past("at"), asked.past("known_at")
    catalog, matrix = asked.catalog, Matrix(asked.catalog)
    with asked.store() as connection:
        if at is not None or known_at is not None:
            services = [name for name in catalog.services if service in (None, name)]
            lanes = matrix.then(
                services, ran_at(connection, at or known_at or asked.now, known_at, service, environment)
            )
        else:
            # of all environments: what should run in one follows from what runs in those before it
            lanes = current_lanes(connection, catalog, asked.now, service).lanes
        if environment is not None:
            lanes = [lane for lane in lanes if lane.environment == environment]
        if not lanes:
            require_service(connection, catalog, service)
            require_environment(connection, catalog, environment)
        past = at is not None or known_at is not None
        starved = [] if past else starved_lanes(connection, catalog, asked.now, service, environment)
        aside = [] if past else [one for one in set_aside_services(connection) if service in (None, one.service)]
    return Status(
        environments=matrix.environments(lanes),
        lanes=lanes,
        at=iso(at),
        known_at=iso(known_at),
        set_aside=[set_aside_body(one) for one in aside] or UNSET,
        starved=[starved_body(one) for one in starved] or UNSET,
    )


RESOURCES = (
    Resource(
        path="/api/status",
        read=status,
        lasts=timedelta(minutes=1),  # lanes begin to starve by time alone
        parameters=(
            text("service", "Of this service only."),
            text("environment", "In this environment only."),
            moment("at", "What ran at this time in the past, by all that is known now."),
            moment("known_at", "What was known at this time in the past; without `at`, of that time."),
        ),
    ),
)
