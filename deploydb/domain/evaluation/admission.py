"""The way into a stage: flows that cannot reach it, those that have arrived, the candidate, and its admission.

Choosing the candidate and permitting it are separate: the newest of a module that has arrived is chosen and the older
ones beside it are skipped, even if the newest may not enter yet. A vetoed release is no candidate, and where a version
is pinned the others wait.
"""

from collections.abc import Sequence
from datetime import datetime

from deploydb.domain.evaluation.arrivals import Arrivals
from deploydb.domain.evaluation.branches import BranchRules
from deploydb.domain.evaluation.bundles import Bundles, goes_first, in_bundle, waits
from deploydb.domain.evaluation.candidates import Candidates
from deploydb.domain.evaluation.deployment_request import admitted, request
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import FlowProgress
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.evaluation.overtaken_rollback import overtaken_rollback
from deploydb.domain.evaluation.parallel_groups import ParallelGroups
from deploydb.domain.evaluation.turns import Turns
from deploydb.domain.model.admission_reasons import (
    BeingDeployed,
    BeingVerified,
    FreezeOverridden,
    ModuleRemoved,
    NotBefore,
    RollbackFirst,
    StageRemoved,
)
from deploydb.domain.model.catalog import Catalog, Service, Stage
from deploydb.domain.model.deployment import Deployment, GateStatus, Status, Verdict
from deploydb.domain.model.reasons import NotRecorded, Reason, RollbackWaits, several


