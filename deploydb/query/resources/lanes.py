"""Status, why and history: where does which version run, why is it not further, and what has been."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.domain.catalog import Catalog
from deploydb.query.conventions import answer, iso, limit
from deploydb.query.explanation import explain
from deploydb.store.engine import reading
from deploydb.store.queries.deployments import (
    DeploymentView,
    deployment_by_id,
    deployments_of_flow,
    deployments_of_lane,
)
from deploydb.store.queries.flows import candidate
from deploydb.store.queries.lanes import PendingView, RunningView, pending_in, running_in

Lane = tuple[str, str]


class Lanes:
    """The resources, on one database and the catalog in use."""

    def __init__(self, engine: sa.Engine, catalog: Callable[[], Catalog]) -> None:
        self._engine = engine
        self._catalog = catalog

    def routes(self) -> list[Route]:
        """Their paths."""
        return [
            Route("/api/status", self.status),
            Route("/api/why/{service}/{environment}", self.why),
            Route("/api/history/{service}", self.history),
            Route("/api/history/{service}/{environment}", self.history),
        ]

    def status(self, request: Request) -> Response:
        """`/api/status?service=&environment=`: every lane, what it runs, and what is on its way there."""
        service, environment = request.query_params.get("service"), request.query_params.get("environment")
        with reading(self._engine) as connection:
            running = running_in(connection, service, environment)
            pending = pending_in(connection, service, environment)
        lanes = self._lanes(service, environment)
        for ran in running:
            lane = lanes.setdefault((ran.service, ran.environment), {"running": [], "pending": []})
            lane["running"].append(_running_body(ran))
        for coming in pending:
            lane = lanes.setdefault((coming.service, coming.environment), {"running": [], "pending": []})
            lane["pending"].append(_pending_body(coming))
        if not lanes:
            self._refuse_unknown(service, environment)
        order = self._order()
        ranked = sorted(lanes, key=lambda lane: (lane[0], order.get(lane[1], len(order)), lane[1]))
        body = {
            "environments": sorted(
                {lane[1] for lane in lanes}, key=lambda ident: (order.get(ident, len(order)), ident)
            ),
            "lanes": [{"service": lane[0], "environment": lane[1], **lanes[lane]} for lane in ranked],
        }
        return answer(request, body)

    def why(self, request: Request) -> Response:
        """`/api/why/{service}/{environment}?version=`: a version's way there, and what holds it."""
        service, environment = request.path_params["service"], request.path_params["environment"]
        version = request.query_params.get("version")
        with reading(self._engine) as connection:
            ident = candidate(connection, service, environment, version)
            meant = deployment_by_id(connection, ident) if ident is not None else None
            if meant is None:
                self._refuse_unknown(service, environment)
                what = f"version {version}" if version else "any version"
                raise HTTPException(404, f"nothing is known of {what} of {service} for {environment}")
            way = deployments_of_flow(connection, meant.flow) if meant.flow is not None else [meant]
            running = running_in(connection, service, environment)
        return answer(request, explain(self._catalog(), meant, way, running))

    def history(self, request: Request) -> Response:
        """`/api/history/{service}[/{environment}]`: what has been tried, newest first."""
        service, environment = request.path_params["service"], request.path_params.get("environment")
        with reading(self._engine) as connection:
            views = deployments_of_lane(connection, service, environment, limit=limit(request))
        if not views:
            self._refuse_unknown(service, environment)
        return answer(request, {"deployments": [_history_body(view) for view in views]})

    def _lanes(self, service: str | None, environment: str | None) -> dict[Lane, dict[str, list[Any]]]:
        """The configured lanes, with nothing in them yet."""
        catalog = self._catalog()
        services = catalog.services.values() if service is None else filter(None, [catalog.services.get(service)])
        return {
            (one.ident, stage.environment): {"running": [], "pending": []}
            for one in services
            for stage in catalog.stages(one)
            if environment in (None, stage.environment)
        }

    def _order(self) -> dict[str, int]:
        """Environments by their place in the pipelines."""
        order: dict[str, int] = {}
        for pipeline in self._catalog().pipelines.values():
            for position, stage in enumerate(pipeline.stages):
                order[stage.environment] = max(position, order.get(stage.environment, 0))
        return order

    def _refuse_unknown(self, service: str | None, environment: str | None) -> None:
        """Raises: HTTPException 404 for a service or an environment that nobody has configured."""
        catalog = self._catalog()
        for kind, name, known in (
            ("service", service, catalog.services),
            ("environment", environment, catalog.environments),
        ):
            if name is not None and name not in known:
                hint = f"; there is {', '.join(sorted(known))}" if 0 < len(known) <= 20 else ""
                raise HTTPException(404, f"there is no {kind} {name}{hint}")


def _running_body(view: RunningView) -> dict[str, Any]:
    return {
        "module": view.module,
        "version": view.version,
        "deployment": view.deployment,
        "status": view.status,
        "since": iso(view.since),
        "reason": view.reason,
    }


def _pending_body(view: PendingView) -> dict[str, Any]:
    return {
        "module": view.module,
        "version": view.version,
        "deployment": view.deployment,
        "status": view.status,
        "reason": view.reason,
    }


def _history_body(view: DeploymentView) -> dict[str, Any]:
    return {
        "id": view.id,
        "flow": view.flow,
        "environment": view.environment,
        "module": f"{view.artifact.group}:{view.artifact.name}",
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
