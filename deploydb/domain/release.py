"""What would release a deployment: the fewest things that must happen on its way, and when it could be at the earliest.

Told as if every person, job and orchestrator answered at once: what is left are the times that nobody can shorten.
The gates themselves are asked, with the answers that are needed put into their evidence.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import FlowProgress
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.gate_wording import incidents_text
from deploydb.domain.gates import GateContext
from deploydb.domain.lifting import holds_against
from deploydb.domain.model.catalog import (
    Catalog,
    Service,
    Stage,
)
from deploydb.domain.model.deployment import (
    Deployment,
    FactOrder,
    Phase,
    Status,
)
from deploydb.domain.model.promotions import Promotion
from deploydb.domain.model.reasons import NotRecorded
from deploydb.domain.needs import DeadEndError, Need, Reached, ask_gates
from deploydb.domain.wording import text

Goal = Literal["entered", "verified"]

_NEVER = datetime.max.replace(tzinfo=UTC)


class Releasing(Struct, frozen=True, kw_only=True):
    """What must happen, in the order of the way, and the first moment at which it could be released then.

    `earliest` is None where nothing leads there, or no moment can be told; `instead` says what to do then.
    """

    needs: tuple[Need, ...] = ()
    earliest: datetime | None = None
    instead: str | None = None
    goal: Goal = "entered"


def what_releases(catalog: Catalog, situation: ServiceSnapshot, deployment_id: int, now: datetime) -> Releasing | None:
    """What would bring a deployment into its environment; of one that runs there, what would verify it.

    None where it is there and verified. Raises: KeyError for a deployment that is not in the situation.
    """
    lanes = Evaluation(situation, now, catalog)
    known = {one.id: one for one in situation.deployments}[deployment_id]
    goal: Goal = "entered" if known.status in (Status.NOT_STARTED, Status.CREATED, Status.STARTED) else "verified"
    if known.status is Status.SUCCESS:
        return None
    service = catalog.services.get(situation.service)
    if service is None:
        return Releasing(instead=f"configure {situation.service} again", goal=goal)
    try:
        reached = _Walk(lanes, catalog, service, situation).to(known, now)
    except DeadEndError as end:
        return Releasing(instead=str(end), goal=goal)
    return Releasing(needs=_each_once(reached.needs), earliest=reached.at, goal=goal)


class _Walk:
    """A flow's way through its service's stages, walked ahead of time."""

    def __init__(self, lanes: Evaluation, catalog: Catalog, service: Service, situation: ServiceSnapshot) -> None:
        self._lanes = lanes
        self._situation = situation
        self._catalog = catalog
        self._service = service
        self._stages = {stage.environment: stage for stage in catalog.stages(service)}
        self._holds = Holds(lanes, catalog, self._stages)
        self._ways = FlowProgress(lanes, self._stages)

    def to(self, known: Deployment, now: datetime) -> Reached:
        """What brings it there; of what has come to run, what verifies it."""
        if known.status is Status.NOT_STARTED:
            return self._enter(known, now)
        if known.active:
            return Reached(at=now, needs=(self._deployment(known),))
        return self._out(known, now)

    def _enter(self, known: Deployment, now: datetime) -> Reached:
        """Up to the command: the stages before, then what stands against it at the door, then the entry gates."""
        stage = self._stages.get(known.environment)
        if stage is None:
            raise DeadEndError(
                f"{known.environment} is no longer a stage of {self._service.ident}: nothing leads there"
            )
        before = self._upstream(stage, known, now) if known.kind == "deploy" else Reached(at=now)
        if before.at is None:
            return before
        self._rule_out(known)
        reached = before.beside(holds_against(self._lanes, self._holds, self._catalog, known)).beside(
            self._beside(stage, known, now)
        )
        if reached.at is None or known.kind == "rollback":
            return reached
        passed = self._ways.passed(stage, known.flow)
        times = [one.gates_count_from for one in passed if one.gates_count_from is not None]
        since = before.at if self._ways.waits_for(stage, known.flow) else max(times, default=known.release.published_at)
        entry = self._catalog.entry_promotions(known.environment)
        return reached.beside(self._gates("entry", entry, known, reached.at, since))

    def _out(self, known: Deployment, now: datetime) -> Reached:
        """From wherever it is up to the last exit gate of its stage."""
        version, environment = known.release.artifact.version, known.environment
        newer = f"publish a newer version than {version}"
        if known.status is Status.SUCCESS or known.failure_response == "ignore":
            return Reached(at=now)
        if known.status is Status.SKIPPED or known.replaced_at is not None or known.expired_at is not None:
            raise DeadEndError(f"{newer}: in {environment} it {_ended(known)}")
        if known.outcome == "failed":
            raise DeadEndError(f"{newer}: its deployment to {environment} failed: {known.failure or _reason(known)}")
        if known.failure_response in ("rollback", "full_rollback"):
            response = (
                text(known.failure_response_detail) if known.failure_response_detail is not None else "rolled back"
            )
            raise DeadEndError(f"{newer}: in {environment} it was {response}")
        reached, ran = Reached(at=now), known
        if known.outcome is None:
            if not known.active:
                reached = self._enter(known, now)
            reached = reached.then((self._deployment(known),))
            if reached.at is None:
                return reached
            ran = replace(known, finished=FactOrder(reached.at, "", ""), outcome="succeeded", requested_at=reached.at)
        stage = self._stages.get(environment)
        asked = self._catalog.exit_promotions(self._service, stage) if stage and known.kind == "deploy" else ()
        assert reached.at is not None  # noqa: S101  # returned above
        out = reached.beside(self._gates("exit", asked, ran, reached.at, ran.gates_count_from))
        return out.then(self._incidents(known))

    def _gates(
        self, phase: Phase, asking: Sequence[Promotion], known: Deployment, at: datetime, since: datetime | None
    ) -> Reached:
        asked = GateContext(
            deployment=known,
            now=at,
            phase=phase,
            evidence=self._lanes.evidence_at(known, phase),
            since=since,
            groups=self._catalog.groups,
            neighbours=self._situation.neighbours,
            before=self._lanes.before(known, phase),
        )
        return ask_gates(asking, asked, at)

    def _incidents(self, known: Deployment) -> tuple[Need, ...]:
        if not self._catalog.fails_on_incident(self._service, known.environment):
            return ()
        troubled = [one for one in self._lanes.evidence(known).incidents if one.open]
        return tuple(
            Need(
                kind="report",
                text=f"{incidents_text((one.report,))} to be over",
                environment=known.environment,
                promotion="incident",
            )
            for one in troubled
        )

    def _upstream(self, stage: Stage, known: Deployment, now: datetime) -> Reached:
        """All of the stages before, or the one of them that needs the least."""
        if self._ways.waits_for(stage, known.flow) is None:
            return Reached(at=now)
        branches: list[Reached] = []
        ends: list[DeadEndError] = []
        for environment in stage.after.environments:
            before = self._lanes.of(known.flow, environment)
            try:
                branches.append(self._through(before, environment, known, now))
            except DeadEndError as end:
                ends.append(end)
        if stage.after.need == "any" and branches:
            return min(branches, key=lambda one: (len(one.needs), one.at or _NEVER))
        if ends:
            raise ends[0]
        reached = Reached(at=now)
        for branch in branches:
            reached = reached.beside(branch)
        return reached

    def _through(self, before: Deployment | None, environment: str, known: Deployment, now: datetime) -> Reached:
        if before is None:
            raise DeadEndError(f"publish a newer version: {environment} became a stage after this flow had begun")
        if self._ways.skipped_by_hotfix(before) is not None and environment in self._stages:
            return self._upstream(self._stages[environment], known, now)
        return self._out(before, now)

    def _rule_out(self, known: Deployment) -> None:
        """A newer release that runs there, or is on its way in, leaves no place for it."""
        if known.kind != "deploy":
            return
        newness = known.release.order_key(self._service.order)
        ran = self._lanes.runs(known)
        came = [
            one.release
            for one in self._lanes.lane(known.environment)
            if one.needs_evaluation
            and one.commanded
            and one.kind == "deploy"
            and one.release.artifact.module == known.release.artifact.module
        ]
        for other in ([ran.release] if ran is not None else []) + came:
            if other.order_key(self._service.order) > newness:
                there = f"{known.environment} has {other.artifact.version}, which is newer"
                raise DeadEndError(f"{there}: publish a newer one, or roll back")

    def _beside(self, stage: Stage, known: Deployment, now: datetime) -> Reached:
        """Who goes first: a rollback, what is being deployed or verified there, another in line; and another attempt's
        time."""
        environment, lane = known.environment, self._lanes.lane(known.environment)
        reached = Reached(at=now)
        if known.not_before is not None and known.not_before > now:
            text = f"the time of attempt {known.attempt}"
            need = Need(kind="time", text=text, environment=environment, earliest=known.not_before)
            reached = reached.then((need,), known.not_before)
        for other in lane:
            if other.id == known.id:
                continue
            name = other.release.artifact.version
            if other.kind == "rollback" and other.status is Status.NOT_STARTED and known.kind == "deploy":
                text = f"the rollback to {name} (deployment {other.id}) first"
                reached = reached.then((Need(kind="rollback", text=text, environment=environment),))
            elif other.active:
                reached = reached.then((self._deployment(other),))
            verifying = other.active or (other.needs_evaluation and other.status is Status.COMPLETED)
            if verifying and known.kind == "deploy" and self._is_patient(stage, known):
                reached = reached.beside(self._other(other, now))
            if self._goes_first(stage, other, known):
                need = Need(kind="other", text=f"{name} to go first", environment=environment)
                reached = reached.then((need,))
        return reached.beside(self._crowd(known, now)) if known.kind == "deploy" else reached

    def _goes_first(self, stage: Stage, other: Deployment, known: Deployment) -> bool:
        """Whether another release at the same door is before this one in line."""
        arrived = other.status is Status.NOT_STARTED and other.kind == known.kind == "deploy"
        if not arrived or other.release.artifact.module != known.release.artifact.module:
            return False
        if self._ways.waits_for(stage, other.flow) or self._holds.veto(
            stage.environment, other.release.artifact.version
        ):
            return False
        urgent, rival = self._lanes.hotfix(known) is not None, self._lanes.hotfix(other) is not None
        if urgent != rival:
            return rival
        order = self._service.order
        return stage.supersede != "newest" and other.release.order_key(order) < known.release.order_key(order)

    def _crowd(self, known: Deployment, now: datetime) -> Reached:
        """The environments beside this one that must be done first, as few as can be, those that need the least."""
        reached = Reached(at=now)
        for group in self._catalog.parallel(self._service, known.environment):
            busy = []
            for name in group.environments:
                lane = self._lanes.lane(name) if name != known.environment else []
                working = [
                    one for one in lane if one.active or (one.needs_evaluation and one.status is Status.COMPLETED)
                ]
                failed = [
                    one
                    for one in lane
                    if one.needs_evaluation and one.status is Status.FAILED and one.release.id == known.release.id
                ]
                for one in failed:
                    reached = reached.beside(self._out(one, now))
                if working:
                    busy.append(self._all(working, now))
            busy.sort(key=lambda one: (len(one.needs), one.at or _NEVER))
            for least in busy[: max(len(busy) - group.most + 1, 0)]:
                reached = reached.beside(least)
        return reached

    def _all(self, working: Sequence[Deployment], now: datetime) -> Reached:
        reached = Reached(at=now)
        for one in working:
            reached = reached.beside(self._other(one, now))
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

    def _is_patient(self, stage: Stage, known: Deployment) -> bool:
        return self._catalog.while_verifying(self._service, stage) == "wait" and self._lanes.hotfix(known) is None

    def _deployment(self, known: Deployment) -> Need:
        what = "rollback" if known.kind == "rollback" else "deployment"
        text = f"the {what} of {known.release.artifact.version} to {known.environment}"
        text += " to finish" if known.active else ""
        return Need(kind="deployment", text=text, environment=known.environment)


def _ended(known: Deployment) -> str:
    if known.status is Status.SKIPPED:
        return f"was skipped: {_reason(known)}"
    return f"was {_reason(known)}" if known.status is Status.COMPLETED else f"failed: {_reason(known)}"


def _reason(known: Deployment) -> str:
    return text(known.status_reason or NotRecorded())


def _each_once(needs: Sequence[Need]) -> tuple[Need, ...]:
    return tuple(dict.fromkeys(needs))
