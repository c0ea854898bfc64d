"""Holds: `/api/holds`, what stops automation, now or from a time on."""

from msgspec import Struct

from deploydb.query.existence import require_environment, require_lane, require_service
from deploydb.query.hold_views import Held, HoldBody, hold_body
from deploydb.query.request_context import RequestContext
from deploydb.store.queries.holds import holds_from


class Holds(Struct, frozen=True, kw_only=True):
    """Holds that stand, and those that begin later."""

    holds: list[HoldBody]


def holds(asked: RequestContext) -> Holds:
    """The holds over the service and the environment that are asked for; all of them by default."""
    service, environment = asked.option("service"), asked.option("environment")
    with asked.store() as connection:
        found = holds_from(connection, asked.now, service)
        require_service(connection, asked.catalog, service)
        require_environment(connection, asked.catalog, environment)
        if service is not None:
            require_lane(connection, asked.catalog, service, environment)
    held = Held(found, asked.catalog)
    if service is not None:
        found = held.over(service, environment)
    elif environment is not None:
        found = held.in_environment(environment)
    return Holds(holds=[hold_body(hold) for hold in found])
