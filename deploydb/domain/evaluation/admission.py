"""The way into a stage: who can never come, who has arrived, who is chosen, and whether it may enter.

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


class Admission:
    """A service's doors, one for each of its stages. Work them upstream first."""

    def __init__(self, lanes: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
        self._lanes = lanes
        self._catalog = catalog
        self._service = service
        self._holds = holds
        self._stages = {stage.environment: stage for stage in catalog.stages(service)}
        self._ways = FlowProgress(lanes, self._stages)
        self._rivals = Candidates(lanes, service, holds)

    def rule_out(self) -> None:
        """Let go of what the service no longer goes through, or is no longer made of."""
        for known in self._lanes.all():
            if not known.needs_evaluation or known.kind == "external":
                continue
            module = known.release.artifact.module
            if known.environment not in self._stages:
                self._leave(known, StageRemoved(environment=known.environment, service=self._service.ident))
            elif module not in self._service.artifacts and known.status is Status.NOT_STARTED:
                self._lanes.skip(known, ModuleRemoved(module=module, service=self._service.ident))

    def work(self, stage: Stage) -> None:
        """Put back what is to be put back. Skip the flows whose way to the stage is closed; of those that have arrived,
        let in who may enter."""
        arrived: dict[str, list[Deployment]] = {}
        for known in self._lanes.lane(stage.environment):
            if known.status is not Status.NOT_STARTED:
                continue
            if known.kind == "rollback":
                self._put_back(known)
                continue
            closed = self._ways.dead_end(stage, known.flow) or self._ways.skipped_by_hotfix(known)
            if closed is not None:
                self._lanes.skip(known, closed)
                continue
            waits_for = self._ways.waits_for(stage, known.flow)
            if waits_for is not None:
                self._lanes.explain(known, waits_for)
                continue
            arrived.setdefault(known.release.artifact.module, []).append(known)
        chosen = [one for rivals in arrived.values() if (one := self._rivals.choose(stage, rivals)) is not None]
        for candidate in sorted(chosen, key=_turn):
            self._enter(stage, candidate)

    def _leave(self, known: Deployment, reason: Reason) -> None:
        if known.status is Status.NOT_STARTED:
            self._lanes.skip(known, reason)
        elif not known.active:
            self._lanes.close(known)

    def _enter(self, stage: Stage, known: Deployment) -> None:
        against: list[Reason] = [hold.held for hold in self._holds.pauses(stage.environment)]
        frozen = self._frozen(known)
        if frozen is not None and frozen.outcome is not GateStatus.PASS:
            against.append(frozen.reason)
        obstacle = self._obstacle(stage, known)
        if obstacle is not None:
            against.append(obstacle)
        if against:
            self._lanes.explain(known, several(against))
            return
        passed = self._ways.passed(stage, known.flow)
        since = max(
            (one.gates_count_from for one in passed if one.gates_count_from is not None),
            default=known.release.published_at,
        )
        entry = self._catalog.entry_promotions(stage.environment)
        verdicts = self._lanes.verdicts(entry, known, phase="entry", since=since)
        unmet = [verdict.reason for verdict in verdicts if verdict.outcome is not GateStatus.PASS]
        if unmet:
            self._lanes.explain(known, several(unmet))
            return
        asked = (*verdicts, frozen) if frozen is not None and _is_overridden(frozen) else verdicts
        self._request(known, self._admitted(known, passed, asked))

    def _frozen(self, known: Deployment) -> Verdict | None:
        frozen = self._holds.frozen(known)
        if frozen is not None:
            self._lanes.say(known, frozen)
        return frozen

    def _put_back(self, known: Deployment) -> None:
        """A rollback waits for an active deployment and for a freeze, and for nothing else; a veto or a pin ends it."""
        version, environment = known.release.artifact.version, known.environment
        veto, pin = self._holds.veto(environment, version), self._holds.pin(environment)
        hold = veto or (pin if pin is not None and pin.version != version else None)
        if hold is not None:
            self._lanes.skip(known, hold.held)
            return
        frozen = self._frozen(known)
        against = [frozen.reason] if frozen is not None and frozen.outcome is not GateStatus.PASS else []
        active = [other for other in self._lanes.lane(environment) if other.active]
        if active:
            against.append(_being_deployed(active[0]))
        against += self._not_yet(known)
        rollback = known.trigger_reason or NotRecorded()
        if against:
            self._lanes.explain(known, RollbackWaits(rollback=rollback, awaits=tuple(against)))
            return
        overridden = frozen is not None and _is_overridden(frozen)
        self._request(known, several([rollback, frozen.reason]) if frozen is not None and overridden else rollback)

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
            entry=tuple(verdict.reason for verdict in entry),
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


def _is_overridden(frozen: Verdict) -> bool:
    """Whether a freeze that stands lets it pass; one that is over is no reason for anything."""
    return isinstance(frozen.reason, FreezeOverridden)
