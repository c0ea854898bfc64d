"""What really happened, as a simulation needs it: facts as the log has them, and what became of each deployment."""

from datetime import datetime

from msgspec import Struct

from deploydb.domain.model.deployment import Deployment, GateStatus
from deploydb.domain.model.facts import Fact


class LogEntry(Struct, frozen=True, kw_only=True):
    """A fact from outside, with the number of its log row and when it was known."""

    number: int
    recorded_at: datetime
    fact: Fact
    publisher: str | None = None


class Attempt(Struct, frozen=True, kw_only=True):
    """A deployment as it ended, and the last verdict of each of its gates (None: none yet).

    `created_at`: since when there is a row of it; None for ever.
    """

    deployment: Deployment
    asked: dict[str, GateStatus | None] = {}
    created_at: datetime | None = None

    @property
    def failed(self) -> bool:
        """Whether it failed: the attempt itself, or at a gate."""
        known = self.deployment
        return known.outcome == "failed" or known.expired_at is not None or known.result == "FAILED"
