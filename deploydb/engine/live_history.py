"""What lanes ran, as the log has it: when deployments came to run, and the statuses that they had since."""

from collections import defaultdict
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import DeploymentTransitioned, DeploymentWentLive
from deploydb.domain.evaluation.live_status import RESULTS_BY, LiveStatus, live_status
from deploydb.domain.model.deployment import Release


class Interval(Struct, frozen=True, kw_only=True):
    """When a deployment came to run, when that was recorded, and the result of its gates."""

    release: Release
    live_at: datetime
    known_at: datetime
    result: str | None = None
    result_at: datetime | None = None


class LiveHistory:
    """The live intervals by deployment and by when it came to run, and the statuses by deployment."""

    def __init__(self) -> None:
        self.intervals: dict[int, dict[datetime, Interval]] = defaultdict(dict)
        self.statuses: dict[int, list[LiveStatus]] = defaultdict(list)

    def came(self, decision: DeploymentWentLive, at: datetime) -> None:
        """A deployment came to run, or did so again. `at`: when that was decided."""
        deployment = decision.deployment
        self.intervals[deployment.id][decision.live_at] = Interval(
            release=deployment.release,
            live_at=decision.live_at,
            known_at=decision.known_at,
            result=deployment.result,
            result_at=at if deployment.result is not None else None,
        )
        self._keep_status(decision, at)

    def transitioned(self, decision: DeploymentTransitioned, at: datetime) -> None:
        """A deployment has changed: its status, maybe, and the result of its gates."""
        deployment = decision.deployment
        intervals = self.intervals.get(deployment.id, {})
        for interval in intervals.values() if decision.what in RESULTS_BY else ():
            intervals[interval.live_at] = replace(interval, result=deployment.result, result_at=at)
        self._keep_status(decision, at)

    def _keep_status(self, decision: DeploymentTransitioned | DeploymentWentLive, at: datetime) -> None:
        kept = live_status(decision, at)
        if kept is not None:
            self.statuses[decision.deployment.id].append(kept)
