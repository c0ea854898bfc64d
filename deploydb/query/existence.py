"""Whether a service, and an environment of it, exist: configured or stored. None stands for one that is not named."""

import sqlalchemy as sa

from deploydb.domain.model.catalog import Catalog
from deploydb.http.errors import hint, not_found, shown
from deploydb.store.queries.existence import environment_is_used, lane_is_stored, service_is_stored


def require_service(connection: sa.Connection, catalog: Catalog, service: str | None) -> None:
    """Raises: HTTPException 404 where a service is neither configured nor has ever had a deployment."""
    if service is not None and service not in catalog.services and not service_is_stored(connection, service):
        raise not_found(f"there is no service {shown(service)}{hint(catalog.services)}")


def require_environment(connection: sa.Connection, catalog: Catalog, environment: str | None) -> None:
    """Raises: HTTPException 404 where an environment is not configured, and nothing runs or is on its way there."""
    if environment is None or environment in catalog.environments:
        return
    if not environment_is_used(connection, environment):
        raise not_found(f"there is no environment {shown(environment)}{hint(catalog.environments)}")


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
        raise not_found(f"{environment} is no stage of {shown(service)}{hint(stages)}")
    raise not_found(f"there is no environment {shown(environment)}{hint(catalog.environments)}")
