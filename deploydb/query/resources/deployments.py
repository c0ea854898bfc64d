"""Deployments and their promotion results: `/api/deployments…`."""

from deploydb.http.errors import existing, not_found
from deploydb.query.existence import require_environment, require_service
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import PAGE, Resource
from deploydb.store.environment_names import names_of
from deploydb.store.queries.artifacts import artifact_by_id
from deploydb.store.queries.deployments import (
    DeploymentView,
    deployment_by_id,
    deployments_in,
    deployments_of_artifact,
    deployments_page,
    latest_deployment,
)
from deploydb.v1_schema import Deployment, PromotionResult


def page(asked: RequestContext) -> list[Deployment]:
    """A page of all deployments, ascending."""
    wanted = asked.page()
    with asked.store() as connection:
        views = deployments_page(connection, offset=wanted.offset, limit=wanted.size)
    return [Deployment.of(view) for view in wanted.filled(views)]


def latest(asked: RequestContext) -> Deployment:
    """The deployment with the highest id."""
    with asked.store() as connection:
        return Deployment.of(existing(latest_deployment(connection), "deployment yet"))


def by_id(asked: RequestContext) -> Deployment:
    """One deployment."""
    return Deployment.of(asked_deployment(asked))


def result(asked: RequestContext) -> PromotionResult:
    """One promotion result of a deployment."""
    ident = asked.ident("promotion result", "result")
    deployment = asked_deployment(asked)
    found = next((result for result in deployment.results if result.id == ident), None)
    if found is None:
        raise not_found(f"deployment {deployment.id} has no promotion result {ident}")
    return PromotionResult.of(found, deployment)


def of_artifact(asked: RequestContext) -> list[Deployment]:
    """A page of an artifact's deployments, ascending."""
    wanted, known = asked.page(), asked.row("artifact", artifact_by_id)
    with asked.store() as connection:
        views = deployments_of_artifact(connection, known.id, offset=wanted.offset, limit=wanted.size)
    return [Deployment.of(view) for view in wanted.filled(views)]


def of_service(asked: RequestContext) -> list[Deployment]:
    """A page of a service's deployments, ascending."""
    wanted, service = asked.page(), asked.name("ident")
    with asked.store() as connection:
        require_service(connection, asked.catalog, service)
        views = deployments_in(connection, service=service, offset=wanted.offset, limit=wanted.size)
    return [Deployment.of(view) for view in wanted.filled(views)]


def in_environment(asked: RequestContext) -> list[Deployment]:
    """A page of the deployments in an environment, ascending."""
    wanted, environment = asked.page(), names_of(asked.engine).now(asked.name("ident"))
    with asked.store() as connection:
        require_environment(connection, asked.catalog, environment)
        views = deployments_in(connection, environment=environment, offset=wanted.offset, limit=wanted.size)
    return [Deployment.of(view) for view in wanted.filled(views)]


def asked_deployment(asked: RequestContext) -> DeploymentView:
    """The deployment of the path. Raises: HTTPException 404 where there is none."""
    return asked.row("deployment", deployment_by_id)


RESOURCES = (
    Resource(path="/api/deployments", read=page, parameters=PAGE),
    Resource(path="/api/deployments/latest", read=latest),
    Resource(path="/api/deployments/by-artifact/{id}", read=of_artifact, parameters=PAGE),
    Resource(path="/api/deployments/by-service/{ident}", read=of_service, parameters=PAGE),
    Resource(path="/api/environments/{ident}/deployments", read=in_environment, parameters=PAGE),
    Resource(path="/api/deployments/{id}", read=by_id),
    Resource(path="/api/deployments/{id}/promotions/{result}", read=result),
)
