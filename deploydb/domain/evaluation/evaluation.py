"""A service's lanes while they are decided on.

`reconciliation`, `exit_gates` and `admission` read the lanes, decide, and write what they decided back, so that each
step sees the one before it, and one evaluation gets as far as there is to go.
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
    FlowExtended,
    RetryRequestResolved,
    Return,
    RollbackRequestResolved,
    ServiceSnapshot,
    Transition,
    VerdictChanged,
)
from deploydb.domain.evaluation.incidents import own_incidents
from deploydb.domain.evaluation.lanes import Lanes
from deploydb.domain.evaluation.verdicts import differ_by_recheck_alone, of_phase, skipped, unasked
from deploydb.domain.gates import GateContext, Promotion, judgements
from deploydb.domain.gates.checked import CheckedPromotion
from deploydb.domain.gates.evidence_selection import answered_under, of_entry, of_exit
from deploydb.domain.model.admission_reasons import overrides
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, FailureResponse, Gate, GateStatus, Phase, Status, Verdict
from deploydb.domain.model.evidence import Evidence
from deploydb.domain.model.gate_reasons import asks
from deploydb.domain.model.outcome_reasons import Replaced
from deploydb.domain.model.overrides import Hold, RetryRequest, RollbackRequest
from deploydb.domain.model.reasons import ErrorLasts, NotRecorded, Reason
from deploydb.domain.model.running import CurrentVersion, KnownGood

NO_RESPONSE: Mapping[str, None] = {"failure_response": None, "failure_response_detail": None}
"""What a deployment has as the response to its failure where it has not failed, after all."""


class Evaluation(Lanes):
    """The working copy of one evaluation, and the decisions made in it."""

    def __init__(self, snapshot: ServiceSnapshot, now: datetime, catalog: Catalog) -> None:
        service = catalog.services.get(snapshot.service)
        super().__init__(snapshot, service.artifacts if service is not None else ())
        self.now = now
        self.read_until = snapshot.read_until
        self.unknown = snapshot.unknown
        self.unplaced = snapshot.unplaced
        self.holds: Sequence[Hold] = snapshot.holds
        self.wishes: Sequence[RollbackRequest] = snapshot.wishes
        self.retries: Sequence[RetryRequest] = snapshot.retries
        self.returns: Mapping[int, Return] = snapshot.returns
        self.came_now: dict[int, DeploymentWentLive] = {}
        self._catalog = catalog
        self._snapshot = snapshot
        self._decisions: list[Decision] = []
        self._rechecks: set[datetime] = set()
        self._scheduled: set[tuple[int | None, str]] = set()
        self._verdicts = {ident: dict(verdicts) for ident, verdicts in snapshot.verdicts.items()}
        self._rolling_back: set[tuple[str, str]] = set()
        self._again = False
        self._explained: set[int] = set()

    def is_scheduled(self, flow: int | None, environment: str) -> bool:
        """Whether this evaluation makes another attempt of the flow there."""
        return (flow, environment) in self._scheduled

    def good(self, environment: str, module: str) -> Sequence[KnownGood] | None:
        """What succeeded there before, newest first. None where that has not been looked up: it is, for the next look,
        which is at once."""
        found = self._snapshot.good.get(environment)
        if found is None:
            self._again = True
            return None
        return [one for one in found if one.release.artifact.module == module]

    def evidence(self, deployment: Deployment) -> Evidence:
        """The evidence about a deployment: of the incidents in its lane those that are its own."""
        found = self._snapshot.evidence.get(deployment.id, Evidence())
        return own_incidents(found, deployment, self.runs(deployment))

    def evidence_at(self, deployment: Deployment, phase: Phase) -> Evidence:
        """What counts for a deployment's gates of one phase."""
        evidence, entry = self.evidence(deployment), self._answered_at_entry(deployment.environment)
        if phase == "exit":
            used = {number for verdict in self.before(deployment, "entry").values() for number in verdict.inputs}
            return of_exit(evidence, deployment, entry, used, self.earlier_attempts(deployment))
        return of_entry(evidence, self.earlier_attempts(deployment), entry)

    def earlier_attempts(self, deployment: Deployment) -> list[tuple[Deployment, Evidence]]:
        """The attempts before one of the same flow, or of rollbacks to the same release, with the evidence on them."""
        lane = self.lane(deployment.environment) if deployment.attempt > 1 else ()
        return [
            (one, self.evidence(one))
            for one in lane
            if (one.flow, one.kind, one.release.id) == (deployment.flow, deployment.kind, deployment.release.id)
            and one.id < deployment.id
        ]

    def before(self, deployment: Deployment, phase: Phase) -> Mapping[str, Verdict]:
        """The last verdicts of a deployment's gates of one phase, by promotion."""
        return of_phase(self._verdicts.get(deployment.id, {}), phase)

    def assumed(self, deployment: Deployment, gate: Gate) -> Verdict | None:
        """The verdict that stands in place of the gate's own."""
        return self._snapshot.assumed.get(deployment.id, {}).get(gate)

    def _answered_at_entry(self, environment: str) -> frozenset[str]:
        configured = environment in self._catalog.environments
        return answered_under(self._catalog.entry_promotions(environment)) if configured else frozenset()

    def rolling_back(self, environment: str) -> set[str]:
        """The modules of which a rollback is about to be commanded there."""
        scheduled = {module for where, module in self._rolling_back if where == environment}
        waiting = (one for one in self.waiting(environment) if one.kind == "rollback")
        return scheduled | {one.release.artifact.module for one in waiting}

    def gate_context(self, deployment: Deployment, phase: Phase, now: datetime, since: datetime | None) -> GateContext:
        """What the deployment's gates of one phase are asked about at a time."""
        return GateContext(
            deployment=deployment,
            now=now,
            phase=phase,
            evidence=self.evidence_at(deployment, phase),
            since=since,
            groups=self._catalog.groups,
            overriders=self._catalog.freeze_overriders,
            neighbours=self._snapshot.neighbours,
            before=self.before(deployment, phase),
            assumed={**skipped(deployment, phase), **of_phase(self._snapshot.assumed.get(deployment.id, {}), phase)},
        )

    def verdicts(
        self,
        promotions: Sequence[Promotion],
        deployment: Deployment,
        *,
        phase: Phase,
        since: datetime | None,
        veto: Hold | None = None,
    ) -> tuple[Verdict, ...]:
        """What the gates say now; what is new is decided, and what time may change is looked at again.

        `veto`: people are not asked while it stands, and their time begins anew after it.
        """
        context = self.gate_context(deployment, phase, self.now, since)
        judged = judgements(promotions, context)
        verdicts = tuple(one.verdict for one in judged)
        if veto is not None:
            pairs = zip(promotions, verdicts, strict=True)
            verdicts = tuple(unasked(verdict, veto) if one.asks_people else verdict for one, verdict in pairs)
        for promotion, verdict, judgement in zip(promotions, verdicts, judged, strict=True):
            asked = isinstance(promotion, CheckedPromotion) and promotion.ident not in skipped(deployment, phase)
            if asked and promotion.ident not in context.before:
                answered = phase == "entry" and deployment.attempt > 1 and verdict.outcome is GateStatus.PASS
                if not answered:  # else an earlier attempt has its answer
                    check = CheckScheduled(deployment=deployment, promotion=promotion.ident, phase=phase)
                    self._decisions.append(check)
            self.say(deployment, verdict, lasts=judgement.lasts)
        return verdicts

    def withdraw_questions(self, deployment: Deployment, veto: Hold) -> None:
        """People are not asked any more whether the deployment may enter, while the veto stands."""
        before = self.before(deployment, "entry")
        for promotion in self._catalog.entry_promotions(deployment.environment) if before else ():
            if promotion.asks_people and promotion.ident in before:
                self.say(deployment, unasked(before[promotion.ident], veto))

    def say(self, deployment: Deployment, verdict: Verdict, *, lasts: bool = False) -> None:
        """Record a gate's verdict on a deployment, if it has changed: that it is asked again later is no change.
        `lasts`: it cannot tell, and its time is over."""
        last = self._verdicts.setdefault(deployment.id, {})
        before = last.get(verdict.gate)
        stays = before is not None and before.outcome is verdict.outcome
        verdict = replace(verdict, since=before.since if stays and before is not None else self.now)
        if before != verdict and (before is None or not differ_by_recheck_alone(before, verdict)):
            last[verdict.gate] = verdict
            begins = before is None or type(before.reason) is not type(verdict.reason)
            fresh = not stays or (begins and isinstance(verdict.reason, ErrorLasts))
            was, now = before.reason if before is not None else None, verdict.reason
            flags = {"notifies": lasts and fresh, "asks": asks(was, now), "overrides": overrides(was, now)}
            self._decisions.append(VerdictChanged(deployment=deployment, verdict=verdict, **flags))
        if verdict.recheck_at is not None and verdict.recheck_at > self.now:
            self.look_again(verdict.recheck_at)

    def settle(self, what: Transition, deployment: Deployment, reason: Reason, **changes: object) -> None:
        """The deployment changes, for a reason. `changes`: to its fields."""
        changed = self._deployments[deployment.id] = replace(deployment, **changes)
        self._decisions.append(DeploymentTransitioned(what=what, deployment=changed, reason=reason))

    def skip(self, deployment: Deployment, reason: Reason) -> None:
        """It never will be deployed."""
        self.settle("skipped", deployment, reason, skipped_at=self.now, status_reason=reason, needs_evaluation=False)

    def explain(self, deployment: Deployment, reason: Reason) -> None:
        """Keep the reason of a status that no decision has changed."""
        if deployment.status_reason != reason:
            self._deployments[deployment.id] = replace(deployment, status_reason=reason)
            self._explained.add(deployment.id)

    def close(self, deployment: Deployment) -> None:
        """Nothing more will come of it."""
        self.settle("closed", deployment, deployment.status_reason or NotRecorded(), needs_evaluation=False)

    def replace(self, deployment: Deployment, by: str) -> None:
        """Another version took its place. Its flow goes no further, unless it had got through."""
        if deployment.status is Status.SUCCESS:
            self.close(deployment)
            return
        reason = Replaced(version=by)
        kept = deployment.status_reason if deployment.status is Status.FAILED else reason
        self.settle("replaced", deployment, reason, replaced_at=self.now, status_reason=kept, needs_evaluation=False)

    def came(self, deployment: Deployment, since: datetime) -> None:
        """The deployment came to run at that time, or did so again, even if something else runs there by now."""
        first = deployment.live_at is None
        changed = replace(deployment, **{"live_at" if first else "live_again_at": since})
        came = DeploymentWentLive(deployment=changed, live_at=since, known_at=deployment.end_known_at(self.now))
        self._deployments[deployment.id] = changed
        self._decisions.append(came)
        self.came_now[deployment.id] = came

    def run(self, deployment: Deployment, since: datetime) -> None:
        """The deployment is what its environment runs now."""
        ran = CurrentVersion(deployment=deployment.id, release=deployment.release, live_at=since)
        self.running[deployment.environment, deployment.release.artifact.module] = ran
        self._decisions.append(CurrentVersionChanged(environment=deployment.environment, running=ran))

    def request(self, requested: DeploymentRequested) -> None:
        """The deployment is commanded."""
        self._deployments[requested.deployment.id] = requested.deployment
        self._decisions.append(requested)
        if requested.deadline is not None:
            self.look_again(requested.deadline)

    def extend(self, extended: FlowExtended) -> None:
        """A flow gets further deployments; they are evaluated at the next look, which is at once."""
        self._decisions.append(extended)
        self._again = True

    def attempt(self, attempted: AttemptScheduled) -> None:
        """Another deployment is made; it is commanded at the next look, which is at once."""
        self._decisions.append(attempted)
        self._scheduled.add((attempted.flow, attempted.environment))
        self._again = True
        if attempted.kind == "rollback":
            self._rolling_back.add((attempted.environment, attempted.release.artifact.module))

    def count_failure(self, deployment: Deployment, failure_response: FailureResponse, reason: Reason) -> None:
        """The deployment has failed for good, and this follows."""
        self._deployments[deployment.id] = deployment
        finalized = FailureFinalized(deployment=deployment, failure_response=failure_response, reason=reason)
        self._decisions.append(finalized)

    def answer(self, wish: RollbackRequest, reason: Reason) -> None:
        """What came of a rollback that a person wanted."""
        self._decisions.append(RollbackRequestResolved(wish=wish, reason=reason))

    def answer_retry(self, request: RetryRequest, reason: Reason) -> None:
        """What came of another attempt that a person wanted."""
        self._decisions.append(RetryRequestResolved(request=request, reason=reason))

    def evaluate_again(self) -> None:
        """There is more to decide, at once."""
        self._again = True

    def look_again(self, at: datetime) -> None:
        """Time alone may change something then."""
        self._rechecks.add(at)

    def decisions(self) -> Decisions:
        """What was decided, in order."""
        return Decisions(
            service=self._snapshot.service,
            decisions=tuple(self._decisions),
            explained=tuple(self._deployments[ident] for ident in sorted(self._explained)),
            recheck_at=min(self._rechecks, default=None),
            again=self._again,
        )
