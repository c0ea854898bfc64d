"""Services, environments, pipelines, promotions: what is configured, by ident."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from deploydb.domain.catalog import Catalog
from deploydb.query.asking import Asked, Body
from deploydb.query.errors import hint, not_found, shown
from deploydb.query.shapes import environment_body, pipeline_body, promotion_body, service_body

T = TypeVar("T")


def _list(members: Callable[[Catalog], Mapping[str, T]], body: Callable[[T], Body]) -> Callable[[Asked], list[Body]]:
    def read(asked: Asked) -> list[Body]:
        return [body(member) for _, member in sorted(members(asked.catalog).items())]

    return read


def _one(
    kind: str, members: Callable[[Catalog], Mapping[str, T]], body: Callable[[T], Body]
) -> Callable[[Asked], Body]:
    def read(asked: Asked) -> Body:
        known, ident = members(asked.catalog), asked.request.path_params["ident"]
        if ident not in known:
            raise not_found(f"there is no {kind} {shown(ident)}{hint(known)}")
        return body(known[ident])

    return read


def _routes(
    kind: str, members: Callable[[Catalog], Mapping[str, T]], body: Callable[[T], Body]
) -> dict[str, Callable[[Asked], Any]]:
    return {f"/api/{kind}s": _list(members, body), f"/api/{kind}s/{{ident}}": _one(kind, members, body)}


ROUTES: Mapping[str, Callable[[Asked], Any]] = {
    **_routes("service", lambda catalog: catalog.services, service_body),
    **_routes("environment", lambda catalog: catalog.environments, environment_body),
    **_routes("pipeline", lambda catalog: catalog.pipelines, pipeline_body),
    **_routes("promotion", lambda catalog: catalog.promotions, promotion_body),
}
