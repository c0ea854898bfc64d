"""One service on a real store with a moving clock, driven by the steps of the histories that are made up in memory."""

from datetime import datetime, timedelta
from itertools import cycle
from typing import Any

import msgspec

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.facts import (
    ApprovalGiven,
    ApprovalRefused,
    ArtifactPublished,
    DeploymentFinished,
    DeploymentObserved,
    DeploymentStarted,
    Fact,
    HoldLifted,
    HoldPlaced,
    HotfixDeclared,
    IncidentDetected,
    IncidentResolved,
    PromotionRequested,
    RetryRequested,
    RollbackRequested,
    VerificationFinished,
)
from deploydb.simulation import Clock, RecordedHistory, Replay
from deploydb.store.deployments import from_row, selected
from deploydb.store.engine import reading
from deploydb.store.promotion import evaluate, next_due
from deploydb.store.queries.replay import attempts, decisions, entries
from deploydb.store.record import record
from deploydb.store.tables import deployment
from tests.domain.given import FOO, artifact, at
from tests.scenario import Scenario

TICK = timedelta(seconds=1)
"""Between two batches: each is evaluated when it is recorded."""


class Reality(Scenario):
    """The steps of `tests.domain.scenario`, through the doors of the store.

    Facts name their deployment by its number, its command or its lane in turn. They are recorded by `flush`, in one
    batch, and evaluated at once. Promotion is also woken by the clock.
    """

    def __init__(self, database_url: str, known: Catalog) -> None:
        super().__init__(database_url, known)
        self.now = at(10)  # after the times of publications, which no source gives far ahead
        self.heard: list[Fact] = []
        self._batch: list[Fact] = []
        self._naming = cycle(("lane", "deployment", "command"))
        self._deployments: dict[int, Deployment] = {}

    @property
    def deployments(self) -> dict[int, Deployment]:
        """Every deployment, by its id."""
        if not self._deployments:
            with reading(self.engine) as connection:
                rows = connection.execute(selected().order_by(deployment.c.id)).all()
            self._deployments = {row.id: from_row(row) for row in rows}
        return self._deployments

    def find(self, environment: str, version: str, module: str | None = None) -> Deployment:
        """The flow's last attempt of a version, of whatever module where none is named."""
        return next(
            known
            for known in reversed(self.deployments.values())
            if (known.environment, known.release.artifact.version) == (environment, version)
            and known.flow is not None
            and module in (None, known.release.artifact.module)
        )

    def send(self, kind: type[Fact], /, *, when: datetime | None = None, source: str = "tests", **fields: Any) -> None:
        """A fact, which happens a tick after what was before unless it says when."""
        self._batch.append(kind(id=f"{next(self._ids):06}", source=source, time=when or self.now + TICK, **fields))

    def flush(self) -> None:
        """Record the facts in one batch, and evaluate them."""
        if not self._batch:
            return
        self.now += TICK
        record(self.engine, [self.arrival(msgspec.json.encode(fact)) for fact in self._batch], self.now)
        self.heard += self._batch
        self._batch = []
        self._settle()

    def evaluate(self, minutes: float = 0) -> None:
        """Let that much time pass. Promotion is woken whenever something is due."""
        self.flush()
        target = self.now + timedelta(minutes=minutes)
        while (due := next_due(self.engine)) is not None and due <= target:
            self.now = max(self.now, due)
            self._settle()
        self.now = target

    def simulated(self, clock: Clock = "recorded") -> tuple[Replay, RecordedHistory]:
        """The replay of it all with the unchanged catalog."""
        unreadable: list[int] = []
        with reading(self.engine) as connection:
            reality = RecordedHistory(
                entries(connection, unreadable),
                attempts(connection),
                decisions=decisions(connection),
                clock=clock,
            )
        assert unreadable == []
        return Replay(self.catalog, reality, until=self.now).run(), reality

    def _settle(self) -> None:
        self._deployments = {}
        for _ in range(20):
            if not evaluate(self.engine, self.catalog, self.now).more:
                return
        raise AssertionError("promotion does not come to rest")

    def _about(self, known: Deployment, kind: type[Fact], *, when: datetime | None = None, **fields: Any) -> None:
        how = next(self._naming)
        named: dict[str, Any] = {"deployment": known.id}
        if how == "command" and known.command is not None:
            named = {"command": known.command}
        elif how == "lane":
            version = known.release.artifact.version
            named = {"service": known.service, "environment": known.environment, "version": version}
        self.send(kind, when=when, **named, **fields)

    def publish(
        self, version: str, *, published: float = 0, module: str = FOO, by: str = "ci", commit: str | None = None
    ) -> None:
        """A publication, that many minutes after noon by its source."""
        what = artifact(version, module=module, commit=commit)
        self.send(ArtifactPublished, when=at(published), source=by, artifact=what)

    def observe(self, environment: str, version: str, *, when: datetime | None = None, module: str = FOO) -> None:
        """Somebody has put the version there by hand."""
        what = artifact(version, module=module)
        self.send(DeploymentObserved, when=when, source="hand", service="foo", environment=environment, artifact=what)

    def start(self, environment: str, version: str, *, module: str | None = None) -> None:
        """The orchestrator has begun."""
        self._about(self.find(environment, version, module), DeploymentStarted)

    def finish(
        self,
        environment: str,
        version: str,
        outcome: str = "succeeded",
        *,
        when: datetime | None = None,
        module: str | None = None,
    ) -> None:
        """The orchestrator is done."""
        self._about(self.find(environment, version, module), DeploymentFinished, when=when, outcome=outcome)

    def merge(self, known: Deployment, fact: DeploymentFinished) -> None:
        """The orchestrator is done with a deployment."""
        self._about(known, DeploymentFinished, outcome=fact.outcome)

    def hear_again(self, place: int) -> None:
        """A fact is delivered once more."""
        self._batch.append(self.heard[place % len(self.heard)])

    def verify(
        self, environment: str, version: str, *, outcome: str = "passed", module: str | None = None, job: str = "smoke"
    ) -> None:
        """A job reports, the smoke test unless another is named."""
        self._about(self.find(environment, version, module), VerificationFinished, outcome=outcome, promotion=job)

    def speak(self, environment: str, version: str, by: str, *, given: bool = True, module: str | None = None) -> None:
        """A person approves or refuses."""
        kind = ApprovalGiven if given else ApprovalRefused
        self._about(self.find(environment, version, module), kind, promotion="manual", by=by)

    def override(self, environment: str, version: str, by: str, comment: str | None = "must go out") -> None:
        """A person lets a version pass a freeze."""
        self._about(self.find(environment, version), ApprovalGiven, promotion="freeze", by=by, comment=comment)

    def hold(self, kind: str, *, lift: bool = False, by: str = "alice", reason: str = "because", **scope: Any) -> None:
        """A person places a hold, or lifts one."""
        self.send(HoldLifted if lift else HoldPlaced, kind=kind, by=by, reason=reason, **{"service": "foo", **scope})

    def hotfix(self, version: str, *skip: str, by: str = "alice") -> None:
        """A person lets a version go ahead."""
        self.send(HotfixDeclared, service="foo", version=version, by=by, reason="prod is down", skip=skip)

    def promote(self, environment: str, version: str, *skip: str, by: str = "alice") -> None:
        """A person wants a version in one lane."""
        named = {"service": "foo", "environment": environment, "version": version}
        self.send(PromotionRequested, **named, by=by, reason="prod is down", skip=skip)

    def want_back(self, environment: str, version: str | None = None) -> None:
        """A person wants what ran before back."""
        named = {"service": "foo", "environment": environment, "version": version}
        self.send(RollbackRequested, **named, by="alice", reason="it is slow")

    def retry(self, environment: str, version: str, *skip: str, module: str | None = None) -> None:
        """A person wants another attempt."""
        named = {"service": "foo", "environment": environment, "version": version, "artifact": module}
        self.send(RetryRequested, **named, by="alice", reason="the disk is empty", skip=skip)

    def incident(
        self, environment: str, name: str = "INC-1", *, over: bool = False, version: str | None = None
    ) -> None:
        """Trouble begins where the service runs, or is over."""
        kind = IncidentResolved if over else IncidentDetected
        about = {"environment": environment, "incident": name, "version": version}
        self.send(kind, source="ops", service="foo", reason="errors", **about)
