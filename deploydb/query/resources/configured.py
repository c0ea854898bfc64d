"""Services, environments, pipelines, promotions: what is configured."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.domain.catalog import Catalog
from deploydb.query.conventions import answer
from deploydb.query.shapes import Body, environment_body, pipeline_body, promotion_body, service_body

_Kind = tuple[Callable[[Catalog], Mapping[str, Any]], Callable[[Any], Body]]

_KINDS: dict[str, _Kind] = {
    "service": (lambda catalog: catalog.services, service_body),
    "environment": (lambda catalog: catalog.environments, environment_body),
    "pipeline": (lambda catalog: catalog.pipelines, pipeline_body),
    "promotion": (lambda catalog: catalog.promotions, promotion_body),
}


def routes(catalog: Callable[[], Catalog]) -> list[Route]:
    """A list and a single one of each kind. `catalog` gives the one in use."""
    made = []
    for kind, (members, body) in _KINDS.items():
        made.append(Route(f"/api/{kind}s", _all(catalog, members, body)))
        made.append(Route(f"/api/{kind}s/{{ident}}", _one(catalog, kind, members, body)))
    return made


def _all(
    catalog: Callable[[], Catalog], members: Callable[[Catalog], Mapping[str, Any]], body: Callable[[Any], Body]
) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        return answer(request, [body(member) for _, member in sorted(members(catalog()).items())])

    return endpoint


def _one(
    catalog: Callable[[], Catalog],
    kind: str,
    members: Callable[[Catalog], Mapping[str, Any]],
    body: Callable[[Any], Body],
) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        ident = request.path_params["ident"]
        member = members(catalog()).get(ident)
        if member is None:
            raise HTTPException(404, f"there is no {kind} {ident}")
        return answer(request, body(member))

    return endpoint
