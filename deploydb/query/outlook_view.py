"""Outlooks as answers give them."""

from collections.abc import Callable, Collection
from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from deploydb.domain.model.reasons import Reason
from deploydb.domain.outlook import Prospect, outlook
from deploydb.domain.wording import text
from deploydb.query.bodies import ReasonBody, reason_body


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
    failed_at: Callable[[str], datetime | None],
) -> OutlookBody | UnsetType:
    """The outlook of a deployment, if it has one. `refused`: as of `outlook`; `failed_at`: when its flow failed in an
    environment, if it did."""
    found = outlook(environment, status, reason, refused)
    if found is None:
        return UNSET
    since = failed_at(found.environment) if found.environment is not None else None
    return OutlookBody(
        verdict=found.prospect,
        text=f"{found.prospect}: {text(found.reason)}",
        reason=reason_body(found.reason),
        since=since.isoformat() if since is not None else None,
    )
