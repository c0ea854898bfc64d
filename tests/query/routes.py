"""Every route of the query service, with real names and ids in it."""

import re
from collections.abc import Iterator

from starlette.applications import Starlette
from starlette.routing import Route

from deploydb.query.app import RESOURCES
from deploydb.query.pages import PAGES
from deploydb.query.resource import Parameter
from deploydb.query.resources.events import FILTERS

ENDLESS = "/api/stream"
REAL = {
    "module": ("com.example:foo",),
    "id": ("1", "2"),
    "result": ("1",),
    "ident": ("foo", "dev", "main", "smoke", "manual"),
    "service": ("foo",),
    "environment": ("dev", "prod"),
    "what": ("1.0", "com.example:foo", "sha256:aa", "abcdef0"),
    "name": ("page.css",),
}
"""For each part of a path that is a name: those of a `World`'s catalog and story."""
NEEDED = {"/api/diff": "from=dev&to=prod", "/diff": "from=dev&to=prod", "/diff.json": "from=dev&to=prod"}
NEEDED |= {"/api/plan/{service}": "version=1.0"}
NEEDED |= {"/api/check/{service}/{environment}": "order=promote&version=1.0"}
NEEDED |= {"/api/accept/{service}": "version=1.0&digest=sha256:aa"}
NEEDED |= dict.fromkeys(("/api/search", "/search", "/search.json"), "q=foo+1")
NEEDED |= dict.fromkeys(("/api/effect", "/effect", "/effect.json"), "source=tests&id=artifact.published-1")
_PART = re.compile(r"\{(\w+)(?::\w+)?\}")


def parameters_of(path: str) -> tuple[Parameter, ...]:
    """What the route with this path may be asked for."""
    declared = {resource.path: resource.parameters for resource in (*RESOURCES, *PAGES)}
    declared |= {f"{page.path}.json": (page.json or page).parameters for page in PAGES}
    declared |= dict.fromkeys(("/api/events.jsonl", "/api/events.csv"), FILTERS)
    return declared.get(path, ())


def addresses(app: Starlette) -> Iterator[tuple[str, str]]:
    """The path of each route but the endless one, and each address of it, with its query where it needs one.

    A route with a part of a name that is not in `REAL` is a KeyError: nothing is left out unseen.
    """
    for route in app.routes:
        assert isinstance(route, Route)
        if route.path == ENDLESS:
            continue
        found = [route.path]
        for part in _PART.finditer(route.path):
            found = [address.replace(part[0], name) for address in found for name in REAL[part[1]]]
        query = NEEDED.get(route.path)
        for address in found:
            yield route.path, f"{address}?{query}" if query else address
