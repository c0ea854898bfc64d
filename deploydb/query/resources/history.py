"""History: `/api/history/{service}[/{environment}]`, what has been tried."""

from deploydb.query.asking import Asked, Body, iso
from deploydb.query.lane import require_lane, require_service
from deploydb.query.resource import PAGE, Resource
from deploydb.store.queries.deployments import DeploymentView
from deploydb.store.queries.history import history as deployments_of


def history(asked: Asked) -> Body:
    """What has been tried of a service, in one environment where one is named, the last first."""
    page = asked.page()
    service = asked.name("service")
    environment = asked.name("environment") if "environment" in asked.request.path_params else None
    with asked.store() as connection:
        views = deployments_of(connection, service, environment, offset=page.offset, limit=page.size)
        if not views and environment is None:
            require_service(connection, asked.catalog, service)
        elif not views and environment is not None:
            require_lane(connection, asked.catalog, service, environment)
    if page.number:
        page.filled(views)
    return {"deployments": [_body(view) for view in views]}


def _body(view: DeploymentView) -> Body:
    return {
        "id": view.id,
        "flow": view.flow,
        "environment": view.environment,
        "module": view.artifact.module,
        "version": view.artifact.version,
        "kind": view.kind,
        "status": view.status,
        "reason": view.reason,
        "createdAt": iso(view.created_at),
        "requestedAt": iso(view.requested_at),
        "startedAt": iso(view.started_at),
        "finishedAt": iso(view.finished_at),
        "decidedAt": iso(view.decided_at),
        "url": view.url,
    }


RESOURCES = (
    Resource(path="/api/history/{service}", read=history, parameters=PAGE),
    Resource(path="/api/history/{service}/{environment}", read=history, parameters=PAGE),
)
