"""Steps of publishers, orchestrators, jobs and people on a store in memory."""

from datetime import datetime
from typing import Any

from deploydb.domain.evaluation.evaluate import open_flow
from deploydb.domain.model.catalog import Stage
from deploydb.domain.model.deployment import Deployment, FactOrder, Release, Status
from deploydb.domain.model.evidence import Approval, Incident, Verification
from deploydb.domain.model.facts import (
    ApprovalGiven,
    ApprovalRefused,
    DeploymentFinished,
    DeploymentObserved,
    DeploymentStarted,
    HoldLifted,
    HoldPlaced,
    HotfixDeclared,
    IncidentDetected,
    IncidentResolved,
    PromotionRequested,
    RetryRequested,
    RollbackRequested,
)
from deploydb.domain.model.overrides import Hold, Hotfix, PromotionRequest, RetryRequest, RollbackRequest
from deploydb.engine.projections import project_on_deployment
from deploydb.engine.statements import keep_latest
from tests.domain.given import FOO, THREE, artifact, catalog, release
from tests.domain.memory_store import Store


class Scenario(Store):
    """Steps of publishers, orchestrators, jobs and people on one service's store."""

    def publish(
        self, version: str, *, published: float = 0, module: str = FOO, by: str = "ci", commit: str | None = None
    ) -> None:
        """A flow for the release, that many minutes after noon by its source. Published before: nothing new."""
        if (module, version) in self.releases:
            return
        known = release(version, ident=next(self.ids), published=published, module=module, by=by, commit=commit)
        self.releases[module, version] = known
        self.ledger.open_flow(open_flow(self.catalog, self.service, known))

    def observe(self, environment: str, version: str, *, when: datetime | None = None, module: str = FOO) -> None:
        """Somebody has put the version there by hand."""
        fact = DeploymentObserved(
            id=self._id(),
            source="hand",
            time=when or self.now,
            service=self.service,
            environment=environment,
            artifact=artifact(version, module=module),
        )
        known = self.releases.get((module, version)) or Release(
            id=next(self.ids), artifact=fact.artifact, published_at=when or self.now, published_by="hand"
        )
        self.releases[module, version] = known
        self.ledger.observe(fact, known)

    def _id(self) -> str:
        """Of a fact that is sent now: later ones are greater."""
        self.sent_at = max(self.sent_at, self.now)
        return f"{next(self.ids):06}"

    def start(self, environment: str, version: str, *, module: str | None = None) -> None:
        """The orchestrator has begun."""
        fact = DeploymentStarted(id=self._id(), source="cd", time=self.now, deployment=1)
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
            id=self._id(), source="cd", time=when or self.now, deployment=1, outcome=outcome, reason=reason
        )
        self.merge(self.find(environment, version, module), fact)

    def finish_rollback(self, known: Deployment, outcome: str = "succeeded") -> None:
        """The orchestrator is done with a rollback."""
        fact = DeploymentFinished(id=self._id(), source="cd", time=self.now, deployment=known.id, outcome=outcome)
        self.merge(self.deployments[known.id], fact)

    def merge(self, known: Deployment, fact: DeploymentStarted | DeploymentFinished) -> None:
        """Take a fact in, as ingest does: the deployment is promotion's business again."""
        project_on_deployment(self.ledger, known.id, 0, fact)
        self.heard.append((known.id, fact))

    def hear_again(self, place: int) -> None:
        """A fact is delivered once more."""
        ident, fact = self.heard[place % len(self.heard)]
        project_on_deployment(self.ledger, ident, 0, fact)

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
        at = FactOrder(when or self.now, "ci", self._id())
        report = Verification(promotion=job, outcome=outcome, at=at, event=next(self.ids), recorded_at=self.now)
        self.ledger.statements.report(known.id, report)

    def speak(self, environment: str, version: str, by: str, *, given: bool = True, module: str | None = None) -> None:
        """A person approves or refuses."""
        known = self.find(environment, version, module)
        says = ApprovalGiven if given else ApprovalRefused
        fact = says(id=self._id(), source="cli", time=self.now, deployment=1, promotion="manual", by=by)
        self.ledger.statements.approve(known.id, Approval.of(fact, next(self.ids), recorded_at=self.now))

    def hold(
        self,
        kind: str,
        *,
        lift: bool = False,
        by: str = "alice",
        reason: str = "because",
        when: datetime | None = None,
        **scope: Any,
    ) -> None:
        """A person places a hold, or lifts one."""
        statement = HoldLifted if lift else HoldPlaced
        scope = {"service": self.service, **scope}
        fact = statement(id=self._id(), source="cli", time=when or self.now, kind=kind, by=by, reason=reason, **scope)
        hold = Hold.of(fact, recorded_at=self.now)
        keep_latest(self.holds, hold.key, hold)

    def override(
        self,
        environment: str,
        version: str,
        by: str,
        comment: str | None = "must go out",
        *,
        when: datetime | None = None,
    ) -> None:
        """A person lets a version pass a freeze."""
        self.override_of(self.find(environment, version), by, comment, when=when)

    def override_of(
        self, known: Deployment, by: str, comment: str | None = "must go out", *, when: datetime | None = None
    ) -> None:
        """A person lets a deployment pass a freeze."""
        at = FactOrder(when or self.now, "cli", self._id())
        word = Approval(promotion="freeze", by=by, given=True, at=at, comment=comment, recorded_at=self.now)
        self.ledger.statements.approve(known.id, word)

    def hotfix(self, version: str, *skip: str, by: str = "alice") -> None:
        """A person lets a version go ahead."""
        fact = HotfixDeclared(
            id=self._id(),
            source="cli",
            time=self.now,
            service=self.service,
            version=version,
            by=by,
            reason="prod is down",
            skip=skip,
        )
        self.ledger.hotfixes[version] = Hotfix.of(fact)

    def promote(self, environment: str, version: str, *skip: str, by: str = "alice") -> None:
        """A person wants a version in one lane."""
        fact = PromotionRequested(
            id=self._id(),
            source="cli",
            time=self.now,
            service=self.service,
            environment=environment,
            version=version,
            by=by,
            reason="prod is down",
            skip=skip,
        )
        self.ledger.promotion_requests[environment, version] = PromotionRequest.of(fact, recorded_at=self.now)

    def want_back(
        self, environment: str, version: str | None = None, *, runs: str | None = None, module: str | None = None
    ) -> None:
        """A person wants what ran before back."""
        ident = next(self.ids)
        fact = RollbackRequested(
            id=str(ident),
            source="cli",
            time=self.now,
            service=self.service,
            environment=environment,
            version=version,
            from_version=runs,
            artifact=module,
            by="alice",
            reason="it is slow",
        )
        self.ledger.wishes.append(RollbackRequest.of(fact, ident, recorded_at=self.now))

    def retry(self, environment: str, version: str, *skip: str, module: str | None = None, by: str = "alice") -> None:
        """A person wants another attempt."""
        ident = next(self.ids)
        fact = RetryRequested(
            id=str(ident),
            source="cli",
            time=self.now,
            service=self.service,
            environment=environment,
            version=version,
            by=by,
            reason="the disk is empty",
            skip=skip,
            artifact=module,
        )
        self.ledger.retries.append(RetryRequest.of(fact, ident))

    def incident(
        self,
        environment: str,
        name: str = "INC-1",
        *,
        over: bool = False,
        version: str | None = None,
        when: datetime | None = None,
    ) -> None:
        """Trouble begins where the service runs, or is over. What runs there is looked at again."""
        says = IncidentResolved if over else IncidentDetected
        fact = says(
            id=self._id(),
            source="ops",
            time=when or self.now,
            service=self.service,
            environment=environment,
            incident=name,
            version=version,
            reason="errors",
        )
        self.ledger.trouble(environment, Incident.of(fact, next(self.ids), recorded_at=self.now))

    def deploy(self, environment: str, version: str, outcome: str = "succeeded") -> None:
        """Play the orchestrator's part of a command."""
        assert self.status(environment, version) is Status.CREATED
        self.start(environment, version)
        self.finish(environment, version, outcome)
        self.evaluate(1)


def world(*stages: Stage, **more: object) -> Scenario:
    """A world of foo with these stages, dev → staging → prod by default; `more` as for `catalog`."""
    return Scenario(catalog(*(stages or THREE), **more))
