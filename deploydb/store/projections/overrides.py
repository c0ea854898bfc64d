"""Whom facts about no single deployment concern: holds, hotfixes, rollbacks, incidents, attestations."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.artifact import Artifact, module_key
from deploydb.domain.model.facts import EVERY_HOLD, AboutHold, Fact
from deploydb.domain.model.overrides import Hold
from deploydb.store.list_parameters import among_rows
from deploydb.store.projections.latest import value_of
from deploydb.store.tables import artifact, current_version, deployment, hold


def concerned(connection: sa.Connection, facts: Sequence[Fact]) -> set[str]:
    """The services that the facts concern, as `Fact` says. Where a fact reopens its lane, have the current version
    evaluated again.

    Indexes: primary key of `current_version`, `ix_deployment_needs_evaluation`, `uq_artifact_module_key_version`.
    """
    places = [(getattr(fact, "service", None), getattr(fact, "environment", None), fact) for fact in facts]
    for service, environment in sorted({(one, where) for one, where, fact in places if fact.projection.reopens}):
        here = sa.select(current_version.c.deployment_id).where(
            current_version.c.service == service, current_version.c.environment == environment
        )
        connection.execute(sa.update(deployment).where(deployment.c.id.in_(here)).values(needs_evaluation=True))
    named = {service for service, _, _ in places if service is not None}
    return named.union(
        *(_with_open(connection, environment, fact) for service, environment, fact in places if service is None)
    )


_lift = hold.alias("lift")
UNLIFTED = sa.and_(
    hold.c.placed,
    ~sa.exists().where(
        *(_lift.c[name] == hold.c[name] for name in ("kind", "service", "environment", "vetoed")),
        _lift.c.hold == sa.literal(EVERY_HOLD),
        sa.not_(_lift.c.placed),
        sa.tuple_(_lift.c.time, _lift.c.source, _lift.c.event_id)
        > sa.tuple_(hold.c.time, hold.c.source, hold.c.event_id),
    ),
)
"""Of a row of `hold`, as `domain.model.overrides.unlifted`. Index: primary key."""


def standing_at(now: Any, *scope: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:  # noqa: ANN401  # a time, or a parameter
    """Of a row of `hold`, in a scope: unlifted, and not over by itself at a time. Index: `ix_hold_standing`."""
    ends = (hold.c.until.is_(None), hold.c.until > now)
    # the scope in each: SQLite takes no index for the rest of a condition around an OR
    return sa.and_(UNLIFTED, sa.or_(*(sa.and_(*scope, end) for end in ends)))


_LIFTED = (
    sa.update(hold)
    .where(
        hold.c.placed,
        sa.not_(UNLIFTED),
        among_rows((hold.c.kind, hold.c.service, hold.c.environment, hold.c.vetoed), "scopes"),
    )
    .values(placed=False)
)


def settle_holds(connection: sa.Connection, facts: Sequence[AboutHold]) -> None:
    """Have the holds of these scopes that were lifted with all others count as such. Index: primary key.

    Readers look at the lifts all the same: of a hold and a lift that are written at a time neither sees the other.
    """
    scopes = {(one.kind, one.service or "", one.environment or "", one.columns()["vetoed"] or "") for one in facts}
    if scopes:
        connection.execute(_LIFTED, {"scopes": sorted(scopes)})


def hold_from_row(row: Any) -> Hold:  # noqa: ANN401  # a row of `hold`
    return value_of(Hold, row, service=row.service or None, environment=row.environment or None)


def _with_open(connection: sa.Connection, environment: str | None, fact: Fact) -> set[str]:
    """The services with open deployments of the fact's artifact, or in the environment, or anywhere."""
    statement = sa.select(deployment.c.service).where(deployment.c.needs_evaluation).distinct()
    file = getattr(fact, "artifact", None)
    if isinstance(file, Artifact):
        statement = statement.join(artifact, artifact.c.id == deployment.c.artifact_id).where(
            artifact.c.module_key == module_key(file.group, file.name), artifact.c.version == file.version
        )
    elif environment is not None:
        statement = statement.where(deployment.c.environment == environment)
    return set(connection.execute(statement).scalars())
