"""Which deployment a question about a service, an environment and perhaps a version means."""

from collections.abc import Collection

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.artifact import module_key
from deploydb.domain.model.deployment import Release
from deploydb.store.deployments import is_needless, release_from_row, released
from deploydb.store.list_parameters import among
from deploydb.store.queries.artifacts import MODULE
from deploydb.store.tables import artifact, current_version, deployment, hotfix, promotion_request

_MOST_COMPARED = 1000


class CandidateView(Struct, frozen=True, kw_only=True):
    """A release with its deployment in the lane."""

    release: Release
    deployment: int
    status: str


def deployment_of_version(
    connection: sa.Connection, service: str, environment: str, version: str, module: str | None = None
) -> int | None:
    """The last attempt to have a version (of a module) in a lane, but for one that is not needed. Index:
    `ix_deployment_lane`.

    Of two modules that share the version, the one published last; one that was commanded before one that was only seen.
    """
    statement = (
        sa.select(deployment.c.id)
        .join(artifact, artifact.c.id == deployment.c.artifact_id)
        .where(
            deployment.c.service == service, deployment.c.environment == environment, deployment.c.version == version
        )
        .order_by(
            deployment.c.kind == "external", artifact.c.published_at.desc(), is_needless(), deployment.c.id.desc()
        )
    )
    if module is not None:
        statement = statement.where(MODULE == module)  # noqa: SIM300
    return connection.execute(statement.limit(1)).scalar()


def passed_by(connection: sa.Connection, service: str, environment: str, version: str) -> frozenset[str]:
    """The stages that a version passes by on its way to an environment, by a hotfix or a promotion by a person.

    Indexes: primary keys of `hotfix` and `promotion_request`.
    """
    skipped = sa.union_all(
        sa.select(hotfix.c.skip).where(hotfix.c.service == service, hotfix.c.version == version),
        sa.select(promotion_request.c.skip).where(
            promotion_request.c.service == service,
            promotion_request.c.environment == environment,
            promotion_request.c.version == version,
        ),
    )
    return frozenset(stage for skip in connection.execute(skipped).scalars() for stage in skip)


def newest_of_module(
    connection: sa.Connection, service: str, environment: str, group: str, name: str, *, limit: int
) -> list[CandidateView]:
    """The module's releases that the lane is a stage for, the last published first, at most `limit` deployments.

    Indexes: `ix_artifact_module`, `ix_deployment_artifact`.
    """
    statement = (
        released()
        .add_columns(deployment.c.id, deployment.c.status)
        .join(deployment, deployment.c.artifact_id == artifact.c.id)
        .where(
            artifact.c.module_key == module_key(group, name),
            sa.not_(artifact.c.observed),
            deployment.c.service == service,
            deployment.c.environment == environment,
            deployment.c.flow_id.is_not(None),
        )
        .order_by(artifact.c.published_at.desc(), artifact.c.id.desc(), deployment.c.id.desc())
        .limit(limit)
    )
    return [
        CandidateView(release=release_from_row(row), deployment=row.id, status=row.status)
        for row in connection.execute(statement)
    ]


def last_to_run(connection: sa.Connection, service: str, environment: str) -> int | None:
    """The deployment that came to run in a lane last. Index: primary key of `current_version`."""
    statement = sa.select(current_version.c.deployment_id).where(
        current_version.c.service == service, current_version.c.environment == environment
    )
    return connection.execute(statement.order_by(current_version.c.live_at.desc()).limit(1)).scalar()


def last_in_lane(connection: sa.Connection, service: str, environment: str) -> int | None:
    """The lane's deployment with the highest id. Costs the lane's length. Index: `ix_deployment_lane`."""
    statement = sa.select(sa.func.max(deployment.c.id)).where(
        deployment.c.service == service, deployment.c.environment == environment
    )
    return connection.execute(statement).scalar()


def version_is_stored(connection: sa.Connection, modules: Collection[tuple[str, str]], version: str) -> bool:
    """Whether any of the modules (group, name) has the version. Index: `uq_artifact_module_key_version`."""
    keys = [module_key(group, name) for group, name in modules]
    statement = sa.select(artifact.c.id).where(among(artifact.c.module_key, keys), artifact.c.version == version)
    return connection.execute(statement.limit(1)).first() is not None


def versions_of(connection: sa.Connection, modules: Collection[tuple[str, str]]) -> list[str]:
    """The versions of some modules (group, name) that a misspelt one is compared with, the last recorded first.
    Index: `ix_artifact_module_key_id`."""
    keys = [module_key(group, name) for group, name in modules]
    versions = sa.select(artifact.c.version).where(among(artifact.c.module_key, keys))
    return list(connection.execute(versions.order_by(artifact.c.id.desc()).limit(_MOST_COMPARED)).scalars())
