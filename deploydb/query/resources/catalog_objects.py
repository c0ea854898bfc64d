"""Services, environments, pipelines, promotions: what is configured, by ident."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct

from deploydb.domain.model.catalog import Catalog
from deploydb.http.errors import existing, nearest, shown
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource, text
from deploydb.v1_schema import DescribedService, Environment, Pipeline, Promotion, Service

T = TypeVar("T")


def _resources(
    kind: str,
    members: Callable[[Catalog], Mapping[str, T]],
    body_of: Callable[[T], Struct],
    shape: type[Struct],
    *,
    expansions: Mapping[str, Callable[[T], Struct]] = {},
) -> tuple[Resource, Resource]:
    """Two paths: all of a kind, by ident, and one of it. `expansions`: their bodies with more, by what `expand` names:
    clients of v1 compare the others whole."""
    parameters = (text("expand", "Fields beside those of v1.", *expansions),) if expansions else ()

    def expanded(asked: RequestContext) -> Callable[[T], Struct]:
        return expansions.get(asked.option("expand") or "", body_of) if expansions else body_of

    def every(asked: RequestContext) -> list[Struct]:
        body = expanded(asked)
        return [body(member) for _, member in sorted(members(asked.catalog).items())]

    def one(asked: RequestContext) -> Struct:
        known, ident = members(asked.catalog), asked.request.path_params["ident"]
        return expanded(asked)(existing(known.get(ident), f"{kind} {shown(ident)}{nearest(ident, known)}"))

    every.__doc__, one.__doc__ = f"Every {kind} that is configured, by ident.", f"One {kind}, as configured."
    every.__annotations__["return"], one.__annotations__["return"] = list[shape], shape  # type: ignore[valid-type]
    return (
        Resource(path=f"/api/{kind}s", read=every, parameters=parameters),
        Resource(path=f"/api/{kind}s/{{ident}}", read=one, parameters=parameters),
    )


RESOURCES = (
    *_resources(
        "service",
        lambda catalog: catalog.every_service(),
        Service.of,
        DescribedService,
        expansions={"metadata": DescribedService.of},
    ),
    *_resources("environment", lambda catalog: catalog.environments, Environment.of, Environment),
    *_resources("pipeline", lambda catalog: catalog.pipelines, Pipeline.of, Pipeline),
    *_resources("promotion", lambda catalog: catalog.promotions, Promotion.of, Promotion),
)
