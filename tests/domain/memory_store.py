"""The store of one service in memory, with a clock."""

from datetime import datetime, timedelta
from itertools import count

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import (
    AttemptScheduled,
    CheckScheduled,
    CurrentVersionChanged,
    Decisions,
    DeploymentRequested,
    DeploymentTransitioned,
    DeploymentWentLive,
    FailureFinalized,
    RollbackRequestResolved,
    ServiceSnapshot,
    VerdictChanged,
)
from deploydb.domain.evaluation.evaluate import decide
from deploydb.domain.model.admission_reasons import FreezeOverridden
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import (
    CurrentVersion,
    DependencyState,
    Deployment,
    Gate,
    KnownGood,
    Release,
    Status,
    Verdict,
)
from deploydb.domain.model.evidence import Evidence, Incident
from deploydb.domain.model.facts import DeploymentFinished, DeploymentStarted
from deploydb.domain.model.overrides import Hold, Hotfix, RollbackRequest
from deploydb.domain.model.reasons import Reason
from tests.domain.given import FOO, NOON


class Store:
    """One service's store in memory, with a clock. Every evaluation is checked for what must always hold."""

    def __init__(self, known: Catalog, service: str = "foo") -> None:
        self.catalog = known
        self.service = service
        self.now = NOON
        self.deployments: dict[int, Deployment] = {}
        self.running: dict[tuple[str, str], CurrentVersion] = {}
        self.commands: list[DeploymentRequested] = []
        self.heard: list[tuple[int, DeploymentStarted | DeploymentFinished]] = []
        self.failures: list[FailureFinalized] = []
        self.answers: list[RollbackRequestResolved] = []
        self.checks: list[CheckScheduled] = []
        self.neighbours: tuple[DependencyState, ...] = ()
        self.holds: dict[tuple[str, ...], Hold] = {}
        self.read_until: datetime | None = None
        self.hotfixes: dict[str, Hotfix] = {}
        self.wishes: list[RollbackRequest] = []
        self.incidents: dict[tuple[str, str], Incident] = {}
        self.evidence: dict[int, Evidence] = {}
        self._verdicts: dict[int, dict[Gate, Verdict]] = {}
        self.releases: dict[tuple[str, str], Release] = {}
        self.ids = count(1)

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

    def verdicts(self, ident: int) -> dict[Gate, Verdict]:
        """The last verdicts on a deployment."""
        return self._verdicts.get(ident, {})

    def situation(self) -> ServiceSnapshot:
        """What the store would load: open deployments, and the closed ones of their flows."""
        opened = {known.id for known in self.deployments.values() if known.needs_evaluation}
        flows = {known.flow for known in self.deployments.values() if known.needs_evaluation and known.flow is not None}
        return ServiceSnapshot(
            service=self.service,
            deployments=tuple(one for one in self.deployments.values() if one.id in opened or one.flow in flows),
            running=dict(self.running),
            evidence={one.id: self._evidence_of(one) for one in self.deployments.values() if self._is_heard(one)},
            verdicts={ident: dict(statement) for ident, statement in self._verdicts.items() if ident in opened},
            holds=tuple(self.holds.values()),
            hotfixes=tuple(self.hotfixes.values()),
            wishes=tuple(self.wishes),
            neighbours=self.neighbours,
            good=self._good(),
            read_until=self.read_until,
        )

    def _is_heard(self, one: Deployment) -> bool:
        """Whether evidence about it counts: it is open, or another attempt is."""
        kin = (other for other in self.deployments.values() if other.flow == one.flow is not None)
        return one.needs_evaluation or any(
            other.needs_evaluation and other.environment == one.environment for other in kin
        )

    def _evidence_of(self, known: Deployment) -> Evidence:
        troubles = (
            incident
            for (environment, _), incident in self.incidents.items()
            if environment == known.environment and incident.version in (None, known.release.artifact.version)
        )
        return replace(self.evidence.get(known.id, Evidence()), incidents=tuple(troubles))

    def _good(self) -> dict[str, tuple[KnownGood, ...]]:
        failed = {
            known.environment
            for known in self.deployments.values()
            if known.needs_evaluation and known.status is Status.FAILED and known.failure_response is None
        }
        return {
            environment: self._good_in(environment) for environment in failed | {w.environment for w in self.wishes}
        }

    def _good_in(self, environment: str) -> tuple[KnownGood, ...]:
        """The last deployment of each release that succeeded there, newest first."""
        found: dict[int, KnownGood] = {}
        for known in self.deployments.values():
            if known.environment == environment and known.result == "SUCCESS" and known.gates_count_from is not None:
                release = known.release.id
                flow = [one for one in self.deployments.values() if one.flow is not None and one.release.id == release]
                found[release] = KnownGood(
                    deployment=known.id,
                    release=known.release,
                    live_at=known.gates_count_from,
                    completed=all(one.status is Status.SUCCESS or one.failure_response == "retry" for one in flow),
                )
        return tuple(sorted(found.values(), key=lambda one: (one.live_at, one.deployment), reverse=True))

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
        for decision in made.decisions:
            match decision:
                case DeploymentRequested(deployment=known):
                    if decision.kind == "deploy":
                        self._check_no_downgrade(known)
                    self._check_holds(known)
                    self.deployments[known.id] = known
                    self.commands.append(decision)
                    active = [one for one in self.deployments.values() if one.active]
                    assert len({one.environment for one in active}) == len(active), "two active in one lane"
                case DeploymentTransitioned(deployment=known) | DeploymentWentLive(deployment=known):
                    self.deployments[known.id] = known
                case VerdictChanged(deployment=known, verdict=verdict):
                    self._verdicts.setdefault(known.id, {})[verdict.gate] = verdict
                case CurrentVersionChanged(environment=environment, running=ran):
                    self.running[environment, ran.release.artifact.module] = ran
                case FailureFinalized(deployment=known):
                    self.deployments[known.id] = known
                    self.failures.append(decision)
                case AttemptScheduled():
                    self._attempt(decision)
                case RollbackRequestResolved(wish=wish):
                    self.wishes.remove(wish)
                    self.answers.append(decision)
                case CheckScheduled():
                    self.checks.append(decision)
        self.deployments.update({known.id: known for known in made.explained})
        return made

    def _attempt(self, made: AttemptScheduled) -> None:
        cause = self.deployments.get(made.cause) if made.cause is not None else None
        if made.kind == "rollback" and made.wish is None and made.attempt == 1:
            assert cause is not None
            assert cause.kind == "deploy", "a rollback of a rollback"
        ident = next(self.ids)
        self.deployments[ident] = Deployment(
            id=ident,
            flow=made.flow,
            service=self.service,
            environment=made.environment,
            release=made.release,
            kind=made.kind,
            attempt=made.attempt,
            cause=made.cause,
            not_before=made.not_before,
            trigger_reason=made.trigger_reason,
            status_reason=made.reason,
        )

    def _check_holds(self, known: Deployment) -> None:
        """No standing hold is passed, but a freeze by a word that is kept with the deployment."""
        version = known.release.artifact.version
        for hold in self.holds.values():
            if not hold.stands(self.now) or hold.environment not in (None, known.environment):
                continue
            assert not (hold.kind == "veto" and hold.version == version), "a vetoed version is commanded"
            assert not (hold.kind == "pin" and hold.version != version), "a pinned lane is changed"
            assert not (hold.kind == "pause" and known.kind == "deploy"), "a paused service is promoted"
            if hold.kind == "freeze":
                statement = self._verdicts.get(known.id, {}).get(("entry", "freeze"))
                assert statement is not None, "a freeze is passed"
                assert isinstance(statement.reason, FreezeOverridden)

    def _check_no_downgrade(self, known: Deployment) -> None:
        ran = self.running.get((known.environment, known.release.artifact.module))
        order = self.catalog.services[self.service].order
        assert ran is None or ran.release.order_key(order) <= known.release.order_key(order), "a downgrade"
