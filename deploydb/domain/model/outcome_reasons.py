"""Reasons of how a deployment ended, or came to run. Those that hold another reason are in `reasons`."""

from datetime import datetime

from deploydb.domain.model.reason_parts import ReasonCase


class Observed(ReasonCase, frozen=True, kw_only=True, tag="observed"):
    """Seen running; deployed by others. `text`: the reporter's own words."""

    source: str
    by: str | None = None
    text: str | None = None


class FinishedWithoutCommand(ReasonCase, frozen=True, kw_only=True, tag="finished_without_command"):
    """The deployment finished and had not been commanded."""


class AttemptFailed(ReasonCase, frozen=True, kw_only=True, tag="attempt_failed"):
    """The orchestrator reported failure. `text`: its words."""

    text: str | None = None


class Expired(ReasonCase, frozen=True, kw_only=True, tag="expired"):
    """No answer by the deadline. `started`: the orchestrator had begun."""

    deadline: datetime
    started: bool


class DeadlineExtended(ReasonCase, frozen=True, kw_only=True, tag="deadline_extended"):
    """The deployment has started, and is to finish by a later deadline."""

    started: datetime
    deadline: datetime


class DeadlineDropped(ReasonCase, frozen=True, kw_only=True, tag="deadline_dropped"):
    """Deployments to the environment have no deadline any more."""

    environment: str


class FinishedInTime(ReasonCase, frozen=True, kw_only=True, tag="finished_in_time"):
    """The report of a finish in time arrived after the deadline."""

    at: datetime


class SucceededAfterAll(ReasonCase, frozen=True, kw_only=True, tag="succeeded_after_all"):
    """A report of failure was corrected by a later one."""

    at: datetime


class AttemptObsolete(ReasonCase, frozen=True, kw_only=True, tag="attempt_obsolete"):
    """The deployment after whose expiry this attempt was made has finished well."""

    deployment: int


class ExpiryDeferred(ReasonCase, frozen=True, kw_only=True, tag="expiry_deferred"):
    """The deadline is over; ingest has not read all messages from before it."""

    deadline: datetime


class Replaced(ReasonCase, frozen=True, kw_only=True, tag="replaced"):
    """Another version took its place."""

    version: str


class LiveLate(ReasonCase, frozen=True, kw_only=True, tag="live_late"):
    """The deployment was live, and another version is by now."""


class NoGates(ReasonCase, frozen=True, kw_only=True, tag="no_gates"):
    """Deployed, and the stage has no exit gates."""


class RolledBack(ReasonCase, frozen=True, kw_only=True, tag="rolled_back"):
    """The rollback is live."""


_OfReport = Observed | FinishedWithoutCommand | AttemptFailed | FinishedInTime | SucceededAfterAll | AttemptObsolete
_OfDeadline = DeadlineExtended | DeadlineDropped | Expired | ExpiryDeferred
OutcomeReason = _OfReport | _OfDeadline | Replaced | LiveLate | NoGates | RolledBack
