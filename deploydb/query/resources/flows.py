"""Flows: `/api/flows/{id}`."""

from deploydb.query.request_context import RequestContext
from deploydb.query.resource import PAGE, Resource
from deploydb.store.queries.flows import flow_by_id, flows_page
from deploydb.v1_schema import Flow


def by_id(asked: RequestContext) -> Flow:
    """One flow, with its deployments."""
    return Flow.of(asked.row("flow", lambda connection, id_: flow_by_id(connection, asked.catalog, id_)))


def page(asked: RequestContext) -> list[Flow]:
    """A page of all flows, ascending."""
    wanted = asked.page()
    with asked.store() as connection:
        views = flows_page(connection, asked.catalog, offset=wanted.offset, limit=wanted.size)
    return [Flow.of(view) for view in wanted.filled(views)]


RESOURCES = (
    Resource(path="/api/flows", read=page, parameters=PAGE),
    Resource(path="/api/flows/{id}", read=by_id),
)
