"""People: `/api/people`, those whom the groups or the log have; for completion."""

from msgspec import Struct

from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource, text
from deploydb.store.queries.existence import people_from

_MOST = 50


class People(Struct, frozen=True, kw_only=True):
    """Names of people, in alphabetical order."""

    people: list[str]


def people(asked: RequestContext) -> People:
    """At most 50 people whose names begin with a text, in alphabetical order: of the groups in access.yml, and of the
    log."""
    begun = asked.option("begins") or ""
    members = {person for group in asked.catalog.groups.values() for person in group}
    with asked.store() as connection:
        known = members | people_from(connection, begun, most=_MOST)
    return People(people=sorted(name for name in known if name.startswith(begun))[:_MOST])


RESOURCES = (
    Resource(
        path="/api/people",
        read=people,
        parameters=(text("begins", "Of names that begin with this; without it of all."),),
    ),
)
