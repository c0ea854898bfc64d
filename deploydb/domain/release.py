"""The release of a deployment ahead of time: the fewest needs on its way, and the earliest moment.

As if every person, job and orchestrator answered at once: only the times that no action can shorten are left.
The gates themselves are asked, with the answers that are needed put into their evidence.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from deploydb.domain.dead_ends import DeadEndError
from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.flow_walk import FlowWalk
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Status
from deploydb.domain.needs import Need

Goal = Literal["entered", "verified"]


class Releasing(Struct, frozen=True, kw_only=True):
    """The needs, in the order of the way, and the first moment at which it could be released.

    `earliest` is None where nothing leads there, or its time is unknown; `instead` says what to do then.
    """

    needs: tuple[Need, ...] = ()
    earliest: datetime | None = None
    instead: str | None = None
    goal: Goal = "entered"


def what_releases(catalog: Catalog, snapshot: ServiceSnapshot, deployment_id: int, now: datetime) -> Releasing | None:
    """The needs that bring a deployment into its environment; of one that runs there, those that verify it.

    None where it is there and verified. Raises: KeyError for a deployment that is not in the snapshot.
    """
    evaluation = Evaluation(snapshot, now, catalog)
    deployment = {one.id: one for one in snapshot.deployments}[deployment_id]
    goal: Goal = "entered" if deployment.status in (Status.NOT_STARTED, Status.CREATED, Status.STARTED) else "verified"
    if deployment.status is Status.SUCCESS:
        return None
    service = catalog.services.get(snapshot.service)
    if service is None:
        return Releasing(instead=f"configure {snapshot.service} again", goal=goal)
    try:
        reached = FlowWalk(evaluation, catalog, service).to(deployment, now)
    except DeadEndError as end:
        return Releasing(instead=str(end), goal=goal)
    return Releasing(needs=tuple(dict.fromkeys(reached.needs)), earliest=reached.at, goal=goal)
