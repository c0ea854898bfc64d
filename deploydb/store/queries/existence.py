"""Which services, environments and versions anything is stored about, configured or not."""

import sqlalchemy as sa

from deploydb.store.environment_names import CHANGED
from deploydb.store.tables import current_version, deployment, event


def service_is_stored(connection: sa.Connection, service: str) -> bool:
    """Whether a service has ever had a deployment. Index: `ix_deployment_lane`."""
    return _any(connection, sa.select(deployment.c.id).where(deployment.c.service == service))


def lane_is_stored(connection: sa.Connection, service: str, environment: str) -> bool:
    """Whether a service has ever had a deployment in an environment. Index: `ix_deployment_lane`."""
    lane = (deployment.c.service == service, deployment.c.environment == environment)
    return _any(connection, sa.select(deployment.c.id).where(*lane))


def version_of_service_is_stored(connection: sa.Connection, service: str, version: str) -> bool:
    """Whether a service has ever had a deployment of a version. Costs the service's deployments. Index:
    `ix_deployment_lane`."""
    wanted = (deployment.c.service == service, deployment.c.version == version)
    return _any(connection, sa.select(deployment.c.id).where(*wanted))


def lane_of(connection: sa.Connection, number: int | None, command: str | None) -> tuple[str, str] | None:
    """Service and environment of a deployment by its number, else by its command. Indexes: primary key,
    `uq_deployment_command`."""
    wanted = deployment.c.id == number if number is not None else deployment.c.command == command
    row = connection.execute(sa.select(deployment.c.service, deployment.c.environment).where(wanted)).one_or_none()
    return (row.service, row.environment) if row is not None else None


def environment_is_used(connection: sa.Connection, environment: str) -> bool:
    """Whether anything runs in an environment, or is on its way there. Costs a look at what runs and what is open."""
    runs = sa.select(current_version.c.deployment_id).where(current_version.c.environment == environment)
    comes = sa.select(deployment.c.id).where(deployment.c.needs_evaluation, deployment.c.environment == environment)
    return _any(connection, runs) or _any(connection, comes)


def type_is_stored(connection: sa.Connection, type_: str) -> bool:
    """Whether the log has an event of a type. Index: `ix_event_rare`, but for the types that it is mostly made of."""
    literal = sa.literal(type_, literal_execute=True)  # so that the condition of the index is seen to hold
    return _any(connection, sa.select(event.c.number).where(event.c.type == literal))


def people_beside(connection: sa.Connection, name: str, *, most: int = 10) -> set[str]:
    """The person of a name where the log has it, and so many of those before and after it in alphabetical order. Index:
    `ix_event_who`, a look-up for each."""
    who = event.c.who
    found: set[str] = set()
    for end, first, beyond in ((sa.func.max, who <= name, who.__lt__), (sa.func.min, who > name, who.__gt__)):
        is_next = first
        for _ in range(most):
            person = connection.execute(sa.select(end(who)).where(_IS_PERSON, is_next)).scalar()
            if person is None:
                break
            found.add(person)
            is_next = beyond(person)
    return found


def people_from(connection: sa.Connection, begun: str, *, most: int) -> set[str]:
    """The people of the log whose names begin with a text, of at most so many names from it on in alphabetical order;
    some have other capitals, or other accents. Index: `ix_event_who`, a look-up for each."""
    who = event.c.who
    found: set[str] = set()
    is_next = who >= begun
    for _ in range(most):
        person = connection.execute(sa.select(sa.func.min(who)).where(_IS_PERSON, is_next)).scalar()
        # where the order is one of a language, capitals lie between small letters
        if person is None or not person.casefold().startswith(begun.casefold()):
            break
        found.add(person)
        is_next = who > person
    return found


_IS_PERSON = sa.and_(event.c.who.is_not(None), event.c.type != CHANGED)
"""A change of the configuration has the host that has read it."""


def _any(connection: sa.Connection, statement: sa.Select[tuple[int]]) -> bool:
    return connection.execute(statement.limit(1)).first() is not None
