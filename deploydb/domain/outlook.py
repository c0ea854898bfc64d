"""The outlook of a deployment that is neither there nor simply on its way: one function for every answer.

`why`, `where`, `status`, `plan` and `flow show` give it, so that they cannot differ.
"""

from collections.abc import Collection, Iterator
from typing import Literal, get_args

from msgspec import Struct

from deploydb.domain.model.admission_reasons import BranchElsewhere, Held
from deploydb.domain.model.gate_reasons import (
    ApprovalRefused,
    ApprovalTimedOut,
    DigestMissing,
    JobsFailed,
    JobsTimedOut,
)
from deploydb.domain.model.reasons import (
    AwaitingStages,
    BundleWaits,
    ErrorResolved,
    FailedBeside,
    FailedUpstream,
    NotRecorded,
    Reason,
    RollbackWaits,
    Several,
    TakenBackBeside,
)

Prospect = Literal["failed", "held", "will not come"]
"""failed: it failed there. held: a person has to lift a hold. will not come: it ended, there or before, and no waiting
brings it; a person may."""

_REFUSED = (ApprovalRefused, ApprovalTimedOut, DigestMissing, JobsFailed, JobsTimedOut)
"""Failed entry gates, by their reasons alone: those of another release of a bundle."""


class Outlook(Struct, frozen=True, kw_only=True):
    """A prospect, and the reason of it. `environment`: of the stage where it failed, which has a time of its own."""

    prospect: Prospect
    reason: Reason
    environment: str | None = None


def outlook(environment: str, status: str, reason: Reason | None, refused: Collection[Reason] = ()) -> Outlook | None:
    """The outlook of a deployment by its status and the reason of it; None where it is there, or on its way. `refused`:
    the reasons of its entry gates that have failed."""
    why = reason or NotRecorded()
    match status:
        case "FAILED":
            return Outlook(prospect="failed", reason=why, environment=environment)
        case "SKIPPED":
            failed = why.environment if isinstance(why, FailedUpstream | FailedBeside) else None
            return Outlook(prospect="will not come", reason=why, environment=failed)
        case "NOT_STARTED":
            return _of_waiting(why, refused)
    return None


def _of_waiting(reason: Reason, refused: Collection[Reason]) -> Outlook | None:
    found = [one for part in parts(reason) if (one := _of_part(part, refused)) is not None]
    return next((one for one in found if one.prospect != "held"), found[0] if found else None)


def _of_part(part: Reason, refused: Collection[Reason]) -> Outlook | None:
    match part:
        case BundleWaits():
            other = _of_waiting(part.reason, ())
            return Outlook(prospect=other.prospect, reason=part) if other is not None else None
        case AwaitingStages() if part.never:
            first = part.failed[0]
            ended = FailedUpstream(environment=first.environment, reason=first.reason)
            return Outlook(prospect="will not come", reason=ended, environment=first.environment)
        case FailedBeside():
            return Outlook(prospect="will not come", reason=part, environment=part.environment)
        case TakenBackBeside() | ErrorResolved(passed=False) | BranchElsewhere():
            return Outlook(prospect="will not come", reason=part)
    if part in refused or isinstance(part, _REFUSED):
        return Outlook(prospect="will not come", reason=part)
    return Outlook(prospect="held", reason=part) if isinstance(part, get_args(Held)) else None


def parts(reason: Reason) -> Iterator[Reason]:
    """The single reasons in a reason: of several, and of those that a rollback waits for, each."""
    match reason:
        case Several(reasons=reasons) | RollbackWaits(awaits=reasons):
            for part in reasons:
                yield from parts(part)
        case _:
            yield reason
