"""Services, environments, pipelines, promotions: what is configured, by ident."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from deploydb.domain.catalog import Catalog
from deploydb.query.asking import Asked, Body
from deploydb.query.errors import hint, not_found, shown
from deploydb.query.resource import Resource
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


def _resources(
    kind: str, members: Callable[[Catalog], Mapping[str, T]], body: Callable[[T], Body]
) -> tuple[Resource, Resource]:
    return (
        Resource(path=f"/api/{kind}s", read=_list(members, body)),
        Resource(path=f"/api/{kind}s/{{ident}}", read=_one(kind, members, body)),
    )


RESOURCES = (
    *_resources("service", lambda catalog: catalog.services, service_body),
    *_resources("environment", lambda catalog: catalog.environments, environment_body),
    *_resources("pipeline", lambda catalog: catalog.pipelines, pipeline_body),
    *_resources("promotion", lambda catalog: catalog.promotions, promotion_body),
)
