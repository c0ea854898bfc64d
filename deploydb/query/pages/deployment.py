"""Where a deployment is told: with its flow, or, where it has none, with its lane."""

from deploydb.http.errors import not_found
from deploydb.query.pages.filters import segment
from deploydb.query.request_context import RequestContext
from deploydb.store.queries.deployments import deployment_by_id


def place_of(asked: RequestContext) -> str:
    """The address of the page that tells a deployment."""
    ident = asked.ident("deployment")
    with asked.store() as connection:
        view = deployment_by_id(connection, ident)
    if view is None:
        raise not_found(f"there is no deployment {ident}")
    if view.flow is None:
        lane = f"{segment(view.service)}/{segment(view.environment)}"
        return f"/why/{lane}?version={segment(view.artifact.version)}"
    return f"/flows/{view.flow}#deployment-{ident}"
