"""Times that are passing: a soak, and the deadline of an attempt."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from deploydb.domain.model.gate_reasons import Soaking
from deploydb.domain.model.reasons import Reason
from deploydb.store.queries.deployments import DeploymentView


class Progress(Struct, frozen=True, kw_only=True):
    """From when to when. `kind`: a `soak` passes at its end; an attempt without an answer fails at its `deadline`."""

    kind: Literal["soak", "deadline"]
    begun: str
    until: str


def soak_progress(reason: Reason | None) -> Progress | UnsetType:
    """Of a gate that soaks, by its reason."""
    if not isinstance(reason, Soaking):
        return UNSET
    return _progress("soak", reason.until - reason.duration, reason.until)


def deadline_progress(view: DeploymentView) -> Progress | UnsetType:
    """Of an attempt that is under way and has a deadline."""
    if view.status not in ("CREATED", "STARTED") or view.deadline is None or view.requested_at is None:
        return UNSET
    return _progress("deadline", view.requested_at, view.deadline)


def _progress(kind: Literal["soak", "deadline"], begun: datetime, until: datetime) -> Progress:
    return Progress(kind=kind, begun=begun.isoformat(), until=until.isoformat())
