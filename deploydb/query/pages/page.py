"""A page as it is declared: its address, its reader and its template."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request

from deploydb.query.environment_sequence import environments_in_order
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Parameter, Resource

Answer = Any
"""A body as its JSON has it: templates see the fields that clients get."""


def _nothing(_asked: RequestContext, _answer: Answer) -> Mapping[str, Any]:
    return {}


class Page(Struct, frozen=True, kw_only=True, eq=False):
    """`command`: the words after `deploydb` that give the same answer. `drawn`: what the template has beside the body,
    made from it; with a `stream` (`stream_of`) the page follows the state."""

    path: str
    template: str
    read: Callable[[RequestContext], Any]
    command: Callable[[RequestContext, Answer], Sequence[str]]
    drawn: Callable[[RequestContext, Answer], Mapping[str, Any]] = _nothing
    parameters: tuple[Parameter, ...] = ()
    momentary: bool = False

    def resource(self) -> Resource:
        """The data of the page as JSON: at its address with `.json`."""
        path = f"{self.path}.json"
        return Resource(path=path, read=self.read, parameters=self.parameters, momentary=self.momentary)


def pages_of(
    resources: Iterable[Resource],
    path: str,
    template: str,
    command: Callable[[RequestContext, Answer], Sequence[str]],
    drawn: Callable[[RequestContext, Answer], Mapping[str, Any]] = _nothing,
) -> tuple[Page, ...]:
    """The page of the resource `/api{path}`."""
    return tuple(
        Page(
            path=path,
            template=template,
            read=resource.read,
            command=command,
            drawn=drawn,
            parameters=resource.parameters,
            momentary=resource.momentary,
        )
        for resource in resources
        if resource.path == f"/api{path}"
    )


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
    return replace(asked, request=Request(scope), parameters=frozenset(options))


def stream_of(**wanted: str | None) -> str:
    """The address of the stream of changes that concern a page; of all changes where nothing is named."""
    given = {name: value for name, value in wanted.items() if value is not None}
    return f"/api/stream?{urlencode(given)}" if given else "/api/stream"


def options_of(asked: RequestContext, **named: str) -> list[str]:
    """Options of a command line for the parameters that were given, by the names that they have there."""
    words: list[str] = []
    for name, option in named.items():
        value = asked.request.query_params.get(name)
        if value:
            words += [f"--{option}", value]
    return words
