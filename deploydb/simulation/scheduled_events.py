"""The scheduled events of a replay: facts of the past, answers to commands, and time itself."""

from msgspec import Struct

from deploydb.domain.model.evidence import Approval, Verification
from deploydb.domain.model.history import LogEntry
from deploydb.simulation.recorded_history import Timing


class Started(Struct, frozen=True):
    """The orchestrator has begun."""

    deployment: int


class Finished(Struct, frozen=True):
    """The orchestrator is done."""

    deployment: int
    pace: Timing


class Reported(Struct, frozen=True):
    """A job has reported."""

    deployment: int
    report: Verification


class ApprovalEvent(Struct, frozen=True):
    """A person has approved or refused."""

    deployment: int
    approval: Approval


class Recheck(Struct, frozen=True):
    """Time alone may change something."""


ScheduledEvent = LogEntry | Started | Finished | Reported | ApprovalEvent | Recheck
