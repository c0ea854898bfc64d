"""Outlooks as answers give them."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from msgspec import UNSET, Struct, UnsetType

from deploydb.domain.model.reasons import Reason
from deploydb.domain.outlook import Prospect, outlook
from deploydb.domain.wording import text
from deploydb.query.bodies import ReasonBody, reason_body


class Attempt(Protocol):
    """A deployment of a flow."""

    @property
    def environment(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def decided_at(self) -> datetime | None: ...


Failures = Mapping[str, datetime | None]
"""When a flow failed, by the environment of the stage."""


def failures_of(flow: Iterable[Attempt]) -> Failures:
    """When a flow failed, from its attempts; of several in a stage, the last."""
    return {attempt.environment: attempt.decided_at for attempt in flow if attempt.status == "FAILED"}


class OutlookBody(Struct, frozen=True, kw_only=True):
    """A deployment that is neither there nor on its way. `since`: when it failed, where that is why."""

    verdict: Prospect
    text: str
    reason: ReasonBody
    since: str | None


def outlook_body(
    environment: str,
    status: str,
    reason: Reason | None,
    refused: Collection[Reason],
    failures: Failures,
) -> OutlookBody | UnsetType:
    """The outlook of a deployment, if it has one. `refused`: as of `outlook`; `failures`: of its flow."""
    found = outlook(environment, status, reason, refused)
    if found is None:
        return UNSET
    since = failures.get(found.environment) if found.environment is not None else None
    return OutlookBody(
        verdict=found.prospect,
        text=f"{found.prospect}: {text(found.reason)}",
        reason=reason_body(found.reason),
        since=since.isoformat() if since is not None else None,
    )
