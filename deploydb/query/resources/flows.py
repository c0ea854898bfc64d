"""Flows: `/api/flows/{id}`."""

from deploydb.http.errors import not_found
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource
from deploydb.query.v1_schema import Flow
from deploydb.store.queries.flows import flow_by_id


def by_id(asked: RequestContext) -> Flow:
    """One flow, with its deployments."""
    ident = asked.ident("flow")
    with asked.store() as connection:
        view = flow_by_id(connection, ident)
    if view is None:
        raise not_found(f"there is no flow {ident}")
    return Flow.of(view)


RESOURCES = (Resource(path="/api/flows/{id}", read=by_id),)
