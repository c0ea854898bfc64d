"""A service run forward in memory, as if people, jobs and orchestrators answered at once."""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal, Self

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import DeploymentRequested, DeploymentTransitioned, ServiceSnapshot
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.gates import GateContext, Promotion, requirement_of
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, FactOrder, Gate, GateStatus, Phase, Status, Verdict
from deploydb.domain.model.gate_reasons import GateBroken
from deploydb.domain.model.pipelines import upstream_of
from deploydb.domain.model.promotions import FREEZE
from deploydb.engine.assumed_evidence import LAST, AssumedEvidence
from deploydb.engine.fork import Forkable
from deploydb.engine.ledger import Ledger
from deploydb.engine.needs import (
    Key,
    Need,
    attempt_need,
    deployment_need,
    gate_need,
    hold_need,
    incident_need,
    is_against,
    override_need,
)
from deploydb.engine.settle import settle

Goal = Literal["entered", "verified", "everywhere"]
"""What a run goes for: that the target is commanded, or verified; or the end of its flow's way in every stage."""
Takes = Callable[[Need], timedelta | None]
"""How long a need takes from when it can be met; None: it is not met."""

_MOST_ROUNDS = 300
"""Answers and times that pass, one after the other: more never lead to the goal."""
_MOST_LOOKS = 60_000
"""Looks at a deployment: a run through a longer line is given up (about 1 s)."""
_NEVER = datetime.max.replace(tzinfo=UTC)
_MARGIN = timedelta(days=366)


