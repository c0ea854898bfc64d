"""The answer to `/api/blame`: what changed in the hours before."""

from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.facts import ApprovalGiven, type_of
from deploydb.query.bodies import ReasonBody, body_of
from deploydb.query.existence import require_environment, require_service
from deploydb.query.request_context import RequestContext
from deploydb.query.views.blame import HOURS
from deploydb.store.queries.blame import FACTS, MOST, ChangeBody, ChangeView, changes_between, ran_before
from deploydb.store.reason_codec import reason_of

_DECISIONS = {
    "configuration.changed": "configured",
    "environment.changed": "deployed",
    "deployment.ran": "deployed",
    "failure.counted": "failed",
    "deployment.attempted": "retried",
    "rollback.answered": "rollback answered",
}
_KINDS = _DECISIONS | {name: str(projection.change) for name, projection in FACTS.items()}
Kind = Annotated[str, Meta(extra_json_schema={"enum": sorted({*_KINDS.values(), "rolled back", "overridden"})})]
_FREEZE = "freeze"
"""The gate that stands for a freeze: an approval of it is an override."""


class Change(Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that changed: when it happened and when it was known, what, where, by whom and why.

    `event`: its row of the log. `previous`: of a deployment, the other version that ran there before.
    """

    time: str
    recorded_at: str
    kind: Kind
    service: str | None
    environment: str | None
    version: str | None
    previous: str | None
    what: str | None
    who: str | None
    reason: ReasonBody | None
    deployment: int | None
    event: int


class Blame(Struct, frozen=True, kw_only=True):
    """What changed between two times, newest first. `more`: there is more than this."""

    since: str
    until: str
    changes: list[Change]
    more: bool


def blame(asked: RequestContext) -> Blame:
    """What changed in the hours before: what came to run, failed or was rolled back, was approved, refused, overridden,
    held and released, and incidents. A change of all services or environments is in the answer for each."""
    service, environment = asked.option("service"), asked.option("environment")
    until = asked.past("at") or asked.now
    since = until - timedelta(hours=asked.number("hours") or HOURS)
    with asked.store() as connection:
        require_service(connection, asked.catalog, service)
        require_environment(connection, asked.catalog, environment)
        views = changes_between(connection, since, until, service=service, environment=environment)
        came = [view.body.deployment for view in views if view.type == "environment.changed" and view.body]
        before = ran_before(connection, [each for each in came if each is not None]) if came else {}
    return Blame(
        since=since.isoformat(),
        until=until.isoformat(),
        changes=[_change(asked.catalog, view, before) for view in views[:MOST]],
        more=len(views) > MOST,
    )


def _change(catalog: Catalog, view: ChangeView, before: dict[tuple[int, datetime], str]) -> Change:
    change = view.body or ChangeBody(reason=f"row {view.number} of the log is malformed and cannot be read")
    return body_of(
        Change,
        view,
        time=change.since or view.time,
        kind=_kind(catalog, view.type, change),
        version=change.version,
        previous=before.get((change.deployment, change.since)) if change.deployment and change.since else None,
        what=view.detail or change.failure_response,
        who=view.who or change.by,
        reason=reason_of(change.reason or change.comment) or view.deployment_reason,
        deployment=change.deployment,
        event=view.number,
    )


def _kind(catalog: Catalog, kind: str, change: ChangeBody) -> Kind:
    if kind == type_of(ApprovalGiven) and change.promotion == _FREEZE:
        return "overridden" if catalog.overrides_freezes(change.by or "") else "approved"
    if kind == "deployment.attempted" and change.kind == "rollback":
        return "rolled back"
    return _KINDS[kind]
