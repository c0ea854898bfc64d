"""The outlook of a deployment that is neither there nor simply on its way: one function for every answer.

`why`, `where`, `status`, `plan` and `flow show` give it, so that they cannot differ.
"""

from collections.abc import Iterator
from typing import Literal, get_args

from msgspec import Struct

from deploydb.domain.model.admission_reasons import Held
from deploydb.domain.model.gate_reasons import ApprovalRefused, ApprovalTimedOut, JobsFailed, JobsTimedOut
from deploydb.domain.model.reasons import (
    AwaitingStages,
    FailedBeside,
    FailedUpstream,
    NotRecorded,
    Reason,
    Several,
    TakenBackBeside,
)

Verdict = Literal["failed", "held", "will not come"]
"""failed: it failed there. held: a person has to lift a hold. will not come: it ended, there or before, and no waiting
brings it; a person may."""

_REFUSED = (ApprovalRefused, ApprovalTimedOut, JobsFailed, JobsTimedOut)
"""Entry gates that have failed."""


class Outlook(Struct, frozen=True, kw_only=True):
    """A verdict, and the reason of it. `environment`: of the stage where it failed, which has a time of its own."""

    verdict: Verdict
    reason: Reason
    environment: str | None = None


def outlook(environment: str, status: str, reason: Reason | None) -> Outlook | None:
    """The outlook of a deployment by its status and the reason of it; None where it is there, or on its way."""
    why = reason or NotRecorded()
    match status:
        case "FAILED":
            return Outlook(verdict="failed", reason=why, environment=environment)
        case "SKIPPED":
            failed = why.environment if isinstance(why, FailedUpstream | FailedBeside) else None
            return Outlook(verdict="will not come", reason=why, environment=failed)
        case "NOT_STARTED":
            return _of_waiting(list(_parts(why)))
    return None


def _of_waiting(parts: list[Reason]) -> Outlook | None:
    for part in parts:
        if isinstance(part, AwaitingStages) and part.never:
            first = part.failed[0]
            ended = FailedUpstream(environment=first.environment, reason=first.reason)
            return Outlook(verdict="will not come", reason=ended, environment=first.environment)
        if isinstance(part, FailedBeside):
            return Outlook(verdict="will not come", reason=part, environment=part.environment)
        if isinstance(part, (*_REFUSED, TakenBackBeside)):
            return Outlook(verdict="will not come", reason=part)
    held = next((part for part in parts if isinstance(part, get_args(Held))), None)
    return Outlook(verdict="held", reason=held) if held is not None else None


def _parts(reason: Reason) -> Iterator[Reason]:
    if isinstance(reason, Several):
        for part in reason.reasons:
            yield from _parts(part)
    else:
        yield reason
