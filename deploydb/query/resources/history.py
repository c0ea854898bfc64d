"""History: `/api/history/{service}[/{environment}]`, what has been tried."""

from msgspec import Struct

from deploydb.domain.history_outcomes import HISTORY_OUTCOMES, HistoryOutcome
from deploydb.query.bodies import ReasonBody, body_of
from deploydb.query.existence import require_lane
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import PAGE, Resource, text
from deploydb.store.queries.deployments import DeploymentView
from deploydb.store.queries.deployments import history as deployments_of

OUTCOME = text(
    "outcome",
    "With this outcome only. `open`: commanded, and neither success nor failed yet; `rollback`: rollbacks.",
    *HISTORY_OUTCOMES,
)


class Tried(Struct, frozen=True, kw_only=True, rename="camel"):
    """One attempt, and what came of it. `trigger_reason`: why it was commanded, or observed; `reason`: why its
    status is as it is."""

    id: int
    flow: int | None
    environment: str
    module: str
    version: str
    kind: str
    status: str
    trigger_reason: ReasonBody | None
    reason: ReasonBody | None
    created_at: str
    requested_at: str | None
    started_at: str | None
    finished_at: str | None
    decided_at: str | None
    url: str | None


class History(Struct, frozen=True, kw_only=True):
    """A page of what has been tried, newest first."""

    deployments: list[Tried]


def asked_outcome(asked: RequestContext) -> HistoryOutcome | None:
    """Raises: HTTPException 400."""
    given = asked.option("outcome")
    return next((one for one in HISTORY_OUTCOMES if one == given), None)


def history(asked: RequestContext) -> History:
    """What has been tried of a service, newest first; in one environment and with one outcome where they are named."""
    page = asked.page()
    service = asked.name("service")
    environment = asked.name("environment") if "environment" in asked.request.path_params else None
    with asked.store() as connection:
        views = deployments_of(
            connection, service, environment, asked_outcome(asked), offset=page.offset, limit=page.size
        )
        if not views:
            require_lane(connection, asked.catalog, service, environment)
    if page.number:
        page.filled(views)
    return History(deployments=[tried(view) for view in views])


def tried(view: DeploymentView) -> Tried:
    """The body of an attempt."""
    artifact = view.artifact
    return body_of(Tried, view, module=artifact.module, version=artifact.version, reason=view.status_reason)


RESOURCES = (
    Resource(path="/api/history/{service}", read=history, parameters=(OUTCOME, *PAGE)),
    Resource(path="/api/history/{service}/{environment}", read=history, parameters=(OUTCOME, *PAGE)),
)
