"""What tests of the domain are told from: releases, catalogs, and a world in memory that keeps what the store keeps."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count

from msgspec.structs import replace

from deploydb.domain.artifact import Artifact
from deploydb.domain.catalog import (
    After,
    Catalog,
    Environment,
    ManualPromotion,
    Pipeline,
    Promotion,
    Service,
    SoakPromotion,
    Stage,
    VerificationPromotion,
)
from deploydb.domain.decide import decide, open_flow
from deploydb.domain.decisions import Decisions, Requested, RunningChanged, Settled, Situation, VerdictChanged
from deploydb.domain.facts import ApprovalGiven, ApprovalRefused, DeploymentFinished, DeploymentStarted
from deploydb.domain.gates import Evidence
from deploydb.domain.state import (
    Approval,
    Deployment,
    Precedence,
    Release,
    Running,
    Status,
    Verdict,
    Verification,
    merge,
)

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
) -> Catalog:
    """Services, foo by default, on one pipeline; `entry` promotions by environment."""
    return Catalog(
        services={service.ident: service for service in services},
        environments={
            stage.environment: Environment(ident=stage.environment, entry=(entry or {}).get(stage.environment, ()))
            for stage in stages
        },
        pipelines={"main": Pipeline(ident="main", stages=stages)},
        promotions={promotion.ident: promotion for promotion in promotions},
    )


class World:
    """One service's store in memory, with a clock. Every evaluation is checked for what must always hold."""

    def __init__(self, known: Catalog, service: str = "foo") -> None:
        self.catalog = known
        self.service = service
        self.now = NOON
        self.deployments: dict[int, Deployment] = {}
        self.running: dict[tuple[str, str], Running] = {}
        self.commands: list[Requested] = []
        self._evidence: dict[int, Evidence] = {}
        self._verdicts: dict[int, dict[str, Verdict]] = {}
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
            finished=Precedence(time, "hand", str(ident)),
            outcome="succeeded",
        )

    def find(self, environment: str, version: str, module: str | None = None) -> Deployment:
        """The flow's deployment of a version, of whatever module where none is named."""
        return next(
            known
            for known in self.deployments.values()
            if (known.environment, known.release.artifact.version) == (environment, version)
            and known.flow is not None
            and module in (None, known.release.artifact.module)
        )

    def status(self, environment: str, version: str) -> Status:
        """How far it has come."""
        return self.find(environment, version).status

    def reason(self, environment: str, version: str) -> str | None:
        """Why it is there."""
        return self.find(environment, version).reason

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

    def merge(self, known: Deployment, fact: DeploymentStarted | DeploymentFinished) -> None:
        """Take a fact in, as ingest does: the deployment is promotion's business again."""
        self.deployments[known.id] = replace(merge(known, fact), open=True)

    def verify(self, environment: str, version: str, *, outcome: str = "passed", module: str | None = None) -> None:
        """The smoke test reports."""
        known = self.find(environment, version, module)
        before = self._evidence.get(known.id, Evidence())
        at_ = Precedence(self.now, "ci", str(next(self._ids)))
        report = Verification(promotion="smoke", outcome=outcome, at=at_, event=next(self._ids))
        self._evidence[known.id] = replace(before, verifications=(report,))

    def speak(self, environment: str, version: str, by: str, *, given: bool = True, module: str | None = None) -> None:
        """A person approves or refuses."""
        known = self.find(environment, version, module)
        before = self._evidence.get(known.id, Evidence())
        says = ApprovalGiven if given else ApprovalRefused
        fact = says(id=str(next(self._ids)), source="cli", time=self.now, deployment=1, promotion="manual", by=by)
        others = tuple(one for one in before.approvals if one.by != by)
        self._evidence[known.id] = replace(before, approvals=(*others, Approval.of(fact)))

    def situation(self) -> Situation:
        """What the store would load: open deployments, and the closed ones of their flows."""
        opened = {known.id for known in self.deployments.values() if known.open}
        flows = {known.flow for known in self.deployments.values() if known.open and known.flow is not None}
        return Situation(
            service=self.service,
            deployments=tuple(one for one in self.deployments.values() if one.id in opened or one.flow in flows),
            running=dict(self.running),
            evidence={ident: evidence for ident, evidence in self._evidence.items() if ident in opened},
            verdicts={ident: dict(said) for ident, said in self._verdicts.items() if ident in opened},
        )

    def evaluate(self, minutes: float = 0) -> Decisions:
        """Let that much time pass, decide and write it down."""
        self.now += timedelta(minutes=minutes)
        made = decide(self.catalog, self.situation(), self.now)
        for decision in made.decisions:
            match decision:
                case Requested(deployment=known):
                    self._check_no_downgrade(known)
                    self.deployments[known.id] = known
                    self.commands.append(decision)
                    active = [one for one in self.deployments.values() if one.active]
                    assert len({one.environment for one in active}) == len(active), "two active in one lane"
                case Settled(deployment=known):
                    self.deployments[known.id] = known
                case VerdictChanged(deployment=known, verdict=verdict):
                    self._verdicts.setdefault(known.id, {})[verdict.promotion] = verdict
                case RunningChanged(environment=environment, running=ran):
                    self.running[environment, ran.release.artifact.module] = ran
        again = decide(self.catalog, self.situation(), self.now)
        assert again.decisions == (), "the same situation decided twice"
        assert again.recheck_at == made.recheck_at or made.decisions
        assert made.recheck_at is None or made.recheck_at > self.now
        return made

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


def world(*stages: Stage, **more: object) -> World:
    """A world of foo with these stages, dev → staging → prod by default; `more` as for `catalog`."""
    return World(catalog(*(stages or THREE), **more))
