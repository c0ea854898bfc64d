"""Why: `/api/why/{service}/{environment}`, why a version is there, or is not."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from deploydb.domain.catalog import Service
from deploydb.query.asking import Asked, Body
from deploydb.query.errors import not_found, shown
from deploydb.query.explanation import explain
from deploydb.query.lane import require_lane
from deploydb.store.queries.deployments import deployment_by_id, deployments_of_flow
from deploydb.store.queries.lanes import running_in
from deploydb.store.queries.why import (
    CandidateView,
    deployment_of_version,
    last_in_lane,
    last_to_run,
    newest_of_module,
    version_is_stored,
)

_LOOKED_BACK = 200
"""Where a higher version is newer, it is looked for among the releases of a module that were published last."""


def why(asked: Asked) -> Body:
    """The answer about a version, or about the newest one that is not there yet, else the one that runs there."""
    service, environment = asked.name("service"), asked.name("environment")
    version = asked.option("version")
    with asked.store() as connection:
        if version is not None:
            ident = deployment_of_version(connection, service, environment, version)
        else:
            ident = _meant(connection, asked.catalog.services.get(service), service, environment)
        meant = deployment_by_id(connection, ident) if ident is not None else None
        if meant is None:
            require_lane(connection, asked.catalog, service, environment)
            if version is None:
                raise not_found(f"no release of {service} is on its way to {environment}, and none runs there")
            raise _unknown_version(connection, asked.catalog.services.get(service), service, environment, version)
        flow = deployments_of_flow(connection, meant.flow) if meant.flow is not None else [meant]
        running = running_in(connection, service, environment)
    return explain(asked.catalog, meant, flow, running)


def _meant(connection: sa.Connection, configured: Service | None, service: str, environment: str) -> int | None:
    """The deployment in the lane that a question without a version is about."""
    if configured is not None:
        heads = [
            head
            for module in configured.artifacts
            if (head := _newest(connection, configured, environment, module)) is not None
        ]
        coming = [head for head in heads if head.status != "SUCCESS"]
        if coming:
            return max(coming, key=lambda head: (head.release.order_key("published"), head.deployment)).deployment
    runs = last_to_run(connection, service, environment)
    return runs if runs is not None else last_in_lane(connection, service, environment)


def _newest(connection: sa.Connection, configured: Service, environment: str, module: str) -> CandidateView | None:
    """A module's newest release, in the service's order of what is newer."""
    group, _, name = module.partition(":")
    looked_back = 1 if configured.order == "published" else _LOOKED_BACK
    found = newest_of_module(connection, configured.ident, environment, group, name, limit=looked_back)
    return max(found, key=lambda one: (one.release.order_key(configured.order), one.deployment), default=None)


def _unknown_version(
    connection: sa.Connection, configured: Service | None, service: str, environment: str, version: str
) -> Exception:
    modules = (
        [(group, name) for group, _, name in (each.partition(":") for each in configured.artifacts)]
        if (configured)
        else []
    )
    if version_is_stored(connection, modules, version):
        return not_found(f"{shown(version)} of {service} was published, and has no way to {environment}")
    return not_found(f"there is no version {shown(version)} of {service}")


ROUTES: Mapping[str, Callable[[Asked], Any]] = {"/api/why/{service}/{environment}": why}
