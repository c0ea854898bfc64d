"""Whether a service, and an environment of it, exist: configured or stored. None stands for one that is not named."""

import sqlalchemy as sa
from starlette.exceptions import HTTPException

from deploydb.domain.formatting import listed
from deploydb.domain.model.artifact import split_module
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.suggestions import close_match
from deploydb.domain.wording import text
from deploydb.http.errors import nearest, not_found, shown
from deploydb.store.environment_names import latest_names
from deploydb.store.queries.branches import branch_of_version
from deploydb.store.queries.existence import environment_is_used, lane_is_stored, service_is_stored
from deploydb.store.queries.why import version_is_stored, versions_of


def require_service(connection: sa.Connection, catalog: Catalog, service: str | None) -> None:
    """Raises: HTTPException 404 where a service is neither configured nor has ever had a deployment."""
    if service is not None and service not in catalog.services and not service_is_stored(connection, service):
        incomplete = catalog.incomplete.get(service)
        if incomplete is not None:
            raise not_found(f"{service} takes no releases: it lacks {listed(incomplete.lacks, 'and')}")
        raise not_found(f"there is no service {shown(service)}{nearest(service, catalog.services)}")


def require_environment(connection: sa.Connection, catalog: Catalog, environment: str | None) -> None:
    """Raises: HTTPException 404 where an environment is not configured, and nothing runs or is on its way there."""
    if environment is None or environment in catalog.environments:
        return
    if not environment_is_used(connection, environment):
        raise _no_environment(connection, catalog, environment)


def require_lane(connection: sa.Connection, catalog: Catalog, service: str, environment: str | None) -> None:
    """Raises: HTTPException 404 where a service has no such stage, and has never had a deployment there."""
    require_service(connection, catalog, service)
    if environment is None:
        return
    configured = catalog.services.get(service)
    stages = {stage.environment: stage for stage in catalog.stages(configured)} if configured is not None else {}
    if environment in stages or lane_is_stored(connection, service, environment):
        return
    if environment in catalog.environments:
        raise not_found(f"{environment} is no stage of {shown(service)}{nearest(environment, stages)}")
    raise _no_environment(connection, catalog, environment)


def unknown_module(catalog: Catalog, service: str, module: str | None) -> HTTPException | None:
    """404 for a module that a configured service is not made of; None for another one."""
    configured = catalog.services.get(service)
    if module is None or configured is None or module in configured.artifacts:
        return None
    return not_found(f"{shown(service)} has no artifact {shown(module)}{nearest(module, configured.artifacts)}")


def unknown_version(
    connection: sa.Connection,
    catalog: Catalog,
    service: str,
    environment: str | None,
    version: str,
    module: str | None = None,
) -> HTTPException:
    """404 for a version, of a module or any, without a deployment in a lane, or in any stage of a service."""
    gone = unknown_module(catalog, service, module)
    if gone is not None:
        return gone
    branch = branch_of_version(connection, catalog, service, environment, version, module)
    if branch is not None:
        where = f"in {environment}" if environment is not None else "in any stage"
        return not_found(f"{shown(version)} of {shown(service)} is not {where}: {text(branch.reason)}")
    configured = catalog.services.get(service)
    modules = configured.artifacts if configured is not None else ()
    known = [split_module(one) for one in modules if module in (None, one)]
    if environment is not None and version_is_stored(connection, known, version):
        return not_found(f"{shown(version)} of {shown(service)} was published, and has no way to {environment}")
    near = near_version(connection, catalog, service, version)
    return not_found(f"there is no version {shown(version)} of {shown(service)}{near}")


def near_version(connection: sa.Connection, catalog: Catalog, service: str, version: str | None) -> str:
    """`; did you mean X?`, of a version that no module of a service has; nothing for the others."""
    configured = catalog.services.get(service)
    modules = [split_module(module) for module in configured.artifacts] if configured is not None else []
    if version is None or version_is_stored(connection, modules, version):
        return ""
    return close_match(version, versions_of(connection, modules))


def _no_environment(connection: sa.Connection, catalog: Catalog, environment: str) -> HTTPException:
    now = latest_names(connection).now(environment)
    renamed = f"; {shown(environment)} is now {now}" if now != environment else ""
    message = f"there is no environment {shown(environment)}"
    return not_found(f"{message}{renamed or nearest(environment, catalog.environments)}")
