"""Which incidents are open."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.columns import in_lanes, viewed
from deploydb.store.tables import incident


class IncidentView(Struct, frozen=True, kw_only=True):
    """An open incident; `since`: when it was first detected. `version`: the one in trouble, where it names one."""

    name: str
    service: str
    environment: str
    version: str | None
    reason: str | None
    url: str | None
    since: datetime


def open_incidents(connection: sa.Connection, service: str | None, environment: str | None) -> list[IncidentView]:
    """The open incidents of a service in an environment, or of all, by lane and name. Index: `ix_incident_open`."""
    statement = (
        sa.select(*viewed(IncidentView, incident, since=sa.func.coalesce(incident.c.began_at, incident.c.time)))
        .where(incident.c.open, *in_lanes(incident, service, environment))
        .order_by(incident.c.service, incident.c.environment, incident.c.name)
    )
    return [IncidentView(**row._mapping) for row in connection.execute(statement)]
