"""Flows: `/api/flows/{id}`."""

from deploydb.query.asking import Asked, Body
from deploydb.query.errors import not_found
from deploydb.query.resource import Resource
from deploydb.query.shapes import flow_body
from deploydb.store.queries.flows import flow_by_id


def by_id(asked: Asked) -> Body:
    """One flow, with its deployments."""
    ident = asked.ident("flow")
    with asked.store() as connection:
        view = flow_by_id(connection, ident)
    if view is None:
        raise not_found(f"there is no flow {ident}")
    return flow_body(view)


RESOURCES = (Resource(path="/api/flows/{id}", read=by_id),)