def admit(evaluation: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
    """Request the deployments that may enter their stages, upstream first, and explain those that wait."""
    admission = Admission(evaluation, catalog, service, holds)
    stages = catalog.stages(service)
    admission.rule_out()
    requested = [admission.admit(stage) for stage in stages]
    if any(requested):  # a request may be an obstacle to deployments that were explained before it
        for stage in stages:
            admission.explain(stage)


class Admission:
    """The ways into a service's stages."""

    def __init__(self, evaluation: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
        self._evaluation = evaluation
        self._catalog = catalog
        self._service = service
        self._holds = holds
        self._stages = {stage.environment: stage for stage in catalog.stages(service)}
        self._progress = FlowProgress(evaluation, self._stages)
        self._groups = ParallelGroups(evaluation, catalog, service, holds)
        branches = BranchRules(evaluation, catalog.branches(service.ident), holds)
        self._bundles = Bundles(evaluation, service, self._progress, branches)
        self._turns = Turns(evaluation, catalog, service, self._progress)
        self._candidates_of = Candidates(evaluation, catalog, service, holds, self._groups, self._progress)
        self._arrivals = Arrivals(evaluation, self._progress, self._bundles, branches, self._candidates_of)

    def rule_out(self) -> None:
        """Explain the deployments in stages that are gone, and of modules that are gone: they wait for them."""
        for deployment in self._evaluation.all():
            if not deployment.needs_evaluation or deployment.kind == "external":
                continue
            module = deployment.release.artifact.module
            waits = deployment.status is Status.NOT_STARTED
            if deployment.environment not in self._stages:
                if waits or deployment.status is Status.COMPLETED:
                    removed = StageRemoved(environment=deployment.environment, service=self._service.ident)
                    self._evaluation.explain(deployment, removed)
            elif waits and module not in self._service.artifacts:
                self._evaluation.explain(deployment, ModuleRemoved(module=module, service=self._service.ident))

    def admit(self, stage: Stage) -> bool:
        """Request rollbacks, and the candidates that may enter; explain the others. Whether any was requested."""
        rollbacks, waiting = self._waiting(stage)
        requested = [self._roll_back(rollback) for rollback in rollbacks]
        requested += [self._enter(stage, candidate) for candidate in self._candidates(stage, waiting)]
        return any(requested)

    def explain(self, stage: Stage) -> None:
        """Explain again why each deployment that has not started waits, after requests."""
        self._bundles.look_again()
        rollbacks, waiting = self._waiting(stage)
        for rollback in rollbacks:
            self._explain(rollback, self._rollback_obstacles(rollback))
        for candidate in self._candidates(stage, waiting):
            obstacles = self._obstacles(stage, candidate) or self._unmet(stage, candidate)
            self._explain(candidate, obstacles or self._of_bundle(stage, candidate))

    def _waiting(self, stage: Stage) -> tuple[list[Deployment], list[Deployment]]:
        """The rollbacks, and the other deployments, that have not started."""
        rollbacks: list[Deployment] = []
        others: list[Deployment] = []
        for deployment in self._evaluation.waiting(stage.environment):
            (rollbacks if deployment.kind == "rollback" else others).append(deployment)
        return rollbacks, others

    def _candidates(self, stage: Stage, waiting: Sequence[Deployment]) -> list[Deployment]:
        """The candidate of each module. Flows that cannot reach the stage any more are skipped, as are those that the
        candidate supersedes; the others are explained."""
        arrived = self._arrivals.at(stage, waiting)
        self._complete_bundles(stage, arrived)
        candidates = [self._candidates_of.choose(stage, releases) for releases in arrived.values()]
        return sorted((candidate for candidate in candidates if candidate is not None), key=_turn)

    def _complete_bundles(self, stage: Stage, arrived: dict[str, list[Deployment]]) -> None:
        """Leave those alone that complete a bundle, of which the lane has a part, where they may enter now. A module of
        which a person has ordered a release completes none: that one is chosen."""
        complete: list[Deployment] = []
        for releases in arrived.values():
            found = self._bundles.first(stage, releases)
            ahead = [one for one in releases if found and self._evaluation.is_ahead(one)]
            if not self._candidates_of.eligible(stage, ahead):
                complete += self._candidates_of.eligible(stage, found)
        first = {one.id: one for one in complete if not self._entry_reasons(stage, one)}
        for module, releases in arrived.items() if first else ():
            arrived[module] = [one for one in releases if one.id in first or self._evaluation.is_ahead(one)]
            for one in releases:
                if one.id not in first and not self._evaluation.is_ahead(one):
                    self._evaluation.explain(one, goes_first(next(iter(first.values()))))

    def _explain(self, deployment: Deployment, obstacles: Sequence[Reason]) -> None:
        if not obstacles:  # a request has made way for it
            self._evaluation.evaluate_again()
        elif deployment.kind == "rollback":
            rollback = deployment.trigger_reason or NotRecorded()
            self._evaluation.explain(deployment, RollbackWaits(rollback=rollback, awaits=tuple(obstacles)))
        else:
            self._evaluation.explain(deployment, several(obstacles))

    def _enter(self, stage: Stage, deployment: Deployment) -> bool:
        obstacles = self._obstacles(stage, deployment)
        if obstacles:
            self._explain(deployment, obstacles)
            return False
        verdicts = self._judge(stage, deployment)
        unmet = [verdict.reason for verdict in verdicts if verdict.outcome is not GateStatus.PASS]
        unmet = unmet or self._of_bundle(stage, deployment)
        if unmet:
            self._explain(deployment, unmet)
        else:
            entry = [*(verdict.reason for verdict in verdicts), *self._overridden(deployment)]
            passed, beside = self._progress.passed(stage, deployment), self._groups.held(deployment)
            reason = admitted(self._evaluation, deployment, passed, entry, beside)
            request(self._evaluation, self._catalog, self._service, deployment, reason)
        return not unmet

    def _judge(self, stage: Stage, deployment: Deployment) -> tuple[Verdict, ...]:
        """The verdicts of the entry gates."""
        entry = self._catalog.entry_promotions(stage.environment)
        before, since = self._evaluation.before(deployment, "entry"), self._progress.arrived_at(stage, deployment)
        verdicts = self._evaluation.verdicts(entry, deployment, phase="entry", since=since)
        failed = [verdict for verdict in verdicts if verdict.outcome is GateStatus.FAIL]
        if any(before.get(one.promotion, one).outcome is not GateStatus.FAIL for one in failed):
            self._evaluation.evaluate_again()  # it has lost its turn
        return verdicts

    def _entry_reasons(self, stage: Stage, deployment: Deployment) -> list[Reason]:
        """What keeps the deployment itself out: holds on it, a later attempt, its entry gates."""
        veto, environment = self._holds.veto_on(deployment), stage.environment
        pins = self._holds.pins(environment, deployment.release.artifact.version)
        held: list[Reason] = [hold.held for hold in ((veto,) if veto is not None else ())]
        held += [pin.held for pin in pins]
        held += [*self._frozen(deployment), *self._not_yet(deployment)]
        if held:
            return held
        verdicts = self._judge(stage, deployment)
        return [verdict.reason for verdict in verdicts if verdict.outcome is not GateStatus.PASS]

    def _of_bundle(self, stage: Stage, deployment: Deployment) -> list[Reason]:
        """What keeps others of its bundle out: they enter together."""
        found = ((other, self._entry_reasons(stage, other)) for other in self._bundles.waiting(stage, deployment))
        return [waits(other, several(reasons)) for other, reasons in found if reasons]

    def _obstacles(self, stage: Stage, deployment: Deployment) -> list[Reason]:
        """All that stands against a candidate now, but its entry gates."""
        against: list[Reason] = [hold.held for hold in self._holds.pauses(stage.environment)]
        against += self._frozen(deployment)
        obstacle = self._obstacle(stage, deployment)
        return [*against, obstacle] if obstacle is not None else against

    def _unmet(self, stage: Stage, deployment: Deployment) -> list[Reason]:
        """The reasons of the entry gates that have not passed."""
        before = self._evaluation.before(deployment, "entry")
        entry = self._catalog.entry_promotions(stage.environment)
        verdicts = [before[one.ident] for one in entry if one.ident in before]
        return [verdict.reason for verdict in verdicts if verdict.outcome is not GateStatus.PASS]

    def _frozen(self, deployment: Deployment) -> list[Reason]:
        """The freezes that no override lets the deployment pass."""
        frozen = self._holds.frozen(deployment)
        if frozen is None:
            return []
        self._evaluation.say(deployment, frozen)
        return [frozen.reason] if frozen.outcome is not GateStatus.PASS else []

    def _overridden(self, deployment: Deployment) -> list[Reason]:
        """The override by which the deployment passes a freeze that stands."""
        frozen = self._holds.frozen(deployment)
        return [frozen.reason] if frozen is not None and isinstance(frozen.reason, FreezeOverridden) else []

    def _roll_back(self, deployment: Deployment) -> bool:
        """A rollback waits for an active deployment and for a freeze, and for nothing else. A veto, a pin, or another
        version that is live by then ends it."""
        version, environment = deployment.release.artifact.version, deployment.environment
        hold = self._holds.veto(environment, version) or next(iter(self._holds.pins(environment, version)), None)
        if hold is not None:
            self._evaluation.skip(deployment, hold.held)
            return False
        overtaken = overtaken_rollback(self._evaluation, deployment)
        if overtaken is not None:
            self._evaluation.skip(deployment, overtaken)
            return False
        obstacles = self._rollback_obstacles(deployment)
        if obstacles:
            self._explain(deployment, obstacles)
        else:
            rollback = deployment.trigger_reason or NotRecorded()
            reason = several([rollback, *self._overridden(deployment)])
            request(self._evaluation, self._catalog, self._service, deployment, reason)
        return not obstacles

    def _rollback_obstacles(self, deployment: Deployment) -> list[Reason]:
        against = self._frozen(deployment)
        against += [_being_deployed(other) for other in self._evaluation.lane(deployment.environment) if other.active]
        return against + self._not_yet(deployment)

    def _not_yet(self, deployment: Deployment) -> list[Reason]:
        """When another attempt may be made, if that is still to come."""
        if deployment.not_before is None or deployment.not_before <= self._evaluation.now:
            return []
        self._evaluation.look_again(deployment.not_before)
        return [NotBefore(attempt=deployment.attempt, at=deployment.not_before)]

    def _obstacle(self, stage: Stage, deployment: Deployment) -> Reason | None:
        """What keeps the newcomer out of the lane now: another deployment there, or one of a region beside it."""
        lane = self._evaluation.lane(stage.environment)
        if self._evaluation.rolling_back(stage.environment):
            return RollbackFirst()
        active = [other for other in lane if other.active]
        if active:
            return _being_deployed(active[0])
        verifying = [
            other
            for other in lane
            if self._turns.is_verified(stage, other)
            and self._holds.veto_on(other) is None
            and not _is_again(deployment, other)
            and not in_bundle(self._service, deployment.release, other.release)
        ]
        ahead = self._evaluation.is_ahead(deployment)
        patient = self._catalog.while_verifying(stage) == "wait" and not ahead
        if verifying and patient:
            first = min(verifying, key=_turn)
            return BeingVerified(version=first.release.artifact.version, deployment=first.id)
        return next(iter(self._not_yet(deployment)), None) or self._groups.full(deployment)


def _turn(deployment: Deployment) -> tuple[datetime, str]:
    """The order among a lane's modules: what was published first."""
    return (deployment.release.published_at, deployment.release.artifact.module)


def _being_deployed(deployment: Deployment) -> Reason:
    return BeingDeployed(version=deployment.release.artifact.version, deployment=deployment.id)


def _is_again(deployment: Deployment, other: Deployment) -> bool:
    """Whether a person wants another attempt of what the other one has deployed."""
    return deployment.ordered is not None and deployment.release.id == other.release.id
