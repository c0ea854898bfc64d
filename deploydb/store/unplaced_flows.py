"""The flows that may get a deployment in a stage for the first time, where pipelines take some versions alone."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deploydb.domain.evaluation.decisions import Unplaced
from deploydb.domain.model.artifact import module_key, split_module
from deploydb.domain.model.branches import BRANCHED
from deploydb.domain.model.catalog import Catalog
from deploydb.store import bulk
from deploydb.store.deployments import release_from_row, released
from deploydb.store.engine import reading, transact
from deploydb.store.list_parameters import among
from deploydb.store.tables import (
    artifact,
    deployment,
    evaluation_request,
    flow,
    promotion_request,
    service_schedule,
)

_FLOWS = (
    released()
    .add_columns(flow.c.id.label("flow"), flow.c.service)
    .join(flow, flow.c.artifact_id == artifact.c.id)
    .where(among(artifact.c.module_key, "modules"), among(flow.c.service, "services"))
)
ABSENT = sa.not_(sa.exists().where(deployment.c.flow_id == flow.c.id))
"""Whether a flow has no deployment: no pipeline took its version when it was opened, nor since."""
_ANYWHERE = _FLOWS.where(ABSENT).order_by(flow.c.id)
_PROMOTED = (
    _FLOWS.join(
        promotion_request,
        sa.and_(promotion_request.c.service == flow.c.service, promotion_request.c.version == artifact.c.version),
    )
    .where(
        sa.not_(
            sa.exists().where(
                deployment.c.flow_id == flow.c.id, deployment.c.environment == promotion_request.c.environment
            )
        )
    )
    .order_by(flow.c.id)
)
_OF_VERSION = _FLOWS.where(artifact.c.version == sa.bindparam("version"))
_BRANCHED = sa.select(service_schedule.c.service, service_schedule.c.stages).where(
    service_schedule.c.stages.endswith(BRANCHED)
)
_HAD_BRANCHES = _BRANCHED.where(among(service_schedule.c.service, "services"))
_PLACES = sa.select(deployment.c.flow_id, deployment.c.environment).where(among(deployment.c.flow_id, "flows"))


def unplaced_flows(
    connection: sa.Connection, services: Collection[str], catalog: Catalog, restaged: Collection[str]
) -> dict[str, tuple[Unplaced, ...]]:
    """By service, its flows without a deployment in a lane that a person promotes their version to; of those that are
    `restaged`, the flows without any deployment that a pipeline takes now, too.

    Costs nothing where pipelines take all versions, and did so when the service was evaluated last; else, of what is
    restaged, the releases of its modules. Indexes: `ix_artifact_module_key_id`, `uq_artifact_module_key_version`,
    `uq_flow_artifact_id`, `uq_deployment_flow_id`, `ix_promotion_request_version`.
    """
    found: dict[str, dict[int, Unplaced]] = defaultdict(dict)
    branched = sorted(service for service in services if catalog.branches(service) is not None)
    again = {*connection.execute(_HAD_BRANCHES, {"services": sorted(restaged)}).scalars()} if restaged else set[str]()
    again |= {service for service in branched if service in restaged}
    if again:
        for row in connection.execute(_ANYWHERE, _of(catalog, again)):
            release, service = release_from_row(row), catalog.services[row.service]
            if catalog.stages_of(service, release.artifact.version):
                found[row.service][row.flow] = Unplaced(flow=row.flow, release=release)
    if branched:
        promoted = connection.execute(_PROMOTED, _of(catalog, branched))
        for name, flows in _placed(connection, promoted).items():
            found[name] |= flows
    return {service: tuple(one for _, one in sorted(flows.items())) for service, flows in found.items()}


def mark_untaken(engine: sa.Engine, catalog: Catalog, now: datetime) -> int:
    """Mark the services with releases that a worker with another catalog has opened no deployment for, and that a
    pipeline takes by this one. How many there are.

    Costs a look at the schedule where all workers have one catalog.
    """
    with reading(engine) as connection:
        evaluated = connection.execute(_BRANCHED).all()
        others = [row.service for row in evaluated if row.stages != catalog.stages_digest(row.service)]
        services = sorted(name for name in others if unplaced_flows(connection, [name], catalog, [name]).get(name))
    if services:
        batch = [{"service": service, "created_at": now} for service in services]
        transact(engine, lambda connection: bulk.insert_rows(connection, evaluation_request, batch))
    return len(services)


def flows_of_version(connection: sa.Connection, catalog: Catalog, service: str, version: str) -> tuple[Unplaced, ...]:
    """The flows of a version of a configured service, wherever they have deployments."""
    rows = connection.execute(_OF_VERSION, {**_of(catalog, [service]), "version": version})
    return tuple(_placed(connection, rows).get(service, {}).values())


def _placed(connection: sa.Connection, rows: sa.CursorResult[Any]) -> dict[str, dict[int, Unplaced]]:
    """The flows by service, with the environments in which they have deployments."""
    known = {row.flow: row for row in rows}
    there: dict[int, set[str]] = defaultdict(set)
    for place in connection.execute(_PLACES, {"flows": sorted(known)}) if known else ():
        there[place.flow_id].add(place.environment)
    found: dict[str, dict[int, Unplaced]] = defaultdict(dict)
    for id_, row in known.items():
        placed = Unplaced(flow=id_, release=release_from_row(row), environments=tuple(sorted(there[id_])))
        found[row.service][id_] = placed
    return found


def _of(catalog: Catalog, services: Collection[str]) -> dict[str, list[str]]:
    """Those of the services that are configured, and their modules, as parameters."""
    known = sorted(service for service in services if service in catalog.services)
    modules = {module_key(*split_module(module)) for service in known for module in catalog.services[service].artifacts}
    return {"services": known, "modules": sorted(modules)}
