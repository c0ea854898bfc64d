"""The way into a stage: flows that cannot reach it, those that have arrived, the candidate, and its admission.

Choosing the candidate and permitting it are separate: the newest of a module that has arrived is chosen and the older
ones beside it are skipped, even if the newest may not enter yet. A vetoed release is no candidate, and where a version
is pinned the others wait.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from deploydb.domain.evaluation.candidates import Candidates
from deploydb.domain.evaluation.decisions import DeploymentRequested
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import FlowProgress, stage_reason
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.model.admission_reasons import (
    BeingDeployed,
    BeingVerified,
    FreezeOverridden,
    GroupFull,
    ModuleRemoved,
    NotBefore,
    RollbackFirst,
    StageRemoved,
)
from deploydb.domain.model.catalog import (
    Catalog,
    Service,
    Stage,
)
from deploydb.domain.model.commands import Previous
from deploydb.domain.model.deployment import (
    Deployment,
    GateStatus,
    Status,
    Verdict,
)
from deploydb.domain.model.reasons import Admitted, FailedBeside, NotRecorded, Reason, RollbackWaits, several


def admit(lanes: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
    """Request the deployments that may enter their stages, upstream first; then explain those that wait."""
    doors = Admission(lanes, catalog, service, holds)
    stages = catalog.stages(service)
    doors.rule_out()
    for stage in stages:
        doors.admit(stage)
    for stage in stages:
        doors.explain(stage)


class Admission:
    """A service's doors, one for each of its stages."""

    def __init__(self, lanes: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
        self._lanes = lanes
        self._catalog = catalog
        self._service = service
        self._holds = holds
        self._stages = {stage.environment: stage for stage in catalog.stages(service)}
        self._ways = FlowProgress(lanes, self._stages)
        self._rivals = Candidates(lanes, service, holds)

    def rule_out(self) -> None:
        """Let go of deployments in environments that are no stages any more, and of modules that are no artifacts."""
        for known in self._lanes.all():
            if not known.needs_evaluation or known.kind == "external":
                continue
            module = known.release.artifact.module
            if known.environment not in self._stages:
                self._leave(known, StageRemoved(environment=known.environment, service=self._service.ident))
            elif module not in self._service.artifacts and known.status is Status.NOT_STARTED:
                self._lanes.skip(known, ModuleRemoved(module=module, service=self._service.ident))

    def admit(self, stage: Stage) -> None:
        """Request rollbacks, and the candidates that may enter."""
        for known in self._waiting(stage):
            if known.kind == "rollback":
                self._put_back(known)
        for candidate in sorted(self._candidates(stage), key=_turn):
            self._enter(stage, candidate)

    def explain(self, stage: Stage) -> None:
        """Explain why each deployment that has not started waits."""
        for known in self._waiting(stage):
            if known.kind == "rollback":
                self._explain(known, self._rollback_obstacles(known))
        for candidate in self._candidates(stage, explain=True):
            self._explain(candidate, self._obstacles(stage, candidate) or self._unmet(stage, candidate))

    def _waiting(self, stage: Stage) -> list[Deployment]:
        return [known for known in self._lanes.lane(stage.environment) if known.status is Status.NOT_STARTED]

    def _candidates(self, stage: Stage, *, explain: bool = False) -> list[Deployment]:
        """The candidate of each module. Flows that cannot reach the stage any more are skipped, as are those that the
        candidate supersedes; the others are explained, if wanted."""
        arrived: dict[str, list[Deployment]] = {}
        for known in (one for one in self._waiting(stage) if one.kind != "rollback"):
            closed = self._ways.dead_end(stage, known.flow) or self._ways.skipped_by_hotfix(known)
            if closed is not None:
                self._lanes.skip(known, closed)
            elif (awaited := self._ways.waits_for(stage, known.flow)) is None:
                arrived.setdefault(known.release.artifact.module, []).append(known)
            elif explain:
                self._lanes.explain(known, awaited)
        candidates = []
        for rivals in arrived.values():
            ranking = self._rivals.rank(stage, rivals)
            candidates += [ranking.candidate] if ranking.candidate is not None else []
            for known in rivals:
                if known.id in ranking.superseded:
                    self._lanes.skip(known, ranking.superseded[known.id])
                elif explain and known.id in ranking.waiting:
                    self._lanes.explain(known, ranking.waiting[known.id])
        return candidates

    def _explain(self, known: Deployment, obstacles: Sequence[Reason]) -> None:
        if not obstacles:  # the last command has made way for it
            self._lanes.evaluate_again()
        elif known.kind == "rollback":
            rollback = known.trigger_reason or NotRecorded()
            self._lanes.explain(known, RollbackWaits(rollback=rollback, awaits=tuple(obstacles)))
        else:
            self._lanes.explain(known, several(obstacles))

    def _leave(self, known: Deployment, reason: Reason) -> None:
        if known.status is Status.NOT_STARTED:
            self._lanes.skip(known, reason)
        elif not known.active:
            self._lanes.close(known)

    def _enter(self, stage: Stage, known: Deployment) -> None:
        if self._obstacles(stage, known):
            return
        passed = self._ways.passed(stage, known.flow)
        since = max(
            (one.gates_count_from for one in passed if one.gates_count_from is not None),
            default=known.release.published_at,
        )
        entry = self._catalog.entry_promotions(stage.environment)
        verdicts = self._lanes.verdicts(entry, known, phase="entry", since=since)
        if all(verdict.outcome is GateStatus.PASS for verdict in verdicts):
            self._request(known, self._admitted(known, passed, verdicts))

    def _obstacles(self, stage: Stage, known: Deployment) -> list[Reason]:
        """All that stands against a candidate now, but its entry gates."""
        against: list[Reason] = [hold.held for hold in self._holds.pauses(stage.environment)]
        against += self._frozen(known)
        obstacle = self._obstacle(stage, known)
        return [*against, obstacle] if obstacle is not None else against

    def _unmet(self, stage: Stage, known: Deployment) -> list[Reason]:
        """The reasons of the entry gates that have not passed."""
        before = self._lanes.before(known, "entry")
        verdicts = [
            before[one.ident] for one in self._catalog.entry_promotions(stage.environment) if one.ident in before
        ]
        return [verdict.reason for verdict in verdicts if verdict.outcome is not GateStatus.PASS]

    def _frozen(self, known: Deployment) -> list[Reason]:
        """The freezes that no override lets the deployment pass."""
        frozen = self._holds.frozen(known)
        if frozen is None:
            return []
        self._lanes.say(known, frozen)
        return [frozen.reason] if frozen.outcome is not GateStatus.PASS else []

    def _overridden(self, known: Deployment) -> list[Reason]:
        """The override by which the deployment passes a freeze that stands."""
        frozen = self._holds.frozen(known)
        return [frozen.reason] if frozen is not None and isinstance(frozen.reason, FreezeOverridden) else []

    def _put_back(self, known: Deployment) -> None:
        """A rollback waits for an active deployment and for a freeze, and for nothing else; a veto or a pin ends it."""
        version, environment = known.release.artifact.version, known.environment
        veto, pin = self._holds.veto(environment, version), self._holds.pin(environment)
        hold = veto or (pin if pin is not None and pin.version != version else None)
        if hold is not None:
            self._lanes.skip(known, hold.held)
        elif not self._rollback_obstacles(known):
            self._request(known, several([known.trigger_reason or NotRecorded(), *self._overridden(known)]))

    def _rollback_obstacles(self, known: Deployment) -> list[Reason]:
        against = self._frozen(known)
        against += [_being_deployed(other) for other in self._lanes.lane(known.environment) if other.active]
        return against + self._not_yet(known)

    def _not_yet(self, known: Deployment) -> list[Reason]:
        """When another attempt may be made, if that is still to come."""
        if known.not_before is None or known.not_before <= self._lanes.now:
            return []
        self._lanes.look_again(known.not_before)
        return [NotBefore(attempt=known.attempt, at=known.not_before)]

    def _obstacle(self, stage: Stage, known: Deployment) -> Reason | None:
        """What keeps the newcomer out of the lane now: another deployment there, or one of a region beside it."""
        lane = self._lanes.lane(stage.environment)
        if self._lanes.rolling_back(stage.environment):
            return RollbackFirst()
        active = [other for other in lane if other.active]
        if active:
            return _being_deployed(active[0])
        verifying = [other for other in lane if other.needs_evaluation and other.status is Status.COMPLETED]
        patient = self._catalog.while_verifying(self._service, stage) == "wait" and self._lanes.hotfix(known) is None
        if verifying and patient:
            first = min(verifying, key=_turn)
            return BeingVerified(version=first.release.artifact.version, deployment=first.id)
        return next(iter(self._not_yet(known)), None) or self._crowded(stage, known)

    def _crowded(self, stage: Stage, known: Deployment) -> Reason | None:
        """Which environment beside this one must be done first: not all of a group are worked on at a time."""
        for group in self._catalog.parallel(self._service, stage.environment):
            beside = [name for name in group.environments if name != stage.environment]
            failed = [one for name in beside for one in self._lanes.lane(name) if _has_failed(one, known)]
            if failed:
                beside_ = stage_reason(failed[0])
                version = known.release.artifact.version
                return FailedBeside(version=version, environment=beside_.environment, reason=beside_.reason)
            busy = [name for name in beside if any(map(_is_busy, self._lanes.lane(name)))]
            if len(busy) >= group.most:
                return GroupFull(busy=tuple(busy), most=group.most, environments=group.environments)
        return None

    def _request(self, known: Deployment, reason: Reason) -> None:
        environment, module = known.environment, known.release.artifact.module
        ran = self._lanes.runs(known)
        deadline = self._lanes.now + self._catalog.environments[environment].deadline
        requested = replace(
            known, requested_at=self._lanes.now, deadline=deadline, trigger_reason=reason, status_reason=reason
        )
        self._lanes.request(
            DeploymentRequested(
                deployment=requested,
                kind="rollback" if known.kind == "rollback" else "deploy",
                manifest=tuple(
                    known.release.artifact
                    if listed == module
                    else self._lanes.running[environment, listed].release.artifact
                    for listed in self._service.artifacts
                    if listed == module or (environment, listed) in self._lanes.running
                ),
                previous=Previous(version=ran.release.artifact.version, deployment=ran.deployment) if ran else None,
                deadline=deadline,
                reason=reason,
            )
        )
        for other in self._lanes.lane(environment):
            ended = other.needs_evaluation and other.status in (Status.COMPLETED, Status.FAILED, Status.SUCCESS)
            if ended and other.release.artifact.module == module and other.id != known.id:
                self._lanes.replace(other, known.release.artifact.version)

    def _admitted(self, known: Deployment, passed: Sequence[Deployment], entry: Sequence[Verdict]) -> Reason:
        """Why it is deployed, for the command and for people."""
        hotfix = self._lanes.hotfix(known)
        return Admitted(
            promoted_from=tuple(map(stage_reason, passed)),
            published_by=known.release.published_by if not passed else None,
            attempt=known.attempt if known.attempt > 1 else None,
            hotfix=hotfix.comment if hotfix is not None else None,
            entry=(*(verdict.reason for verdict in entry), *self._overridden(known)),
            conflict=known.release.conflict,
        )


def _turn(known: Deployment) -> tuple[datetime, str]:
    """The order among a lane's modules: what was published first."""
    return (known.release.published_at, known.release.artifact.module)


def _being_deployed(known: Deployment) -> Reason:
    return BeingDeployed(version=known.release.artifact.version, deployment=known.id)


def _is_busy(known: Deployment) -> bool:
    return known.active or (known.needs_evaluation and known.status is Status.COMPLETED)


def _has_failed(one: Deployment, known: Deployment) -> bool:
    """Whether the same release has failed there, and people have not dealt with it."""
    return one.needs_evaluation and one.status is Status.FAILED and one.release.id == known.release.id
