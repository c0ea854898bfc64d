"""What really happened, as a simulation needs it: facts as the log has them, and what became of each deployment."""

from datetime import datetime

from msgspec import Struct

from deploydb.domain.model.deployment import Deployment, Gate, GateStatus
from deploydb.domain.model.facts import Fact


class LogEntry(Struct, frozen=True, kw_only=True):
    """A fact from outside, with the number of its log row and when it was known. `deployment`: that it is about."""

    number: int
    recorded_at: datetime
    fact: Fact
    publisher: str | None = None
    deployment: int | None = None


class LoggedDecision(Struct, frozen=True, kw_only=True):
    """A flow that was opened, or a `deployment` that was commanded, with the number of its log row and the digest of
    the catalog that it was decided by."""

    number: int
    service: str
    recorded_at: datetime
    catalog: str
    deployment: int | None = None


class Attempt(Struct, frozen=True, kw_only=True):
    """A deployment as it ended, and the last verdict of each of its gates (None: none yet).

    `closed_at`: when the last was decided on it; None where there is something to decide on it still.
    """

    deployment: Deployment
    asked: dict[Gate, GateStatus | None] = {}
    closed_at: datetime | None = None

    @property
    def made(self) -> bool:
        """Whether it was commanded, or ended without a command."""
        return self.deployment.commanded or self.deployment.finished is not None

    @property
    def failed(self) -> bool:
        """Whether it failed: the attempt itself, or at a gate."""
        known = self.deployment
        return known.outcome == "failed" or known.expired_at is not None or known.result == "FAILED"
