"""What tests of the domain are told from: releases, catalogs, and a world in memory that keeps what the store keeps."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

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
from deploydb.domain.evaluation.evaluate import decide, open_flow
from deploydb.domain.model.admission_reasons import FreezeOverridden
from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.catalog import (
    After,
    Catalog,
    Environment,
    Parallel,
    Pipeline,
    Service,
    Stage,
)
from deploydb.domain.model.deployment import (
    CurrentVersion,
    DependencyState,
    Deployment,
    FactOrder,
    Gate,
    KnownGood,
    Release,
    Status,
    Verdict,
    merge,
)
from deploydb.domain.model.evidence import (
    Approval,
    Evidence,
    Incident,
    Verification,
)
from deploydb.domain.model.facts import (
    ApprovalGiven,
    ApprovalRefused,
    DeploymentFinished,
    DeploymentStarted,
    HoldLifted,
    HoldPlaced,
    HotfixDeclared,
    IncidentDetected,
    IncidentResolved,
    RollbackRequested,
)
from deploydb.domain.model.overrides import (
    Hold,
    Hotfix,
    RollbackRequest,
)
from deploydb.domain.model.promotions import (
    ManualPromotion,
    Promotion,
    SoakPromotion,
    VerificationPromotion,
)
from deploydb.domain.model.reasons import Reason

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SMOKE = VerificationPromotion(ident="smoke")
SOAK = SoakPromotion(ident="soak", duration=timedelta(hours=2))
MANUAL = ManualPromotion(ident="manual")
FOO = "com.example:foo"
BAR = "com.example:bar"


def at(minutes: float) -> datetime:
    """That many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def artifact(version: str = "1.0", *, module: str = FOO, url: str | None = None, digest: str | None = None) -> Artifact:
    """A version of a module."""
    group, name = module.split(":")
    return Artifact(group=group, name=name, version=version, url=url, digest=digest)


def release(
    version: str = "1.0", *, ident: int = 1, published: float = 0, by: str = "ci", module: str = FOO
) -> Release:
    """A version that was published that many minutes after noon."""
    return Release(id=ident, artifact=artifact(version, module=module), published_at=at(published), published_by=by)


def deployment(version: str = "1.0", environment: str = "dev", **fields: object) -> Deployment:
    """A deployment of foo, number 1 of flow 1 unless `fields` say otherwise."""
    known = Deployment(id=1, flow=1, service="foo", environment=environment, release=release(version))
    return replace(known, **fields)


def chain(*environments: str, **promotions: tuple[str, ...]) -> tuple[Stage, ...]:
    """Stages one after the other; `promotions` by environment."""
    return tuple(
        Stage(environment=name, after=After(environments=before), promotions=promotions.get(name, ()))
        for name, before in zip(environments, ((), *((name,) for name in environments)), strict=False)
    )


def catalog(
    *stages: Stage,
    services: Iterable[Service] = (Service(ident="foo", artifacts=(FOO,), pipelines=("main",)),),
    entry: dict[str, tuple[str, ...]] | None = None,
    promotions: Iterable[Promotion] = (SMOKE, SOAK, MANUAL),
    parallel: tuple[Parallel, ...] = (),
    **more: Any,
) -> Catalog:
    """Services, foo by default, on one pipeline; `entry` promotions by environment; `more` as for `Catalog`."""
    return Catalog(
        services={service.ident: service for service in services},
        environments={
            stage.environment: Environment(ident=stage.environment, entry=(entry or {}).get(stage.environment, ()))
            for stage in stages
        },
        pipelines={"main": Pipeline(ident="main", stages=stages, parallel=parallel)},
        promotions={promotion.ident: promotion for promotion in promotions},
        **more,
    )


