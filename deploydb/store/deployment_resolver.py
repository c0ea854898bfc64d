"""Which deployment a fact means: by number, by command, or by a version, or a commit, in a lane."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.fact_target import Candidate, modules, target
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.facts import AboutDeployment, DeploymentFinished
from deploydb.store import bulk
from deploydb.store.columns import begins_with
from deploydb.store.correlations import Named, Sought, named_by, seeks, sought
from deploydb.store.deployments import by_ids, locked
from deploydb.store.tables import artifact, deployment

Lane = tuple[str | None, str | None, str | None]
_Commit = tuple[str | None, str | None, str, str | None]
"""Service, environment, the beginning of a commit's id, and the module where it is named."""
_HEXADECIMAL = re.compile(r"[0-9a-f]{7,64}")


class Located:
    """The deployments that some facts mean, locked until the transaction ends."""

    def __init__(
        self,
        deployments: dict[int, Deployment],
        commands: Mapping[str, int],
        lanes: Mapping[Lane | _Commit, Sequence[Candidate]],
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
        found = modules(self._lanes.get(_key(fact), ()), external=bool(fact.historical))
        return found if len(found) > 1 else []


def _meant(
    fact: AboutDeployment,
    commands: Mapping[str, int],
    lanes: Mapping[Lane | _Commit, Sequence[Candidate]],
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
    return commands.get(fact.command) if fact.command is not None else target(fact, lanes.get(_key(fact), ()))


def names_lane(fact: AboutDeployment) -> bool:
    """Whether the fact means a deployment of its version, or commit, in its lane: it names no number and no command."""
    return fact.deployment is None and fact.command is None


def names_commit(fact: AboutDeployment) -> bool:
    """Whether it means a release by its commit, which is one."""
    commit = fact.commit if fact.version is None and names_lane(fact) else None
    return commit is not None and _HEXADECIMAL.fullmatch(commit) is not None


def locate(connection: sa.Connection, facts: Sequence[AboutDeployment], *, lock: bool = True) -> Located:
    """Find what the facts mean, and `lock` it: at most one look-up for each way of naming, and one for the rows.

    Indexes: `uq_deployment_command`, `ix_deployment_lane`.
    """
    if not facts:
        return Located({}, {}, {})
    named = named_by(connection, [fact for fact in facts if seeks(fact)])
    numbers = {fact.deployment for fact in facts if fact.deployment is not None}
    names = sorted({fact.command for fact in facts if fact.deployment is None and fact.command is not None})
    by_version = {_lane(fact) for fact in facts if names_lane(fact) and not names_commit(fact)}
    lanes = sorted(by_version | _lanes_of(named), key=str)
    commands = _by_command(connection, names) if names else {}
    there: dict[Lane | _Commit, list[Candidate]] = {}
    if lanes:
        there.update(candidates(connection, lanes).items())
    there.update(_of_commits(connection, {_commit(fact) for fact in facts if names_commit(fact)}).items())
    by_name = [fact for fact in facts if names_lane(fact) or (named and seeks(fact) and sought(fact) in named)]
    meant = {_meant(fact, commands, there, named) for fact in by_name} - {None}
    wanted = numbers | set(commands.values()) | {ident for ident in meant if ident is not None}
    find = locked if lock else by_ids
    return Located(find(connection, wanted) if wanted else {}, commands, there, named)


def _lanes_of(named: Mapping[Sought, Named]) -> set[Lane]:
    return {found.lane for found in named.values() if found.lane is not None}


def _lane(fact: AboutDeployment) -> Lane:
    return (fact.service, fact.environment, fact.version)


def _commit(fact: AboutDeployment) -> _Commit:
    return (fact.service, fact.environment, fact.commit or "", fact.artifact)


def _key(fact: AboutDeployment) -> Lane | _Commit:
    return _commit(fact) if names_commit(fact) else _lane(fact)


def _by_command(connection: sa.Connection, names: Sequence[str]) -> dict[str, int]:
    given = bulk.table_of(connection, [deployment.c.command])
    statement = sa.select(deployment.c.command, deployment.c.id).join(given, deployment.c.command == given.c.command)
    found = connection.execute(statement, bulk.parameter(connection, [{"command": name} for name in names]))
    return {row.command: row.id for row in found}


def candidates(connection: sa.Connection, lanes: Sequence[Lane]) -> dict[Lane, list[Candidate]]:
    """The deployments of each version in its lane. Index: `ix_deployment_lane`."""
    columns = [deployment.c.service, deployment.c.environment, deployment.c.version]
    given = bulk.table_of(connection, columns)
    statement = _CANDIDATES.join(given, sa.and_(*(column == given.c[column.name] for column in columns)))
    wanted = (
        {"service": service, "environment": environment, "version": version} for service, environment, version in lanes
    )
    found: dict[Lane, list[Candidate]] = {}
    for row in connection.execute(statement, bulk.parameter(connection, wanted)):
        found.setdefault((row.service, row.environment, row.version), []).append(_candidate(row))
    return found


def _of_commits(connection: sa.Connection, wanted: Collection[_Commit]) -> dict[_Commit, list[Candidate]]:
    """The deployments of the only release with each commit in its lane; of none where there are several. Indexes:
    `ix_artifact_commit`, `ix_deployment_artifact`."""
    found: dict[_Commit, list[Candidate]] = {}
    for service, environment, commit, module in sorted(wanted, key=str):
        lane = (deployment.c.service == service, deployment.c.environment == environment)
        rows = [
            row
            for row in connection.execute(_CANDIDATES.where(begins_with(artifact.c.commit, sa.literal(commit)), *lane))
            if module in (None, f"{row.group}:{row.name}") and row.kind != "external"
        ]
        if len({(row.group, row.name, row.version) for row in rows}) == 1:
            found[service, environment, commit, module] = [_candidate(row) for row in rows]
    return found


_CANDIDATES = sa.select(
    deployment.c.service,
    deployment.c.environment,
    deployment.c.version,
    deployment.c.id,
    deployment.c.kind,
    deployment.c.status,
    deployment.c.requested_at,
    deployment.c.needs_evaluation,
    artifact.c.group,
    artifact.c.name,
    artifact.c.digest,
).join(artifact, artifact.c.id == deployment.c.artifact_id)


def _candidate(row: Any) -> Candidate:  # noqa: ANN401  # a row of `_CANDIDATES`
    return Candidate(
        id=row.id,
        module=f"{row.group}:{row.name}",
        digest=row.digest,
        external=row.kind == "external",
        status=row.status,
        commanded=row.requested_at is not None,
        open=row.needs_evaluation,
    )
