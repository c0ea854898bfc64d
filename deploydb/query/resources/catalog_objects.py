"""Services, environments, pipelines, promotions: what is configured, by ident."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from deploydb.domain.model.catalog import Catalog
from deploydb.http.errors import existing, nearest, shown
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource
from deploydb.v1_schema import Environment, Pipeline, Promotion, Service

T = TypeVar("T")
B = TypeVar("B")


def _resources(
    kind: str, members: Callable[[Catalog], Mapping[str, T]], body_of: Callable[[T], B], shape: type[B]
) -> tuple[Resource, Resource]:
    """Two paths: all of a kind, by ident, and one of it."""

    def every(asked: RequestContext) -> list[B]:
        return [body_of(member) for _, member in sorted(members(asked.catalog).items())]

    def one(asked: RequestContext) -> B:
        known, ident = members(asked.catalog), asked.request.path_params["ident"]
        return body_of(existing(known.get(ident), f"{kind} {shown(ident)}{nearest(ident, known)}"))

    every.__doc__, one.__doc__ = f"Every {kind} that is configured, by ident.", f"One {kind}, as configured."
    every.__annotations__["return"], one.__annotations__["return"] = list[shape], shape  # type: ignore[valid-type]
    return Resource(path=f"/api/{kind}s", read=every), Resource(path=f"/api/{kind}s/{{ident}}", read=one)


RESOURCES = (
    *_resources("service", lambda catalog: catalog.every_service(), Service.of, Service),
    *_resources("environment", lambda catalog: catalog.environments, Environment.of, Environment),
    *_resources("pipeline", lambda catalog: catalog.pipelines, Pipeline.of, Pipeline),
    *_resources("promotion", lambda catalog: catalog.promotions, Promotion.of, Promotion),
)
