"""History: `/api/history/{service}[/{environment}]`, what has been tried."""

from msgspec import Struct

from deploydb.query.bodies import ReasonBody, body_of
from deploydb.query.existence import require_lane
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import PAGE, Resource
from deploydb.store.queries.deployments import DeploymentView
from deploydb.store.queries.deployments import history as deployments_of


class Tried(Struct, frozen=True, kw_only=True, rename="camel"):
    """One attempt, and what came of it. `trigger_reason`: why it was commanded, or observed; `reason`: why its
    status is as it is."""

    id: int
    flow: int | None
    environment: str
    module: str
    version: str
    kind: str
    status: str
    trigger_reason: ReasonBody | None
    reason: ReasonBody | None
    created_at: str
    requested_at: str | None
    started_at: str | None
    finished_at: str | None
    decided_at: str | None
    url: str | None


class History(Struct, frozen=True, kw_only=True):
    """A page of what has been tried, newest first."""

    deployments: list[Tried]


def history(asked: RequestContext) -> History:
    """What has been tried of a service, in one environment where one is named, newest first."""
    page = asked.page()
    service = asked.name("service")
    environment = asked.name("environment") if "environment" in asked.request.path_params else None
    with asked.store() as connection:
        views = deployments_of(connection, service, environment, offset=page.offset, limit=page.size)
        if not views:
            require_lane(connection, asked.catalog, service, environment)
    if page.number:
        page.filled(views)
    return History(deployments=[_tried(view) for view in views])


def _tried(view: DeploymentView) -> Tried:
    artifact = view.artifact
    return body_of(Tried, view, module=artifact.module, version=artifact.version, reason=view.status_reason)


RESOURCES = (
    Resource(path="/api/history/{service}", read=history, parameters=PAGE),
    Resource(path="/api/history/{service}/{environment}", read=history, parameters=PAGE),
)