class Forward(Forkable):
    """One run, from a snapshot to the goal of the `target`.

    `answers`: whether anybody answers for a deployment. `only`: the needs that are met; None: all, and silence lasts:
    what is not answered neither expires nor times out, which is not counted on. `given`: those that were met, in their
    order; `waiting`: those that were not, at the end. `reached_at`: when the goal was reached; None: it was not.
    `failed`: whether a deployment has expired or failed meanwhile. `entered`, `verified`: when each deployment was, of
    those that were meanwhile. `looks`: how often it has looked at a deployment, which is what it costs; `given_up`:
    it was too often.
    """

    def __init__(
        self,
        catalog: Catalog,
        snapshot: ServiceSnapshot,
        target: Deployment,
        now: datetime,
        *,
        goal: Goal,
        answers: Callable[[Deployment], bool],
        only: Collection[Key] | None = None,
        takes: Takes = lambda _: timedelta(),
    ) -> None:
        self._catalog = catalog
        self._service = catalog.services[snapshot.service]
        self._stages = {stage.environment: stage for stage in catalog.stages(self._service)}
        self._snapshot = snapshot
        self._target = target
        self._goal = goal
        self._answers = answers
        self._only = only
        self._never: Collection[Key] = ()
        self._takes = takes
        self._asked: dict[int | None, datetime] = {}
        self._evidence = AssumedEvidence(snapshot.evidence)
        self._ledger = Ledger.of(snapshot, self._evidence)
        for deployment in snapshot.deployments if only is None else ():
            if deployment.active and deployment.deadline is not None and now < deployment.deadline:
                self._ledger.put(replace(deployment, deadline=_NEVER))
        self._holds = {hold.key: hold for hold in snapshot.holds}
        self._begun = {deployment.id for deployment in snapshot.deployments if deployment.active}
        self._assumed: dict[int, dict[Gate, Verdict]] = {}
        self._actions: dict[Key, Callable[[], object]] = {}
        self._timed: dict[Key, Need] = {}
        self.now = now
        self.given: dict[Key, Need] = {}
        self.waiting: dict[Key, Need] = {}
        self.reached_at: datetime | None = None
        self.failed = self.given_up = False
        self.looks = 0
        self.entered: dict[int, datetime] = {}
        self.verified: dict[int, datetime] = {}

    @property
    def target(self) -> Deployment:
        """The target as the run has left it."""
        return self._ledger.deployments[self._target.id]

    @property
    def environments(self) -> list[str]:
        """The environments of the service's stages, upstream first."""
        return list(self._stages)

    def deployment(self, id_: int) -> Deployment:
        """A deployment as the run has left it."""
        return self._ledger.deployments[id_]

    def run(self, until: datetime | None = None, rounds: int | None = None) -> Self:
        """Answer, and let time pass where no answer is left, until the goal is reached; not after `until`."""
        for _ in range(rounds or min(_MOST_ROUNDS, 1 + _MOST_LOOKS // len(self._ledger.deployments))):
            self.looks += len(self._ledger.deployments)
            recheck_at = self._settle()
            if self.target.status is Status.SKIPPED and self._goal != "everywhere":
                self.waiting = {}
                break
            if self._is_there():
                self.reached_at = self.now
                break
            self.waiting = {need.key: need for need in self._needs()}
            asked = [need for key, need in self.waiting.items() if not need.timed and self._is_met(key)]
            due = {need.key: at for need in asked if (at := self._due(need)) is not None}
            ready = [key for key, at in due.items() if at <= self.now]
            for key in ready:
                self.given[key] = self.waiting[key]
                self._actions[key]()
            if ready:
                continue
            next_at = min([*due.values(), recheck_at or _NEVER])
            if next_at > (until or _NEVER - _MARGIN):
                break
            self.now = next_at
            self.given |= {
                key: need
                for key, need in self.waiting.items()
                if need.earliest is not None and need.earliest <= self.now and key not in self._never
            }
        else:
            self.given_up = True
        return self

    def _is_met(self, key: Key) -> bool:
        return (self._only is None or key in self._only) and key not in self._never

    def _due(self, need: Need) -> datetime | None:
        """When a need is met: counted from the command, from the deployment's end, or from when the entry was asked."""
        takes = self._takes(need)
        if not takes:
            return self.now if takes is not None else None
        if need.phase == "entry":
            return self._asked.setdefault(need.deployment, self.now) + takes
        known = self._ledger.deployments[need.deployment] if need.deployment is not None else self._target
        since = known.requested_at if need.phase is None else known.gates_count_from
        return (since or self.now) + takes

    def _settle(self) -> datetime | None:
        """Decide until nothing more is to be decided now. Returns when time alone may change something."""
        recheck_at = None
        failed = {one.id for one in self._ledger.deployments.values() if one.status is Status.FAILED}
        known = replace(self._snapshot, holds=tuple(self._holds.values()), assumed=self._assumed)
        for made in settle(self._catalog, self._ledger, known, self.now):
            recheck_at = made.recheck_at
            for decision in made.decisions:
                match decision:
                    case DeploymentTransitioned(what="expired" | "failed", deployment=ended):
                        self.failed |= ended.id not in failed
                    case DeploymentTransitioned(what="succeeded", deployment=ended):
                        self.verified[ended.id] = self.now
                    case DeploymentRequested(deployment=commanded):
                        self.entered[commanded.id] = self.now
                        if self._only is None:
                            self._ledger.put(replace(commanded, deadline=_NEVER))
        return recheck_at

    def _known(self) -> ServiceSnapshot:
        branches = self._catalog.branches(self._snapshot.service)
        known = self._ledger.snapshot(self._holds.values(), self._snapshot.neighbours, {}, self._stages, branches)
        return replace(known, assumed=self._assumed)

    def _is_there(self) -> bool:
        target = self.target
        if self._goal == "everywhere":
            return not any(one.needs_evaluation for one in self._ledger.kin(target))
        if self._goal == "verified":
            return target.status is Status.SUCCESS or target.failure_response == "ignore"
        return target.outcome == "succeeded" if self._target.active else target.requested_at is not None

    def _needs(self) -> Iterator[Need]:
        """The needs of the open deployments; `_actions` gets what meets them."""
        self._actions = {}
        evaluation = Evaluation(self._known(), self.now, self._catalog)
        for deployment in evaluation.all():
            if deployment.needs_evaluation:
                yield from self._of_deployment(deployment, evaluation)
        yield from self._of_holds()

    def _of_deployment(self, deployment: Deployment, evaluation: Evaluation) -> Iterator[Need]:
        answered = self._answers(deployment)
        if deployment.active:
            if not answered:
                return
            need = deployment_need(deployment, begun=deployment.id in self._begun)
            yield self._action(need, partial(self._finish, deployment))
            return
        entering = deployment.status is Status.NOT_STARTED
        if entering and deployment.not_before is not None and deployment.not_before > self.now:
            yield attempt_need(deployment)
        for incident in evaluation.evidence(deployment).incidents:
            if incident.open and answered:
                over = partial(self._resolve, deployment.environment, incident.name)
                need = incident_need(incident, deployment.environment)
                yield self._action(need, over)
        phase: Phase = "entry" if entering else "exit"
        promotions = {promotion.ident: promotion for promotion in self._promotions(deployment, phase)}
        context = evaluation.gate_context(deployment, phase, self.now, None)
        for (side, name), verdict in self._ledger.verdicts(deployment.id).items():
            if side != phase or verdict.outcome is GateStatus.PASS:
                continue
            if name in promotions:
                yield from self._of_gate(promotions[name], verdict, context)
            elif name == FREEZE and self._catalog.freeze_overriders and answered:
                freezes = list(self._holds.values())
                need = override_need(deployment, freezes, self._catalog.freeze_overriders, self.now)
                yield self._action(need, partial(self._pass, deployment, verdict))

    def _of_gate(self, promotion: Promotion, verdict: Verdict, context: GateContext) -> Iterator[Need]:
        requirement = requirement_of(promotion, verdict, context)
        if requirement is None:
            return
        need = gate_need(requirement, verdict, context)
        if need.timed:
            if need.key in self._never:
                self._assume(context.deployment, replace(verdict, recheck_at=None))
            seen = self._timed.get(need.key)
            if seen is None or seen.earliest != need.earliest:
                self._timed[need.key] = need
            yield self._timed[need.key]
            return
        answered = self._answers(context.deployment) and self._takes(need) is not None
        unanswered = not answered and self._only is None
        if verdict.recheck_at is not None and (unanswered or isinstance(verdict.reason, GateBroken)):
            self._assume(context.deployment, replace(verdict, recheck_at=None))
        if not answered:
            return
        if requirement.reports:
            passed = partial(self._evidence.add_passed, context.deployment.id, requirement.reports, self.now)
            yield self._action(need, passed)
        else:
            yield self._action(need, partial(self._pass, context.deployment, verdict))

    def _of_holds(self) -> Iterator[Need]:
        """The holds on the way of the target's flow."""
        for environment in self._ahead():
            for key, hold in self._holds.copy().items():
                overridden = hold.kind == "freeze" and bool(self._catalog.freeze_overriders)
                if hold.stands(self.now) and not overridden and is_against(hold, self._target, environment):
                    yield self._action(hold_need(hold, environment), partial(self._holds.pop, key))

    def _ahead(self) -> list[str]:
        """The environments that the target's flow has to enter, up to its own."""
        after = {name: stage.after for name, stage in self._stages.items()} if self._target.kind == "deploy" else {}
        found = [self._target.environment, *upstream_of(self._target.environment, after)]
        flow = {one.environment: one for one in self._ledger.kin(self._target)}
        return [
            name for name in found if name in self._stages and name in flow and flow[name].status is Status.NOT_STARTED
        ]

    def _promotions(self, deployment: Deployment, phase: Phase) -> tuple[Promotion, ...]:
        if deployment.environment not in self._stages:
            return ()
        if phase == "entry":
            return self._catalog.entry_promotions(deployment.environment)
        return self._catalog.exit_promotions(self._service, self._stages[deployment.environment])

    def _action(self, need: Need, action: Callable[[], object]) -> Need:
        self._actions[need.key] = action
        return need

    def _finish(self, deployment: Deployment) -> None:
        finished = FactOrder(self.now, LAST, "")
        self._ledger.put(replace(deployment, finished=finished, outcome="succeeded", failure=None))

    def _pass(self, deployment: Deployment, verdict: Verdict) -> None:
        self._assume(deployment, replace(verdict, outcome=GateStatus.PASS, recheck_at=None))

    def _assume(self, deployment: Deployment, verdict: Verdict) -> None:
        self._assumed.setdefault(deployment.id, {})[verdict.gate] = verdict

    def _resolve(self, environment: str, name: str) -> None:
        lane = [one for one in self._ledger.deployments.values() if one.environment == environment]
        self._evidence.resolve(lane, name, self.now)
