"""The statuses of what runs, over time: what the table and the fold of the log keep of them."""

from datetime import datetime

from msgspec import Struct

from deploydb.domain.evaluation.decisions import DeploymentTransitioned, DeploymentWentLive, Transition
from deploydb.domain.model.deployment import Status

RESULTS_BY: tuple[Transition, ...] = ("succeeded", "failed", "resumed")
"""The transitions that change the result of a deployment's gates."""


class LiveStatus(Struct, frozen=True, kw_only=True):
    """A status of a deployment that is or was live, from when on, and when that was recorded."""

    status: Status
    since: datetime
    known_at: datetime


def live_status(decision: DeploymentTransitioned | DeploymentWentLive, now: datetime) -> LiveStatus | None:
    """The status that a deployment has by a decision, once it is live; None where that is as before.

    It goes live as COMPLETED. A correction counts from its report on, all others from the decision.
    """
    deployment = decision.deployment
    if isinstance(decision, DeploymentWentLive):
        if deployment.live_again_at is not None or deployment.status is Status.COMPLETED:
            return None
        return LiveStatus(status=deployment.status, since=decision.live_at, known_at=decision.known_at)
    if deployment.live_at is None or decision.what not in ("corrected", *RESULTS_BY):
        return None
    if decision.what != "corrected" or deployment.finished is None:
        return LiveStatus(status=deployment.status, since=now, known_at=now)
    since = min(deployment.finished.time, now)
    return LiveStatus(status=deployment.status, since=since, known_at=deployment.end_known_at(now))
