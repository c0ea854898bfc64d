"""The page of a deployment: its flow, or its lane where it has no flow."""

from deploydb.query.pages.filters import segment
from deploydb.query.request_context import RequestContext
from deploydb.query.resources.deployments import asked_deployment


def place_of(asked: RequestContext) -> str:
    """The address of the page of a deployment."""
    view = asked_deployment(asked)
    if view.flow is None:
        lane = f"{segment(view.service)}/{segment(view.environment)}"
        return f"/why/{lane}?version={segment(view.artifact.version)}"
    return f"/flows/{view.flow}#deployment-{view.id}"
