"""Artifacts, deployments, flows: what is stored, as the v1 interface shows it."""

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.query.conventions import MAX_PAGE_SIZE, answer, found, identifier, page
from deploydb.query.shapes import artifact_body, deployment_body, flow_body, result_body
from deploydb.store.engine import reading
from deploydb.store.queries.artifacts import ArtifactView, artifact_by_id, artifacts_of_module
from deploydb.store.queries.deployments import (
    DeploymentView,
    deployment_by_id,
    deployments_of_artifact,
    deployments_page,
    latest_deployment,
)
from deploydb.store.queries.flows import flow_by_id


class Stored:
    """The resources, on one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def routes(self) -> list[Route]:
        """Their paths. Those with a fixed word come before those with an id."""
        module = "/api/artifacts/by-module/{module:path}"
        return [
            Route(f"{module}/latest", self.latest_of_module),
            Route(module, self.module),
            Route("/api/artifacts/{id}", self.artifact),
            Route("/api/artifacts/{id}/versions", self.versions),
            Route("/api/artifacts/{id}/deployments", self.deployments_of),
            Route("/api/deployments", self.deployments),
            Route("/api/deployments/latest", self.latest_deployment),
            Route("/api/deployments/{id}", self.deployment),
            Route("/api/deployments/{id}/promotions/{result}", self.result),
            Route("/api/flows/{id}", self.flow),
        ]

    def artifact(self, request: Request) -> Response:
        """`/api/artifacts/{id}`."""
        return answer(request, artifact_body(self._artifact(request)))

    def versions(self, request: Request) -> Response:
        """`/api/artifacts/{id}/versions`: its module's, newest first."""
        known = self._artifact(request)
        with reading(self._engine) as connection:
            versions = artifacts_of_module(connection, known.group, known.name, offset=0, limit=MAX_PAGE_SIZE)
        return answer(request, [artifact_body(view) for view in versions])

    def deployments_of(self, request: Request) -> Response:
        """`/api/artifacts/{id}/deployments`."""
        known = self._artifact(request)
        with reading(self._engine) as connection:
            views = deployments_of_artifact(connection, known.id, limit=MAX_PAGE_SIZE)
        return answer(request, [deployment_body(view) for view in views])

    def module(self, request: Request) -> Response:
        """`/api/artifacts/by-module/{group}:{name}`: a page, newest first."""
        wanted = page(request)
        views = self._of_module(request, wanted.offset, wanted.size)
        if not views and not self._of_module(request, 0, 1):
            raise self._no_module(request)
        return answer(request, [artifact_body(view) for view in found(views, wanted)])

    def latest_of_module(self, request: Request) -> Response:
        """`…/latest`."""
        views = self._of_module(request, 0, 1)
        if not views:
            raise self._no_module(request)
        return answer(request, artifact_body(views[0]))

    def deployments(self, request: Request) -> Response:
        """`/api/deployments`: a page, ascending."""
        wanted = page(request)
        with reading(self._engine) as connection:
            views = deployments_page(connection, offset=wanted.offset, limit=wanted.size)
        return answer(request, [deployment_body(view) for view in found(views, wanted)])

    def latest_deployment(self, request: Request) -> Response:
        """`/api/deployments/latest`."""
        with reading(self._engine) as connection:
            view = latest_deployment(connection)
        if view is None:
            raise HTTPException(404, "there is no deployment yet")
        return answer(request, deployment_body(view))

    def deployment(self, request: Request) -> Response:
        """`/api/deployments/{id}`."""
        return answer(request, deployment_body(self._deployment(request)))

    def result(self, request: Request) -> Response:
        """`/api/deployments/{id}/promotions/{promotion-result-id}`."""
        known = self._deployment(request)
        ident = identifier(request, "promotion result", "result")
        for result in known.results:
            if result.id == ident:
                return answer(request, result_body(result, known))
        raise HTTPException(404, f"deployment {known.id} has no promotion result {ident}")

    def flow(self, request: Request) -> Response:
        """`/api/flows/{id}`."""
        ident = identifier(request, "flow")
        with reading(self._engine) as connection:
            view = flow_by_id(connection, ident)
        if view is None:
            raise HTTPException(404, f"there is no flow {ident}")
        return answer(request, flow_body(view))

    def _artifact(self, request: Request) -> ArtifactView:
        ident = identifier(request, "artifact")
        with reading(self._engine) as connection:
            view = artifact_by_id(connection, ident)
        if view is None:
            raise HTTPException(404, f"there is no artifact {ident}")
        return view

    def _deployment(self, request: Request) -> DeploymentView:
        ident = identifier(request, "deployment")
        with reading(self._engine) as connection:
            view = deployment_by_id(connection, ident)
        if view is None:
            raise HTTPException(404, f"there is no deployment {ident}")
        return view

    def _of_module(self, request: Request, offset: int, size: int) -> list[ArtifactView]:
        group, colon, name = request.path_params["module"].partition(":")
        if not colon:
            raise self._no_module(request)
        with reading(self._engine) as connection:
            return artifacts_of_module(connection, group, name, offset=offset, limit=size)

    def _no_module(self, request: Request) -> HTTPException:
        return HTTPException(404, f"there is no artifact of module {request.path_params['module']} (group:name)")
