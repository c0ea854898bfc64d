"""Names that nothing has, each with the nearest one that something has."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import sqlalchemy as sa
from msgspec import UNSET, Struct, UnsetType
from starlette.exceptions import HTTPException

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.person_names import person_name
from deploydb.domain.suggestions import close_match, nearest_word, shown
from deploydb.engine.decision_events import EVENT_TYPES
from deploydb.query.existence import require_environment, require_lane
from deploydb.store.queries.existence import people_beside, type_is_stored

Named = Literal["module", "deployment", "command", "lane", "version", "promotion", "pipeline", "person", "type"]


class Unknown(Struct, frozen=True, kw_only=True):
    """A name that nothing has: `name` is the kind of it, `lane` for the service and the environment, `pipeline` for a
    version of the module that no pipeline of a service takes. `nearest`: of a person, the known one that may be meant;
    without it the person may be new."""

    name: Named
    why: str
    nearest: str | UnsetType = UNSET


def unknown_lane(
    connection: sa.Connection, catalog: Catalog, service: str | None, environment: str | None
) -> str | None:
    """Why there is no such service, environment or stage; None where there is."""
    if service is not None:
        return problem_of(lambda: require_lane(connection, catalog, service, environment))
    return problem_of(lambda: require_environment(connection, catalog, environment))


def known_places(
    connection: sa.Connection, catalog: Catalog, lanes: Iterable[tuple[str | None, str | None]]
) -> tuple[set[str], set[str]]:
    """The services and the environments of some lanes that exist: those with pages. Costs a look-up for each that is
    not configured."""
    named = set(lanes)
    services = {service for service, _ in named if service is not None}
    environments = {environment for _, environment in named if environment is not None}
    return (
        {name for name in services if unknown_lane(connection, catalog, name, None) is None},
        {name for name in environments if unknown_lane(connection, catalog, None, name) is None},
    )


def unknown_words(
    connection: sa.Connection, catalog: Catalog, person: str | None, type_: str | None
) -> Iterator[Unknown]:
    """A person whom neither the groups nor the log have, and a type that no event has or can have."""
    if person is not None:
        name = person_name(person)
        known = {one for people in catalog.groups.values() for one in people} | people_beside(connection, name)
        if name not in known:
            why = f"no group and no event has the person {shown(name)}{close_match(name, known)}"
            yield Unknown(name="person", why=why, nearest=nearest_word(name, known) or UNSET)
    if type_ is not None and not (type_ in EVENT_TYPES or type_is_stored(connection, type_)):
        near = close_match(type_, EVENT_TYPES) or f"; known types are {', '.join(EVENT_TYPES)}"
        yield Unknown(name="type", why=f"there is no type {shown(type_)} of events{near}")


def problem_of(check: Callable[[], None]) -> str | None:
    """The message of the HTTPException that a check raises, or nothing."""
    try:
        check()
    except HTTPException as error:
        return error.detail
    return None
