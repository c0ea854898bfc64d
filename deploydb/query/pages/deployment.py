"""The page of a deployment: its flow, or its lane where it has no flow."""

from deploydb.http.errors import not_found
from deploydb.query.pages.filters import segment
from deploydb.query.request_context import RequestContext
from deploydb.store.queries.deployments import deployment_by_id


def place_of(asked: RequestContext) -> str:
    """The address of the page of a deployment."""
    ident = asked.ident("deployment")
    with asked.store() as connection:
        view = deployment_by_id(connection, ident)
    if view is None:
        raise not_found(f"there is no deployment {ident}")
    if view.flow is None:
        lane = f"{segment(view.service)}/{segment(view.environment)}"
        return f"/why/{lane}?version={segment(view.artifact.version)}"
    return f"/flows/{view.flow}#deployment-{ident}"
