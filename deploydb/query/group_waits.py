"""What a lane waits for in the other lanes of its parallel group: the version there, and its gates."""

from collections.abc import Sequence

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.admission_reasons import GroupFull
from deploydb.domain.outlook import parts
from deploydb.store.queries.deployments import DeploymentView, deployment_by_id
from deploydb.store.queries.lanes import busy_in


class GroupWait(Struct, frozen=True, kw_only=True):
    """A version that occupies another lane: what it has to pass there, its `gates`; none while it is being deployed."""

    environment: str
    version: str
    deployment: int
    gates: list[str]

    @property
    def words(self) -> str:
        """`prod-eu: smoke of 2.0.0`."""
        return f"{self.environment}: {' and '.join(self.gates) or 'the deployment'} of {self.version}"


def group_waits(connection: sa.Connection, way: Sequence[DeploymentView]) -> list[GroupWait]:
    """By environment and deployment what occupies the lanes that the stages on the way wait for."""
    waits: list[GroupWait] = []
    for view in way:
        full = parts(view.status_reason) if view.status_reason is not None else ()
        lanes = sorted({name for reason in full if isinstance(reason, GroupFull) for name in reason.busy})
        busy = (deployment_by_id(connection, id_) for id_ in busy_in(connection, view.service, lanes))
        waits += [_wait(one) for one in busy if one is not None]
    return sorted(waits, key=lambda wait: (wait.environment, wait.deployment))


def _wait(view: DeploymentView) -> GroupWait:
    unmet = [one.promotion for one in view.results if one.phase == "exit" and one.outcome != "PASS"]
    return GroupWait(
        environment=view.environment,
        version=view.artifact.version,
        deployment=view.id,
        gates=unmet if view.status == "COMPLETED" else [],
    )
