"""A page as it is declared: its address, its reader and its template."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from msgspec.structs import replace
from starlette.requests import Request

from deploydb.query.environment_sequence import environments_in_order
from deploydb.query.matrix_rows import MatrixService
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource, text
from deploydb.query.resources.matrix import every_lane
from deploydb.query.resources.status import Lanes

Answer = Any
"""A body as its JSON has it: templates see the fields that clients get."""


Drawn = Callable[[RequestContext, Answer], Mapping[str, Any]]


class Page(Resource, frozen=True, kw_only=True, eq=False):
    """`command`: the words after `deploydb` that give the same answer. `drawn`: what the template has beside the body,
    made from it; with a `stream` (`stream_of`) the page follows the state. `title`: by which every page leads there.
    `is_negotiated`: programs get the JSON at the address of the page, too. `json`: what programs get, where it is not
    what the page is made from; `drawn` then has its address."""

    template: str
    command: Callable[[RequestContext, Answer], Sequence[str]]
    drawn: Drawn = lambda _asked, _answer: {}
    title: str | None = None
    is_negotiated: bool = False
    json: Resource | None = None


def page_of(resource: Resource, template: str, drawn: Drawn, title: str | None = None) -> Page:
    """The page of a resource, at its path without `/api`, beside the command of its name."""
    declared = {name: getattr(resource, name) for name in Resource.__struct_fields__}
    declared["path"] = resource.path.removeprefix("/api")

    def command(asked: RequestContext, _answer: Answer) -> list[str]:
        given = {**asked.request.query_params, **asked.request.path_params}
        names = [given[name] for name in (*resource.parts, *resource.arguments) if given.get(name)]
        options = options_of(asked, *(option.name for option in resource.options))
        if any(name.startswith("-") for name in names):  # `--` marks it as a name
            return [resource.name, *options, "--", *names]
        return [resource.name, *names, *options]

    return Page(**declared, template=template, command=command, drawn=drawn, title=title)


def choices(asked: RequestContext) -> dict[str, Sequence[str]]:
    """The services and environments that a page's filters offer."""
    return {"services": sorted(asked.catalog.services), "environments": environments_in_order(asked.catalog)}


def narrowed(
    asked: RequestContext, options: Mapping[str, str | None], path: Mapping[str, str] | None = None
) -> RequestContext:
    """The same request, had it been for these parameters and this part of a path: for pages whose own address is
    another than that of what they read."""
    given = {name: value for name, value in options.items() if value is not None}
    scope = {**asked.request.scope, "query_string": urlencode(given).encode()}
    if path is not None:
        scope["path_params"] = dict(path)
    return replace(asked, request=Request(scope), parameters={name: text(name, "") for name in options})


def lanes_of_now(asked: RequestContext) -> tuple[Lanes, Sequence[MatrixService]]:
    """All lanes, and their services, as the matrix has them."""
    return every_lane(narrowed(asked, dict.fromkeys(("at", "known_at", "compare"))))


def stream_of(**wanted: str | None) -> str:
    """The address of the stream of changes that concern a page; of all changes where nothing is named."""
    given = {name: value for name, value in wanted.items() if value is not None}
    return f"/api/stream?{urlencode(given)}" if given else "/api/stream"


def beside(asked: RequestContext, **changed: str | int | None) -> str:
    """The address of the same page with other values of some parameters (None: without it), from its first page on."""
    given = {**asked.request.query_params, "pageNumber": None, **changed}
    kept = {name: value for name, value in given.items() if value is not None}
    return f"?{urlencode(kept)}" if kept else asked.request.url.path


def pages_beside(asked: RequestContext, *, more: bool) -> dict[str, str | None]:
    """The addresses of the pages `before` and `after` this one, with the same other parameters; None where there is
    none."""
    page, given = asked.number("pageNumber") or 0, dict(asked.request.query_params)

    def address(number: int) -> str:
        return f"?{urlencode({**given, 'pageNumber': number})}"

    return {"before": address(page - 1) if page else None, "after": address(page + 1) if more else None}


def options_of(asked: RequestContext, *names: str) -> list[str]:
    """Options of a command line for those of the parameters that were given."""
    given = [(name.replace("_", "-"), asked.request.query_params.get(name)) for name in names]
    return [word for name, value in given if value for word in (f"--{name}", value)]
