"""Search: what a text means."""

from collections.abc import Iterator

from deploydb.query.column import Column
from deploydb.query.resource import text
from deploydb.query.view import Body, Command, Table, View


def _tables(body: Body) -> Iterator[Table]:
    lead = [f"Nothing has {body['q']} in its name. Names like it:"] if body["nearest"] else []
    found = body["hits"] or body["nearest"]
    yield Table(((one["kind"], one["name"], one["about"], one["address"]) for one in found), lead=lead)


VIEW = View(
    path="/api/search",
    parameters=(text("q", "A part of a name, or the beginning of a version or a commit."),),
    arguments=("q",),
    template="search.html",
    command=Command(
        purpose="Services, environments, versions, commits by a part of their names.",
        about="What Q means: services and environments with it in their names, versions that run and commits that "
        "begin with it, and the page of each. Of several words the first is a service, the second an environment or "
        "a version.",
        examples=("search store", "search 4f9c1d2", "search 'storefront 1.4' -o json"),
        member="hits",
        names=lambda body: (f"{one['kind']}/{one['name']}" for one in body["hits"]),
        columns=(
            Column("KIND"),
            Column("NAME", "version"),
            Column("ABOUT", "text"),
            Column("PAGE", gives_way=1),
        ),
        tables=_tables,
        empty="Nothing is found: give a part of a name, or the beginning of a version or a commit.",
    ),
)
