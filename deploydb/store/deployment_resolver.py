"""Which deployment a fact means: by number, by command, or by a version in a lane."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.fact_target import Candidate, modules, target
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.facts import AboutDeployment, DeploymentFinished
from deploydb.store import bulk
from deploydb.store.correlations import Named, Sought, named_by, seeks, sought
from deploydb.store.deployments import by_ids, locked
from deploydb.store.tables import artifact, deployment

Lane = tuple[str | None, str | None, str | None]


class Located:
    """The deployments that some facts mean, locked until the transaction ends."""

    def __init__(
        self,
        deployments: dict[int, Deployment],
        commands: Mapping[str, int],
        lanes: Mapping[Lane, Sequence[Candidate]],
        named: Mapping[Sought, Named] | None = None,
    ) -> None:
        self.deployments = deployments
        self._commands = commands
        self._lanes = lanes
        self._named = named or {}

    def of(self, fact: AboutDeployment) -> Deployment | None:
        """The deployment that the fact means; None where it is not known.

        A historical fact means none that was commanded, and a historical end is a deployment of its own.
        """
        ident = _meant(fact, self._commands, self._lanes, self._named)
        found = self.deployments.get(ident) if ident is not None else None
        if not fact.historical:
            return found
        ends = isinstance(fact, DeploymentFinished)
        return found if found is not None and found.kind == "external" and not ends else None

    def is_final(self, fact: AboutDeployment) -> bool:
        """Whether no event that comes later changes what the fact means by the events that it names."""
        named = self._named.get(sought(fact)) if seeks(fact) else None
        return named.is_final if named is not None else not seeks(fact)

    def modules(self, fact: AboutDeployment) -> list[str]:
        """The modules of which the fact has to name one, where it names a lane and a version; none where it has named
        one."""
        if not names_lane(fact) or fact.artifact is not None:
            return []
        found = modules(self._lanes.get(_lane(fact), ()), external=bool(fact.historical))
        return found if len(found) > 1 else []


def _meant(
    fact: AboutDeployment,
    commands: Mapping[str, int],
    lanes: Mapping[Lane, Sequence[Candidate]],
    named: Mapping[Sought, Named],
) -> int | None:
    if named and seeks(fact) and (found := named.get(sought(fact))) is not None:
        if found.deployment is not None:
            return found.deployment
        lane = found.lane
        if lane is not None:
            fact = replace(fact, artifact=found.module)
            return target(fact, lanes.get(lane, ()))
    if fact.deployment is not None:
        return fact.deployment
    return commands.get(fact.command) if fact.command is not None else target(fact, lanes.get(_lane(fact), ()))


def names_lane(fact: AboutDeployment) -> bool:
    """Whether the fact means a deployment of its version in its lane: it names no number and no command."""
    return fact.deployment is None and fact.command is None


def locate(connection: sa.Connection, facts: Sequence[AboutDeployment], *, lock: bool = True) -> Located:
    """Find what the facts mean, and `lock` it: at most one look-up for each way of naming, and one for the rows.

    Indexes: `uq_deployment_command`, `ix_deployment_lane`.
    """
    if not facts:
        return Located({}, {}, {})
    named = named_by(connection, [fact for fact in facts if seeks(fact)])
    numbers = {fact.deployment for fact in facts if fact.deployment is not None}
    names = sorted({fact.command for fact in facts if fact.deployment is None and fact.command is not None})
    lanes = sorted({_lane(fact) for fact in facts if names_lane(fact)} | _lanes_of(named), key=str)
    commands = _by_command(connection, names) if names else {}
    there = candidates(connection, lanes) if lanes else {}
    by_name = [fact for fact in facts if names_lane(fact) or (named and seeks(fact) and sought(fact) in named)]
    meant = {_meant(fact, commands, there, named) for fact in by_name} - {None}
    wanted = numbers | set(commands.values()) | {ident for ident in meant if ident is not None}
    find = locked if lock else by_ids
    return Located(find(connection, wanted) if wanted else {}, commands, there, named)


def _lanes_of(named: Mapping[Sought, Named]) -> set[Lane]:
    return {found.lane for found in named.values() if found.lane is not None}


def _lane(fact: AboutDeployment) -> Lane:
    return (fact.service, fact.environment, fact.version)


def _by_command(connection: sa.Connection, names: Sequence[str]) -> dict[str, int]:
    given = bulk.table_of(connection, [deployment.c.command])
    statement = sa.select(deployment.c.command, deployment.c.id).join(given, deployment.c.command == given.c.command)
    found = connection.execute(statement, bulk.parameter(connection, [{"command": name} for name in names]))
    return {row.command: row.id for row in found}


def candidates(connection: sa.Connection, lanes: Sequence[Lane]) -> dict[Lane, list[Candidate]]:
    """The deployments of each version in its lane. Index: `ix_deployment_lane`."""
    columns = [deployment.c.service, deployment.c.environment, deployment.c.version]
    given = bulk.table_of(connection, columns)
    statement = (
        sa.select(
            *columns,
            deployment.c.id,
            deployment.c.kind,
            deployment.c.status,
            deployment.c.requested_at,
            deployment.c.needs_evaluation,
            artifact.c.group,
            artifact.c.name,
            artifact.c.digest,
        )
        .join(given, sa.and_(*(column == given.c[column.name] for column in columns)))
        .join(artifact, artifact.c.id == deployment.c.artifact_id)
    )
    wanted = (
        {"service": service, "environment": environment, "version": version} for service, environment, version in lanes
    )
    found: dict[Lane, list[Candidate]] = {}
    for row in connection.execute(statement, bulk.parameter(connection, wanted)):
        candidate = Candidate(
            id=row.id,
            module=f"{row.group}:{row.name}",
            digest=row.digest,
            external=row.kind == "external",
            status=row.status,
            commanded=row.requested_at is not None,
            open=row.needs_evaluation,
        )
        found.setdefault((row.service, row.environment, row.version), []).append(candidate)
    return found
