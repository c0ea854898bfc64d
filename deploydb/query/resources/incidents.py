"""Incidents: `/api/incidents`, those that are open."""

from msgspec import Struct

from deploydb.query.bodies import body_of
from deploydb.query.existence import require_environment, require_service
from deploydb.query.request_context import RequestContext
from deploydb.store.queries.incidents import open_incidents


class IncidentBody(Struct, frozen=True, kw_only=True):
    """An open incident: its name (null for one without), its lane, the version in trouble (null: none named), and the
    time of its first detection (`since`)."""

    name: str | None
    service: str
    environment: str
    version: str | None
    reason: str | None
    url: str | None
    since: str


class Incidents(Struct, frozen=True, kw_only=True):
    """Incidents that are open."""

    incidents: list[IncidentBody]


def incidents(asked: RequestContext) -> Incidents:
    """The open incidents of the service and the environment that are asked for; all of them by default."""
    service, environment = asked.option("service"), asked.option("environment")
    with asked.store() as connection:
        require_service(connection, asked.catalog, service)
        require_environment(connection, asked.catalog, environment)
        found = open_incidents(connection, service, environment)
    return Incidents(incidents=[body_of(IncidentBody, one, name=one.name or None) for one in found])
