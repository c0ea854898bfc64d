"""A service's lanes while they are decided on: its deployments by environment, as the decisions so far left them.

A lane is a service in an environment. `reconciliation`, `exit_gates` and `admission` read the lanes, decide, and write
what they decided back, so that each step sees the one before it, and one evaluation gets as far as there is to go.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import (
    AttemptScheduled,
    CheckScheduled,
    CurrentVersionChanged,
    Decision,
    Decisions,
    DeploymentRequested,
    DeploymentTransitioned,
    DeploymentWentLive,
    FailureFinalized,
    RollbackRequestResolved,
    ServiceSnapshot,
    Transition,
    VerdictChanged,
)
from deploydb.domain.gates import GateContext, judge
from deploydb.domain.gates.evidence_selection import (
    answered_under,
    of_entry,
    of_exit,
)
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import (
    CurrentVersion,
    Deployment,
    FailureResponse,
    GateStatus,
    KnownGood,
    Phase,
    Status,
    Verdict,
)
from deploydb.domain.model.evidence import Evidence
from deploydb.domain.model.overrides import (
    Hold,
    Hotfix,
    RollbackRequest,
)
from deploydb.domain.model.promotions import CheckedPromotion, Promotion
from deploydb.domain.model.reasons import NotRecorded, Reason, Replaced


class Evaluation:
    """The working copy of one evaluation, and the decisions made in it. Deployments come in the order of their ids."""

    def __init__(self, situation: ServiceSnapshot, now: datetime, catalog: Catalog) -> None:
        self.now = now
        self.read_until = situation.read_until
        self.running = dict(situation.running)
        self.holds: Sequence[Hold] = situation.holds
        self.wishes: Sequence[RollbackRequest] = situation.wishes
        self._hotfixes = {hotfix.version: hotfix for hotfix in situation.hotfixes}
        self._catalog = catalog
        self._situation = situation
        self._decisions: list[Decision] = []
        self._rechecks: set[datetime] = set()
        self._deployments = {known.id: known for known in sorted(situation.deployments, key=lambda known: known.id)}
        self._lanes: dict[str, list[int]] = {}
        self._flows: dict[tuple[int, str], int] = {}
        self._verdicts = {ident: dict(said) for ident, said in situation.verdicts.items()}
        self._rolling_back: set[str] = set()
        self._again = False
        self._explained: set[int] = set()
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

    def runs(self, known: Deployment) -> CurrentVersion | None:
        """What the deployment's environment runs of its module."""
        return self.running.get((known.environment, known.release.artifact.module))

    def hotfix(self, known: Deployment) -> Hotfix | None:
        """The order by which the deployment's version goes ahead of the others."""
        return self._hotfixes.get(known.release.artifact.version)

    def good(self, environment: str, module: str) -> Sequence[KnownGood] | None:
        """What succeeded there before, newest first. None where that has not been looked up: it is, for the next look,
        which is at once."""
        found = self._situation.good.get(environment)
        if found is None:
            self._again = True
            return None
        return [one for one in found if one.release.artifact.module == module]

    def evidence(self, known: Deployment) -> Evidence:
        """What has been said about a deployment."""
        return self._situation.evidence.get(known.id, Evidence())

    def evidence_at(self, known: Deployment, phase: Phase) -> Evidence:
        """What counts for a deployment's gates of one phase."""
        said, entry = self.evidence(known), self._answered_at_entry(known.environment)
        if phase == "exit":
            used = {number for verdict in self.before(known, "entry").values() for number in verdict.inputs}
            return of_exit(said, known, entry, used)
        lane = self.lane(known.environment) if known.attempt > 1 else ()
        earlier = (one for one in lane if one.flow == known.flow is not None and one.attempt < known.attempt)
        return of_entry(said, ((one, self.evidence(one)) for one in earlier), entry)

    def before(self, known: Deployment, phase: Phase) -> Mapping[str, Verdict]:
        """What a deployment's gates of one phase said when they were asked last, by promotion."""
        return {name: said for (side, name), said in self._verdicts.get(known.id, {}).items() if side == phase}

    def _answered_at_entry(self, environment: str) -> frozenset[str]:
        known = environment in self._catalog.environments
        return answered_under(self._catalog.entry_promotions(environment)) if known else frozenset()

    def rolling_back(self, environment: str) -> bool:
        """Whether a rollback is about to be commanded there."""
        waiting = (one for one in self.lane(environment) if one.kind == "rollback" and one.status == "NOT_STARTED")
        return environment in self._rolling_back or any(waiting)

    def verdicts(
        self, promotions: Sequence[Promotion], known: Deployment, *, phase: Phase, since: datetime | None
    ) -> tuple[Verdict, ...]:
        """What the gates say now; what is new is decided, and what time may change is looked at again."""
        before = self.before(known, phase)
        asked = GateContext(
            deployment=known,
            now=self.now,
            phase=phase,
            evidence=self.evidence_at(known, phase),
            since=since,
            groups=self._catalog.groups,
            neighbours=self._situation.neighbours,
            before=before,
        )
        verdicts = judge(promotions, asked)
        for promotion, verdict in zip(promotions, verdicts, strict=True):
            if isinstance(promotion, CheckedPromotion) and promotion.ident not in before:
                answered = phase == "entry" and known.attempt > 1 and verdict.outcome is GateStatus.PASS
                if not answered:  # else an earlier attempt has its answer
                    self._decisions.append(CheckScheduled(deployment=known, promotion=promotion.ident, phase=phase))
            self.say(known, verdict)
        return verdicts

    def say(self, known: Deployment, verdict: Verdict) -> None:
        """What a gate says of a deployment, if that is news."""
        said = self._verdicts.setdefault(known.id, {})
        if said.get(verdict.gate) != verdict:
            said[verdict.gate] = verdict
            self._decisions.append(VerdictChanged(deployment=known, verdict=verdict))
        if verdict.recheck_at is not None and verdict.recheck_at > self.now:
            self.look_again(verdict.recheck_at)

    def settle(self, what: Transition, known: Deployment, reason: Reason) -> None:
        """The deployment has changed."""
        self._deployments[known.id] = known
        self._decisions.append(DeploymentTransitioned(what=what, deployment=known, reason=reason))

    def skip(self, known: Deployment, reason: Reason) -> None:
        """It never will be deployed."""
        self.settle(
            "skipped", replace(known, skipped_at=self.now, status_reason=reason, needs_evaluation=False), reason
        )

    def explain(self, known: Deployment, reason: Reason) -> None:
        """Keep the reason of a status that no decision has changed."""
        if known.status_reason != reason:
            self._deployments[known.id] = replace(known, status_reason=reason)
            self._explained.add(known.id)

    def close(self, known: Deployment) -> None:
        """Nothing more will come of it."""
        self.settle("closed", replace(known, needs_evaluation=False), known.status_reason or NotRecorded())

    def replace(self, known: Deployment, by: str) -> None:
        """Another version took its place. Its flow goes no further, unless it had got through."""
        if known.status is Status.SUCCESS:
            self.close(known)
            return
        reason = Replaced(version=by)
        kept = known.status_reason if known.status is Status.FAILED else reason
        self.settle(
            "replaced", replace(known, replaced_at=self.now, status_reason=kept, needs_evaluation=False), reason
        )

    def came(self, known: Deployment, since: datetime) -> None:
        """The deployment came to run at that time, even if something else runs there by now."""
        self._deployments[known.id] = replace(known, live_at=since)
        self._decisions.append(DeploymentWentLive(deployment=self._deployments[known.id], live_at=since))

    def run(self, known: Deployment, since: datetime) -> None:
        """The deployment is what its environment runs now."""
        ran = CurrentVersion(deployment=known.id, release=known.release, live_at=since)
        self.running[known.environment, known.release.artifact.module] = ran
        self._decisions.append(CurrentVersionChanged(environment=known.environment, running=ran))

    def request(self, requested: DeploymentRequested) -> None:
        """The deployment is commanded."""
        self._deployments[requested.deployment.id] = requested.deployment
        self._decisions.append(requested)
        self.look_again(requested.deadline)

    def attempt(self, attempted: AttemptScheduled) -> None:
        """Another deployment is made; it is commanded at the next look, which is at once."""
        self._decisions.append(attempted)
        self._again = True
        if attempted.kind == "rollback":
            self._rolling_back.add(attempted.environment)

    def count_failure(self, known: Deployment, failure_response: FailureResponse, reason: Reason) -> None:
        """The deployment has failed for good, and this follows."""
        self._deployments[known.id] = known
        self._decisions.append(FailureFinalized(deployment=known, failure_response=failure_response, reason=reason))

    def answer(self, wish: RollbackRequest, reason: Reason) -> None:
        """What came of a rollback that a person wanted."""
        self._decisions.append(RollbackRequestResolved(wish=wish, reason=reason))

    def evaluate_again(self) -> None:
        """There is more to decide, at once."""
        self._again = True

    def look_again(self, at: datetime) -> None:
        """Time alone may change something then."""
        self._rechecks.add(at)

    def decisions(self) -> Decisions:
        """What was decided, in order."""
        return Decisions(
            service=self._situation.service,
            decisions=tuple(self._decisions),
            explained=tuple(self._deployments[ident] for ident in sorted(self._explained)),
            recheck_at=min(self._rechecks, default=None),
            again=self._again,
        )
