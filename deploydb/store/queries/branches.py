"""Releases that go through no stage, or not through one that is asked about, by the branches of the pipelines."""

from collections.abc import Collection

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.admission_reasons import BranchElsewhere, NoPipeline
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Release
from deploydb.domain.model.pipelines import upstream_of
from deploydb.store.list_parameters import among
from deploydb.store.tables import flow
from deploydb.store.unplaced_flows import ABSENT, flows_of_version


class BranchView(Struct, frozen=True, kw_only=True):
    """A release without a deployment in a lane, since its pipeline takes other versions. `elsewhere`: the reason of
    the lane alone; `goes_to`: the environments that it goes through; `passes_by`: the stages before the lane that it
    does not go through."""

    release: Release
    reason: BranchElsewhere | NoPipeline
    elsewhere: BranchElsewhere | None
    goes_to: tuple[str, ...]
    passes_by: tuple[str, ...] = ()


def branch_of_version(
    connection: sa.Connection,
    catalog: Catalog,
    service: str,
    environment: str | None,
    version: str,
    module: str | None = None,
) -> BranchView | None:
    """Why a version (of a module) has no deployment in a lane, or in any stage; None where it has one, or where
    branches are no reason. Costs nothing where pipelines take all versions. Indexes: those of `flows_of_version`."""
    configured, branches = catalog.services.get(service), catalog.branches(service)
    if configured is None or branches is None:
        return None
    elsewhere = branches.elsewhere(environment, version) if environment is not None else None
    reason = branches.nowhere(service, version) or elsewhere
    if reason is None:
        return None
    for one in flows_of_version(connection, catalog, service, version):
        there = environment in one.environments if environment is not None else bool(one.environments)
        if not there and module in (None, one.release.artifact.module):
            names = {*branches.environments(version), *one.environments}
            stages = {stage.environment: stage.after for stage in catalog.stages(configured)}
            before = upstream_of(environment or "", stages)
            return BranchView(
                release=one.release,
                reason=reason,
                elsewhere=elsewhere,
                goes_to=tuple(name for name in stages if name in names),
                passes_by=tuple(name for name in stages if name in before and name not in one.environments),
            )
    return None


def services_without_stage(
    connection: sa.Connection, catalog: Catalog, artifacts: Collection[int]
) -> list[tuple[int, str]]:
    """The artifacts with a flow that has no deployment, each with its service. Costs nothing where pipelines take all
    versions. Indexes: `uq_flow_artifact_id`, `uq_deployment_flow_id`."""
    if all(catalog.branches(service) is None for service in catalog.services):
        return []
    statement = sa.select(flow.c.artifact_id, flow.c.service).where(
        among(flow.c.artifact_id, sorted(artifacts)), ABSENT
    )
    return [(row.artifact_id, row.service) for row in connection.execute(statement.order_by(flow.c.id))]
