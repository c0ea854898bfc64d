"""The walk of a flow through its stages ahead of time. `release` has its promise."""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from deploydb.domain.dead_ends import DeadEndError, require_newest, require_way_out
from deploydb.domain.evaluation.admission import has_failed, is_busy
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import FlowProgress
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.gate_wording import incidents_text
from deploydb.domain.lifting import holds_against
from deploydb.domain.model.catalog import Catalog, Service, Stage
from deploydb.domain.model.deployment import Deployment, FactOrder, Phase, Status
from deploydb.domain.model.promotions import INCIDENT, Promotion
from deploydb.domain.needs import Need, Reached, ask_gates

_NEVER = datetime.max.replace(tzinfo=UTC)


class FlowWalk:
    """A flow's way through its service's stages, walked ahead of time."""

    def __init__(self, evaluation: Evaluation, catalog: Catalog, service: Service) -> None:
        self._evaluation = evaluation
        self._catalog = catalog
        self._service = service
        self._stages = {stage.environment: stage for stage in catalog.stages(service)}
        self._holds = Holds(evaluation, catalog, self._stages)
        self._progress = FlowProgress(evaluation, self._stages)

    def to(self, deployment: Deployment, now: datetime) -> Reached:
        """The needs until it runs there; once it runs, until it is verified."""
        if deployment.status is Status.NOT_STARTED:
            return self._enter(deployment, now)
        if deployment.active:
            return Reached(at=now, needs=(self._deployment(deployment),))
        return self._out(deployment, now)

    def _enter(self, deployment: Deployment, now: datetime) -> Reached:
        """Up to the command: the stages before, then what stands against it at the door, then the entry gates."""
        stage = self._stages.get(deployment.environment)
        if stage is None:
            removed = f"{deployment.environment} is no longer a stage of {self._service.ident}"
            raise DeadEndError(f"{removed}: nothing leads there")
        before = self._upstream(stage, deployment, now) if deployment.kind == "deploy" else Reached(at=now)
        if before.at is None:
            return before
        require_newest(self._evaluation, self._service, deployment)
        held = holds_against(self._evaluation, self._holds, self._catalog, deployment)
        reached = before.beside(held, self._beside(stage, deployment, now))
        if reached.at is None or deployment.kind == "rollback":
            return reached
        passed = self._progress.passed(stage, deployment.flow)
        times = [one.gates_count_from for one in passed if one.gates_count_from is not None]
        waits = self._progress.waits_for(stage, deployment.flow)
        since = before.at if waits else max(times, default=deployment.release.published_at)
        entry = self._catalog.entry_promotions(deployment.environment)
        return reached.beside(self._gates("entry", entry, deployment, reached.at, since))

    def _out(self, deployment: Deployment, now: datetime) -> Reached:
        """From wherever it is up to the last exit gate of its stage."""
        if deployment.status is Status.SUCCESS or deployment.failure_response == "ignore":
            return Reached(at=now)
        require_way_out(deployment)
        reached, ran = Reached(at=now), deployment
        if deployment.outcome is None:
            if not deployment.active:
                reached = self._enter(deployment, now)
            reached = reached.then((self._deployment(deployment),))
            if reached.at is None:
                return reached
            at = FactOrder(reached.at, "", "")
            ran = replace(deployment, finished=at, outcome="succeeded", requested_at=reached.at)
        stage = self._stages.get(deployment.environment)
        gates = self._catalog.exit_promotions(self._service, stage) if stage and deployment.kind == "deploy" else ()
        assert reached.at is not None  # noqa: S101  # returned above
        out = reached.beside(self._gates("exit", gates, ran, reached.at, ran.gates_count_from))
        return out.then(self._incidents(deployment))

    def _gates(
        self,
        phase: Phase,
        promotions: Sequence[Promotion],
        deployment: Deployment,
        at: datetime,
        since: datetime | None,
    ) -> Reached:
        return ask_gates(promotions, self._evaluation.gate_context(deployment, phase, at, since), at)

    def _incidents(self, deployment: Deployment) -> tuple[Need, ...]:
        if not self._catalog.fails_on_incident(self._service, deployment.environment):
            return ()
        troubled = [one for one in self._evaluation.evidence(deployment).incidents if one.open]
        texts = (f"{incidents_text((one.report,))} to be over" for one in troubled)
        environment = deployment.environment
        return tuple(Need(kind="report", text=text, environment=environment, promotion=INCIDENT) for text in texts)

    def _upstream(self, stage: Stage, deployment: Deployment, now: datetime) -> Reached:
        """All of the stages before, or the one of them that needs the least."""
        if self._progress.waits_for(stage, deployment.flow) is None:
            return Reached(at=now)
        branches: list[Reached] = []
        ends: list[DeadEndError] = []
        for environment in stage.after.environments:
            before = self._evaluation.of(deployment.flow, environment)
            try:
                branches.append(self._through(before, environment, deployment, now))
            except DeadEndError as end:
                ends.append(end)
        if stage.after.need == "any" and branches:
            return min(branches, key=lambda one: (len(one.needs), one.at or _NEVER))
        if ends:
            raise ends[0]
        return Reached(at=now).beside(*branches)

    def _through(self, before: Deployment | None, environment: str, deployment: Deployment, now: datetime) -> Reached:
        if before is None:
            raise DeadEndError(f"publish a newer version: {environment} became a stage after this flow had begun")
        if self._progress.skipped_by_hotfix(before) is not None and environment in self._stages:
            return self._upstream(self._stages[environment], deployment, now)
        return self._out(before, now)

    def _beside(self, stage: Stage, deployment: Deployment, now: datetime) -> Reached:
        """Who goes first: a rollback, what is being deployed or verified there, another in line; and another attempt's
        time."""
        environment, lane = deployment.environment, self._evaluation.lane(deployment.environment)
        reached = Reached(at=now)
        if deployment.not_before is not None and deployment.not_before > now:
            text = f"the time of attempt {deployment.attempt}"
            need = Need(kind="time", text=text, environment=environment, earliest=deployment.not_before)
            reached = reached.then((need,), deployment.not_before)
        for other in lane:
            if other.id == deployment.id:
                continue
            name = other.release.artifact.version
            if other.kind == "rollback" and other.status is Status.NOT_STARTED and deployment.kind == "deploy":
                text = f"the rollback to {name} (deployment {other.id}) first"
                reached = reached.then((Need(kind="rollback", text=text, environment=environment),))
            elif other.active:
                reached = reached.then((self._deployment(other),))
            if is_busy(other) and deployment.kind == "deploy" and self._is_patient(stage, deployment):
                reached = reached.beside(self._other(other, now))
            if self._goes_first(stage, other, deployment):
                need = Need(kind="other", text=f"{name} to go first", environment=environment)
                reached = reached.then((need,))
        return reached.beside(self._crowd(deployment, now)) if deployment.kind == "deploy" else reached

    def _goes_first(self, stage: Stage, other: Deployment, deployment: Deployment) -> bool:
        """Whether another release at the same door is before this one in line."""
        arrived = other.status is Status.NOT_STARTED and other.kind == deployment.kind == "deploy"
        if not arrived or other.release.artifact.module != deployment.release.artifact.module:
            return False
        if self._progress.waits_for(stage, other.flow) or self._holds.veto(
            stage.environment, other.release.artifact.version
        ):
            return False
        urgent, rival = self._evaluation.hotfix(deployment) is not None, self._evaluation.hotfix(other) is not None
        if urgent != rival:
            return rival
        order = self._service.order
        return stage.supersede != "newest" and other.release.order_key(order) < deployment.release.order_key(order)

    def _crowd(self, deployment: Deployment, now: datetime) -> Reached:
        """The environments beside this one that must be done first, as few as can be, those that need the least."""
        reached = Reached(at=now)
        for group in self._catalog.parallel(self._service, deployment.environment):
            busy = []
            for name in group.environments:
                lane = self._evaluation.lane(name) if name != deployment.environment else []
                working = [one for one in lane if is_busy(one)]
                failed = [one for one in lane if has_failed(one, deployment)]
                reached = reached.beside(*(self._out(one, now) for one in failed))
                if working:
                    busy.append(Reached(at=now).beside(*(self._other(one, now) for one in working)))
            busy.sort(key=lambda one: (len(one.needs), one.at or _NEVER))
            reached = reached.beside(*busy[: max(len(busy) - group.most + 1, 0)])
        return reached

    def _other(self, other: Deployment, now: datetime) -> Reached:
        """What lets another deployment of the lane be over: its own exit gates, named as its."""
        out = self._out(other, now)
        name = other.release.artifact.version
        named = tuple(
            each if each.kind == "deployment" else replace(each, text=f"{each.text} (of {name}, which goes first)")
            for each in out.needs
        )
        return Reached(at=out.at, needs=named)

    def _is_patient(self, stage: Stage, deployment: Deployment) -> bool:
        return (
            self._catalog.while_verifying(self._service, stage) == "wait"
            and self._evaluation.hotfix(deployment) is None
        )

    def _deployment(self, deployment: Deployment) -> Need:
        what = "rollback" if deployment.kind == "rollback" else "deployment"
        text = f"the {what} of {deployment.release.artifact.version} to {deployment.environment}"
        text += " to finish" if deployment.active else ""
        return Need(kind="deployment", text=text, environment=deployment.environment)