class Scenario:
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
        self._incidents: dict[tuple[str, str], Incident] = {}
        self._evidence: dict[int, Evidence] = {}
        self._verdicts: dict[int, dict[Gate, Verdict]] = {}
        self._releases: dict[tuple[str, str], Release] = {}
        self._ids = count(1)

    def publish(self, version: str, *, published: float = 0, module: str = FOO, by: str = "ci") -> None:
        """A flow for the release, that many minutes after noon by its source. Published before: nothing new."""
        if (module, version) in self._releases:
            return
        known = release(version, ident=next(self._ids), published=published, module=module, by=by)
        self._releases[module, version] = known
        opened = open_flow(self.catalog, self.service, known)
        flow = next(self._ids)
        for environment, _ in opened.stages:
            ident = next(self._ids)
            self.deployments[ident] = Deployment(
                id=ident, flow=flow, service=self.service, environment=environment, release=known
            )

    def observe(self, environment: str, version: str, *, when: datetime | None = None, module: str = FOO) -> None:
        """Somebody has put the version there by hand."""
        ident, time = next(self._ids), when or self.now
        known = self._releases.get((module, version))
        if known is None:
            known = Release(
                id=next(self._ids), artifact=artifact(version, module=module), published_at=time, published_by="hand"
            )
            self._releases[module, version] = known
        self.deployments[ident] = Deployment(
            id=ident,
            flow=None,
            service=self.service,
            environment=environment,
            release=known,
            kind="external",
            finished=FactOrder(time, "hand", str(ident)),
            outcome="succeeded",
        )

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

    def start(self, environment: str, version: str, *, module: str | None = None) -> None:
        """The orchestrator has begun."""
        fact = DeploymentStarted(id=str(next(self._ids)), source="cd", time=self.now, deployment=1)
        self.merge(self.find(environment, version, module), fact)

    def finish(
        self,
        environment: str,
        version: str,
        outcome: str = "succeeded",
        *,
        when: datetime | None = None,
        reason: str | None = None,
        module: str | None = None,
    ) -> None:
        """The orchestrator is done."""
        fact = DeploymentFinished(
            id=str(next(self._ids)), source="cd", time=when or self.now, deployment=1, outcome=outcome, reason=reason
        )
        self.merge(self.find(environment, version, module), fact)

    def finish_rollback(self, known: Deployment, outcome: str = "succeeded") -> None:
        """The orchestrator is done with a rollback."""
        fact = DeploymentFinished(
            id=str(next(self._ids)), source="cd", time=self.now, deployment=known.id, outcome=outcome
        )
        self.merge(self.deployments[known.id], fact)

    def merge(self, known: Deployment, fact: DeploymentStarted | DeploymentFinished) -> None:
        """Take a fact in, as ingest does: the deployment is promotion's business again."""
        self.deployments[known.id] = replace(merge(known, fact), needs_evaluation=True)
        self.heard.append((known.id, fact))

    def hear_again(self, place: int) -> None:
        """A fact is delivered once more."""
        ident, fact = self.heard[place % len(self.heard)]
        self.deployments[ident] = replace(merge(self.deployments[ident], fact), needs_evaluation=True)

    def verify(
        self,
        environment: str,
        version: str,
        *,
        outcome: str = "passed",
        module: str | None = None,
        job: str = "smoke",
        when: datetime | None = None,
    ) -> None:
        """A job reports, the smoke test unless another is named."""
        known = self.find(environment, version, module)
        before = self._evidence.get(known.id, Evidence())
        at_ = FactOrder(when or self.now, "ci", str(next(self._ids)))
        report = Verification(promotion=job, outcome=outcome, at=at_, event=next(self._ids))
        others = tuple(one for one in before.verifications if one.promotion != job)
        self._evidence[known.id] = replace(before, verifications=(*others, report))

    def speak(self, environment: str, version: str, by: str, *, given: bool = True, module: str | None = None) -> None:
        """A person approves or refuses."""
        known = self.find(environment, version, module)
        before = self._evidence.get(known.id, Evidence())
        says = ApprovalGiven if given else ApprovalRefused
        fact = says(id=str(next(self._ids)), source="cli", time=self.now, deployment=1, promotion="manual", by=by)
        others = tuple(one for one in before.approvals if one.by != by)
        word = replace(Approval.of(fact), event=next(self._ids))
        self._evidence[known.id] = replace(before, approvals=(*others, word))

    def hold(self, kind: str, *, lift: bool = False, by: str = "alice", reason: str = "because", **scope: Any) -> None:
        """A person places a hold, or lifts one."""
        statement = HoldLifted if lift else HoldPlaced
        scope = {"service": self.service, **scope}
        fact = statement(
            id=f"{next(self._ids):06}", source="cli", time=self.now, kind=kind, by=by, reason=reason, **scope
        )
        hold = Hold.of(fact)
        if hold.scope not in self.holds or self.holds[hold.scope].at < hold.at:
            self.holds[hold.scope] = hold

    def override(self, environment: str, version: str, by: str, comment: str | None = "must go out") -> None:
        """A person lets a version pass a freeze."""
        known = self.find(environment, version)
        before = self._evidence.get(known.id, Evidence())
        at_ = FactOrder(self.now, "cli", f"{next(self._ids):06}")
        word = Approval(promotion="freeze", by=by, given=True, at=at_, comment=comment)
        self._evidence[known.id] = replace(before, approvals=(*before.approvals, word))

    def hotfix(self, version: str, *skip: str, by: str = "alice") -> None:
        """A person lets a version go ahead."""
        fact = HotfixDeclared(
            id=str(next(self._ids)),
            source="cli",
            time=self.now,
            service=self.service,
            version=version,
            by=by,
            reason="prod is down",
            skip=skip,
        )
        self.hotfixes[version] = Hotfix.of(fact)

    def want_back(self, environment: str, version: str | None = None) -> None:
        """A person wants what ran before back."""
        ident = next(self._ids)
        fact = RollbackRequested(
            id=str(ident),
            source="cli",
            time=self.now,
            service=self.service,
            environment=environment,
            version=version,
            by="alice",
            reason="it is slow",
        )
        self.wishes.append(RollbackRequest.of(fact, ident))

    def incident(
        self, environment: str, name: str = "INC-1", *, over: bool = False, version: str | None = None
    ) -> None:
        """Trouble begins where the service runs, or is over. What runs there is looked at again."""
        says = IncidentResolved if over else IncidentDetected
        fact = says(
            id=str(next(self._ids)),
            source="ops",
            time=self.now,
            service=self.service,
            environment=environment,
            incident=name,
            version=version,
            reason="errors",
        )
        self._incidents[environment, name] = Incident.of(fact)
        for (where, _), ran in self.running.items():
            if where == environment:
                self.deployments[ran.deployment] = replace(self.deployments[ran.deployment], needs_evaluation=True)

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
        """Whether what was said of it counts: it is open, or another attempt is."""
        kin = (other for other in self.deployments.values() if other.flow == one.flow is not None)
        return one.needs_evaluation or any(
            other.needs_evaluation and other.environment == one.environment for other in kin
        )

    def _evidence_of(self, known: Deployment) -> Evidence:
        troubles = (
            incident
            for (environment, _), incident in self._incidents.items()
            if environment == known.environment and incident.version in (None, known.release.artifact.version)
        )
        return replace(self._evidence.get(known.id, Evidence()), incidents=tuple(troubles))

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
        ident = next(self._ids)
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

    def deploy(self, environment: str, version: str, outcome: str = "succeeded") -> None:
        """Play the orchestrator's part of a command."""
        assert self.status(environment, version) is Status.CREATED
        self.start(environment, version)
        self.finish(environment, version, outcome)
        self.evaluate(1)

    def _check_no_downgrade(self, known: Deployment) -> None:
        ran = self.running.get((known.environment, known.release.artifact.module))
        order = self.catalog.services[self.service].order
        assert ran is None or ran.release.order_key(order) <= known.release.order_key(order), "a downgrade"


THREE = chain("dev", "staging", "prod")


def foo(**fields: object) -> Service:
    """The service foo, made of the module of its name unless `fields` say otherwise."""
    return replace(Service(ident="foo", artifacts=(FOO,), pipelines=("main",)), **fields)


def world(*stages: Stage, **more: object) -> Scenario:
    """A world of foo with these stages, dev → staging → prod by default; `more` as for `catalog`."""
    return Scenario(catalog(*(stages or THREE), **more))
