"""One service on the engine, with a clock."""

import pickle
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Self

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import (
    AttemptScheduled,
    CheckScheduled,
    Decisions,
    DeploymentRequested,
    FailureFinalized,
    RetryRequestResolved,
    RollbackRequestResolved,
    ServiceSnapshot,
)
from deploydb.domain.evaluation.evaluate import decide
from deploydb.domain.model.admission_reasons import FreezeOverridden
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, Release, Status
from deploydb.domain.model.environment_names import with_names
from deploydb.domain.model.facts import DeploymentFinished, DeploymentStarted
from deploydb.domain.model.overrides import Hold, unlifted
from deploydb.domain.model.reasons import Reason
from deploydb.domain.model.running import CurrentVersion, DependencyState
from deploydb.engine.ledger import Ledger
from tests.domain.given import FOO, NOON


class Store:
    """One service's ledger, with a clock. Every evaluation is checked for what must always hold."""

    def __init__(self, known: Catalog, service: str = "foo") -> None:
        self.catalog = known
        self.service = service
        self.now = NOON
        self.ledger = Ledger(service)
        self.commands: list[DeploymentRequested] = []
        self.heard: list[tuple[int, DeploymentStarted | DeploymentFinished]] = []
        self.failures: list[FailureFinalized] = []
        self.answers: list[RollbackRequestResolved | RetryRequestResolved] = []
        self.checks: list[CheckScheduled] = []
        self.neighbours: tuple[DependencyState, ...] = ()
        self.holds: dict[tuple[str, ...], Hold] = {}
        self.read_until: datetime | None = None
        self.releases: dict[tuple[str, str], Release] = {}
        self.ids = count(1)
        self.sent_at = NOON
        """The latest time of the clock at which a fact was sent."""

    @property
    def deployments(self) -> Mapping[int, Deployment]:
        """Every deployment, by its id."""
        return self.ledger.deployments

    @property
    def running(self) -> Mapping[tuple[str, str], CurrentVersion]:
        """What each environment runs of each module."""
        return self.ledger.running

    def copy(self) -> Self:
        """Another store with the same in it, which has nothing in common with this one."""
        copied: Self = pickle.loads(pickle.dumps(self, pickle.HIGHEST_PROTOCOL))  # faster than deepcopy
        return copied

    def rename(self, names: Mapping[str, str]) -> None:
        """Environments get other names, in the catalog too."""
        self.catalog = with_names(self.catalog, names)
        self.ledger.rename(lambda name: names.get(name, name))
        placed = [
            replace(one, environment=names.get(one.environment or "", one.environment)) for one in self.holds.values()
        ]
        self.holds = {one.key: one for one in placed}

    def find(self, environment: str, version: str, module: str | None = None) -> Deployment:
        """The flow's last attempt of a version, of whatever module where none is named."""
        return next(
            known
            for known in reversed(self.deployments.values())
            if (known.environment, known.release.artifact.version) == (environment, version)
            and known.flow is not None
            and module in (None, known.release.artifact.module)
        )

    def status(self, environment: str, version: str) -> Status:
        """How far it has come."""
        return self.find(environment, version).status

    def reason(self, environment: str, version: str) -> Reason | None:
        """Why it is there."""
        return self.find(environment, version).status_reason

    def runs(self, environment: str, module: str = FOO) -> str | None:
        """The version that runs there."""
        ran = self.running.get((environment, module))
        return ran.release.artifact.version if ran else None

    def situation(self) -> ServiceSnapshot:
        """What the store would load."""
        service = self.catalog.services.get(self.service)
        stages = [stage.environment for stage in self.catalog.stages(service)] if service is not None else None
        branches = self.catalog.branches(self.service)
        known = self.ledger.snapshot(self.holds.values(), self.neighbours, {}, stages, branches)
        return replace(known, running=dict(known.running), read_until=self.read_until)

    def outlook(self) -> ServiceSnapshot:
        """The snapshot for a look ahead: with what has succeeded in each lane."""
        environments = {one.environment for one in self.deployments.values()}
        return replace(self.situation(), good={name: self.ledger.good_in(name) for name in environments})

    def evaluate(self, minutes: float = 0) -> Decisions:
        """Let that much time pass, decide and write it down, until nothing more is to be decided at once."""
        self.now += timedelta(minutes=minutes)
        first = made = self._decide()
        for _ in range(10):
            if not made.again:
                break
            made = self._decide()
        again = decide(self.catalog, self.situation(), self.now)
        assert not again.again
        assert again.decisions == (), f"the same situation decided twice: {again.decisions}"
        assert again.explained == (), f"the same situation explained differently: {again.explained}"
        assert again.recheck_at == made.recheck_at or made.decisions
        assert made.recheck_at is None or made.recheck_at > self.now
        return first

    def _decide(self) -> Decisions:
        made = decide(self.catalog, self.situation(), self.now)
        self.ledger.write(made)
        for decision in made.decisions:
            match decision:
                case DeploymentRequested(deployment=known):
                    if decision.kind == "deploy":
                        self._check_no_downgrade(known)
                        self._check_beside(known)
                    self._check_holds(known)
                    self.commands.append(decision)
                case FailureFinalized():
                    self.failures.append(decision)
                case AttemptScheduled():
                    self._check_attempt(decision, made)
                case RollbackRequestResolved() | RetryRequestResolved():
                    self.answers.append(decision)
                case CheckScheduled():
                    self.checks.append(decision)
        active = [one.environment for one in self.deployments.values() if one.active]
        assert len(set(active)) == len(active), "two active in one lane"
        return made

    def _check_attempt(self, made: AttemptScheduled, beside: Decisions) -> None:
        if made.kind != "rollback" or made.attempt > 1:
            return
        cause = self.deployments.get(made.cause) if made.cause is not None else None
        if made.request is None:
            assert cause is not None
            assert cause.kind == "deploy", "a rollback of a rollback"
        answers = [one for one in beside.decisions if isinstance(one, RollbackRequestResolved)]
        if not any(one.wish.event == made.request and one.wish.version is not None for one in answers):
            self._check_target(made)
        waiting = [
            one.release.id
            for one in self.deployments.values()
            if one.environment == made.environment and one.kind == "rollback"
            if one.active or one.status is Status.NOT_STARTED
        ]
        assert waiting.count(made.release.id) == 1, "two rollbacks to one release at a time"

    def _check_target(self, made: AttemptScheduled) -> None:
        """No person has named the version that is put back: it ran there with success, and has not failed since."""
        lane = [one for one in self.deployments.values() if one.environment == made.environment]
        ran = [one for one in lane if one.release.id == made.release.id and one.live_at is not None]
        assert any(one.result == "SUCCESS" for one in ran), "a rollback to what never succeeded"
        last = max(ran, key=lambda one: one.id)
        assert last.status is not Status.FAILED or last.expired_at is not None, "a rollback to what failed"
        if self.catalog.fails_on_incident(self.catalog.services[self.service], made.environment):
            named = self.ledger.statements.names(made.environment, made.release.artifact.version)
            assert not named, "a rollback to what is in trouble"

    def _check_beside(self, known: Deployment) -> None:
        """A release that failed in a lane of a group, and has not succeeded there since, enters no other lane of it."""
        service = self.catalog.services[self.service]
        lane = (known.environment, known.release.artifact.version)
        if service.failure_strategy == "ignore" or known.ordered or lane in self.ledger.promotion_requests:
            return
        for group in self.catalog.parallel(service, known.environment):
            for beside in group.environments:
                there = [
                    one.status
                    for one in self.deployments.values()
                    if one.release.id == known.release.id and one.environment == beside != known.environment
                ]
                ended = [status for status in there if status in (Status.FAILED, Status.SUCCESS)]
                assert ended[-1:] != [Status.FAILED], "a release enters a lane beside one where it failed"

    def _check_holds(self, known: Deployment) -> None:
        """No standing hold is passed, but a freeze by a word that is kept with the deployment."""
        version = known.release.artifact.version
        for hold in unlifted(self.holds.values()):
            if not hold.stands(self.now) or hold.environment not in (None, known.environment):
                continue
            assert not (hold.kind == "veto" and hold.version == version), "a vetoed version is commanded"
            assert not (hold.kind == "pin" and hold.version != version), "a pinned lane is changed"
            assert not (hold.kind == "pause" and known.kind == "deploy"), "a paused service is promoted"
            if hold.kind == "freeze":
                statement = self.ledger.verdicts(known.id).get(("entry", "freeze"))
                assert statement is not None, "a freeze is passed"
                assert isinstance(statement.reason, FreezeOverridden)

    def _check_no_downgrade(self, known: Deployment) -> None:
        ran = self.running.get((known.environment, known.release.artifact.module))
        order = self.catalog.services[self.service].order
        assert ran is None or ran.release.order_key(order) <= known.release.order_key(order), "a downgrade"
