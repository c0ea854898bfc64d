"""Flows: `/api/flows/{id}`."""

from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource
from deploydb.store.queries.flows import flow_by_id
from deploydb.v1_schema import Flow


def by_id(asked: RequestContext) -> Flow:
    """One flow, with its deployments."""
    return Flow.of(asked.row("flow", lambda connection, id_: flow_by_id(connection, asked.catalog, id_)))


RESOURCES = (Resource(path="/api/flows/{id}", read=by_id),)
