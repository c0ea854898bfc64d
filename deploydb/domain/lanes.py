"""A service's lanes while they are decided on: its deployments by environment, as the decisions so far left them.

A lane is a service in an environment. `outcomes`, `exits` and `doors` read the lanes, decide, and write what they
decided back, so that each step sees the one before it, and one evaluation gets as far as there is to go.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from deploydb.domain.catalog import Promotion
from deploydb.domain.decisions import (
    Decision,
    Decisions,
    Requested,
    RunningChanged,
    Settled,
    Settlement,
    Situation,
    VerdictChanged,
)
from deploydb.domain.gates import Evidence, judge
from deploydb.domain.state import Deployment, Running, Status, Verdict


class Lanes:
    """The working copy of one evaluation, and the decisions made in it. Deployments come in the order of their ids."""

    def __init__(self, situation: Situation, now: datetime) -> None:
        self.now = now
        self.running = dict(situation.running)
        self._situation = situation
        self._decisions: list[Decision] = []
        self._rechecks: set[datetime] = set()
        self._deployments = {known.id: known for known in sorted(situation.deployments, key=lambda known: known.id)}
        self._lanes: dict[str, list[int]] = {}
        self._flows: dict[tuple[int, str], int] = {}
        for known in self._deployments.values():
            self._lanes.setdefault(known.environment, []).append(known.id)
            if known.flow is not None:
                self._flows[known.flow, known.environment] = known.id

    def all(self) -> list[Deployment]:
        """Every deployment."""
        return list(self._deployments.values())

    def lane(self, environment: str) -> list[Deployment]:
        """The deployments in one environment."""
        return [self._deployments[ident] for ident in self._lanes.get(environment, ())]

    def of(self, flow: int | None, environment: str) -> Deployment | None:
        """A flow's latest attempt in an environment; None where the flow does not go through it."""
        ident = self._flows.get((flow, environment)) if flow is not None else None
        return self._deployments[ident] if ident is not None else None

    def runs(self, known: Deployment) -> Running | None:
        """What the deployment's environment runs of its module."""
        return self.running.get((known.environment, known.release.artifact.module))

    def verdicts(
        self, promotions: Sequence[Promotion], known: Deployment, *, since: datetime | None
    ) -> tuple[Verdict, ...]:
        """What the gates say now; what is new is decided, and what time may change is looked at again."""
        verdicts = judge(promotions, known, self._situation.evidence.get(known.id, Evidence()), self.now, since=since)
        before = self._situation.verdicts.get(known.id, {})
        for verdict in verdicts:
            if before.get(verdict.promotion) != verdict:
                self._decisions.append(VerdictChanged(deployment=known, verdict=verdict))
            if verdict.recheck_at is not None:
                self.look_again(verdict.recheck_at)
        return verdicts

    def settle(self, what: Settlement, known: Deployment, reason: str) -> None:
        """The deployment has changed."""
        self._deployments[known.id] = known
        self._decisions.append(Settled(what=what, deployment=known, reason=reason))

    def skip(self, known: Deployment, reason: str) -> None:
        """It never will be deployed."""
        self.settle("skipped", replace(known, skipped_at=self.now, reason=reason, open=False), reason)

    def explain(self, known: Deployment, reason: str) -> None:
        """Why it is where it is, if that is news."""
        if known.reason != reason:
            self.settle("waiting", replace(known, reason=reason), reason)

    def close(self, known: Deployment) -> None:
        """Nothing more will come of it."""
        self.settle("closed", replace(known, open=False), known.reason or "recorded")

    def replace(self, known: Deployment, by: str) -> None:
        """Another version took its place before it got through: its flow goes no further."""
        reason = f"replaced by {by}"
        kept = known.reason if known.status is Status.FAILED else reason
        self.settle("replaced", replace(known, replaced_at=self.now, reason=kept, open=False), reason)

    def run(self, known: Deployment, since: datetime) -> None:
        """The deployment is what its environment runs now."""
        ran = Running(deployment=known.id, release=known.release, since=since)
        self.running[known.environment, known.release.artifact.module] = ran
        self._decisions.append(RunningChanged(environment=known.environment, running=ran))

    def request(self, requested: Requested) -> None:
        """The deployment is commanded."""
        self._deployments[requested.deployment.id] = requested.deployment
        self._decisions.append(requested)
        self.look_again(requested.deadline)

    def look_again(self, at: datetime) -> None:
        """Time alone may change something then."""
        self._rechecks.add(at)

    def decisions(self) -> Decisions:
        """What was decided, in order."""
        return Decisions(
            service=self._situation.service,
            decisions=tuple(self._decisions),
            recheck_at=min(self._rechecks, default=None),
        )
