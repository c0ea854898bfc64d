"""A past, written by hand: publications, deployments, reports and approvals with their times."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any, Literal

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, FactOrder, Gate, GateStatus, Release
from deploydb.domain.model.facts import (
    AboutDeployment,
    ApprovalGiven,
    ArtifactPublished,
    DeploymentFinished,
    Fact,
    VerificationFinished,
)
from deploydb.domain.model.history import Attempt, LogEntry, LoggedDecision
from deploydb.simulation import Comparison, RecordedHistory, Replay, compare
from tests.domain.given import artifact, at

END = at(60 * 24 * 30)
"""The past ends a month after noon."""


class Past:
    """The past of foo, in minutes after noon. Each deployment took a minute by default."""

    def __init__(self) -> None:
        self._entries: list[LogEntry] = []
        self._attempts: list[Attempt] = []
        self._numbers = count(1)

    def tell(self, fact: Fact, recorded: datetime | None = None) -> None:
        """Any fact; it was known when it happened, unless it was recorded later."""
        known_at = recorded or fact.time or at(0)
        about = fact.deployment if isinstance(fact, AboutDeployment) else None
        number = next(self._numbers)
        self._entries.append(LogEntry(number=number, recorded_at=known_at, fact=fact, deployment=about))

    def publish(self, version: str, minutes: float, *, recorded: datetime | None = None) -> None:
        """A version of foo."""
        number = str(next(self._numbers))
        fact = ArtifactPublished(id=number, source="ci", time=at(minutes), artifact=artifact(version))
        self.tell(fact, recorded)

    def deployed(
        self,
        environment: str,
        version: str,
        minutes: float,
        *,
        took: float = 1,
        outcome: Literal["succeeded", "failed"] | None = "succeeded",
        asked: dict[str, GateStatus | None] | None = None,
        closed: datetime | None = None,
        recorded: datetime | None = None,
        **fields: Any,
    ) -> int:
        """It was commanded then. `outcome` None: it has not ended. `asked`: its gates, with their latest status.

        `recorded`: when it was known that it had finished, if not at once.
        """
        both: dict[Gate, GateStatus | None] = {
            (phase, gate): status for gate, status in (asked or {}).items() for phase in ("entry", "exit")
        }
        ident = next(self._numbers)
        known = Deployment(
            id=ident,
            flow=ident,
            service="foo",
            environment=environment,
            release=Release(id=1, artifact=artifact(version), published_at=at(0), published_by="ci"),
            finished=FactOrder(at(minutes + took), "cd", str(ident)) if outcome else None,
            outcome=outcome,
            **{"command": str(ident), "requested_at": at(minutes), "deadline": at(minutes + 60), **fields},
        )
        self._attempts.append(Attempt(deployment=known, asked=both, closed_at=closed))
        if outcome is not None:
            done = DeploymentFinished(
                id=str(ident), source="cd", time=at(minutes + took), deployment=ident, outcome=outcome
            )
            self.tell(done, recorded)
        return ident

    def waited(self, environment: str, version: str, asked: dict[str, GateStatus | None], **fields: Any) -> None:
        """It waits for a gate at its entry; or did, until `closed`."""
        none = dict.fromkeys(("command", "requested_at", "deadline"))
        self.deployed(environment, version, 0, outcome=None, asked=asked, **none, **fields)

    def everywhere(self, version: str, minutes: float, *environments: str, took: float = 1) -> None:
        """It was published, and went straight through."""
        self.publish(version, minutes)
        for place, environment in enumerate(environments or ("dev", "staging", "prod")):
            self.deployed(environment, version, minutes + place * took, took=took)

    def reported(
        self,
        deployment: int,
        promotion: str,
        minutes: float,
        outcome: Literal["passed", "failed", "errored"] = "passed",
        recorded: datetime | None = None,
    ) -> None:
        """A job's report on a deployment."""
        number = str(next(self._numbers))
        self.tell(
            VerificationFinished(
                id=number, source="ci", time=at(minutes), deployment=deployment, promotion=promotion, outcome=outcome
            ),
            recorded,
        )

    def approved(
        self, deployment: int, promotion: str, minutes: float, by: str = "alice", recorded: datetime | None = None
    ) -> None:
        """A person's approval of a deployment."""
        number = str(next(self._numbers))
        self.tell(
            ApprovalGiven(id=number, source="cli", time=at(minutes), deployment=deployment, promotion=promotion, by=by),
            recorded,
        )

    def reality(self, *, decided_by: str = "", **more: Any) -> RecordedHistory:
        """What is replayed. `decided_by`: the digest of the catalog that commanded it."""
        decisions = [
            LoggedDecision(
                number=known.id,
                service="foo",
                recorded_at=known.requested_at,
                catalog=decided_by,
                deployment=known.id,
            )
            for known in (one.deployment for one in self._attempts)
            if known.requested_at is not None
        ]
        decisions.sort(key=lambda one: one.recorded_at)
        return RecordedHistory(self._entries, self._attempts, decisions=decisions, **more)

    def replayed(self, known: Catalog, *, until: datetime = END, **more: Any) -> tuple[Replay, RecordedHistory]:
        """A catalog's way through it."""
        reality = self.reality(**more)
        return Replay(known, reality, until=until).run(), reality

    def compared(self, old: Catalog, new: Catalog, *, until: datetime = END, **more: Any) -> Comparison:
        """Both catalogs' way through it."""
        reality = self.reality(**more)
        before, after = (Replay(one, reality, until=until).run() for one in (old, new))
        return compare(before, after, reality)


def differences(found: Comparison) -> list[tuple[str, str, str, timedelta | None]]:
    """The differences: kind, environment, version, delay; in the order of environment and version."""
    rows = [(one.kind, one.name.environment, one.name.version, one.delay) for one in found.differences]
    return sorted(rows, key=lambda row: (row[1], row[2]))
