"""`/services/{service}`: its stages as a graph, what ran there as a timeline, and what has been tried."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct

from deploydb.domain.model.service_metadata import NO_METADATA
from deploydb.query.bodies import ReasonBody, body_of, reason_body
from deploydb.query.existence import require_service
from deploydb.query.folding import folded
from deploydb.query.lane_bodies import Lane
from deploydb.query.origin import origin_of
from deploydb.query.pages.badge import markdown
from deploydb.query.pages.comparisons import Comparison, comparisons
from deploydb.query.pages.filters import moment
from deploydb.query.pages.lane_cards import lane_cards
from deploydb.query.pages.page import Answer, Page, beside, narrowed, pages_beside, stream_of
from deploydb.query.pages.timeline import timeline
from deploydb.query.request_context import RequestContext, iso
from deploydb.query.resource import PAGE, number, text
from deploydb.query.resources.history import OUTCOME, Tried, asked_outcome, tried
from deploydb.query.resources.status import status
from deploydb.store.queries.deployments import DeploymentView
from deploydb.store.queries.deployments import history as deployments_of
from deploydb.store.queries.live_intervals import live_durations
from deploydb.v1_schema import DescribedService

DAYS = 30
_MOST_DAYS = 3650
_MOST_STAYS = 60
_MOST_FAILURES = 200
_RANGES = (1, 7, 30, 90, 365)
_OUTCOMES = {
    None: "every outcome",
    "success": "success",
    "failed": "failed",
    "open": "started, completed",
    "rollback": "rollbacks",
    "skipped": "skipped",
}


class Stay(Struct, frozen=True, kw_only=True):
    """A deployment's time as what an environment runs of a module, until the next one."""

    environment: str
    module: str
    version: str
    deployment: int
    kind: str
    status: str
    since: str


class Failure(Struct, frozen=True, kw_only=True):
    """An attempt that failed, and when."""

    environment: str
    module: str
    version: str
    deployment: int
    at: str
    reason: ReasonBody | None


class Stage(Struct, frozen=True, kw_only=True):
    """A stage, and those that it comes after: `all` of them, or `any`."""

    environment: str
    after: list[str]
    need: str


class Service(Struct, frozen=True, kw_only=True):
    """A service: how it is configured (null: not any more), what it runs, what it ran and what failed (`stays`,
    `failures`), and what has been tried: in one environment, with one outcome, where these are asked for."""

    service: str
    configuration: DescribedService | None
    stages: list[Stage]
    comparisons: list[Comparison]
    now: str
    since: str
    lanes: list[Lane]
    stays: list[Stay]
    failures: list[Failure]
    deployments: list[Tried]
    older: bool


def service(asked: RequestContext) -> Service:
    """One service, what it ran in the last `days`, and a page of its history."""
    name = asked.name("service")
    start = asked.now - timedelta(days=asked.number("days") or DAYS)
    configured = asked.catalog.services.get(name)
    metadata = configured.known_metadata if configured is not None else NO_METADATA
    configured_stages = asked.catalog.stages(configured) if configured is not None else ()
    others = dict.fromkeys(("environment", "team", "label", "at", "known_at", "compare"))
    lanes = status(narrowed(asked, {"service": name, **others})).lanes
    with asked.store() as connection:
        require_service(connection, asked.catalog, name)
        stays = live_durations(connection, name, start, limit=_MOST_STAYS)
        page, environment, outcome = asked.page(), asked.environment(), asked_outcome(asked)
        views = deployments_of(connection, name, environment, outcome, offset=page.offset, limit=page.size + 1)
        failures = deployments_of(connection, name, outcome="failed", since=start, offset=0, limit=_MOST_FAILURES)
        after = {one.environment: one.after for one in configured_stages}
        names = {environment: one.environments for environment, one in after.items()}
        compared = comparisons(connection, metadata, asked.catalog.order_of(name), names, lanes)
    stages = [
        Stage(environment=environment, after=list(one.environments), need=one.need)
        for environment, one in after.items()
    ]
    return Service(
        service=name,
        configuration=DescribedService.of(configured) if configured is not None else None,
        stages=stages,
        comparisons=compared,
        now=asked.now.isoformat(),
        since=start.isoformat(),
        lanes=lanes,
        stays=[body_of(Stay, one) for one in stays],
        failures=[_failure(one) for one in failures],
        deployments=[tried(view) for view in (page.filled(views) if page.number else views)[: page.size]],
        older=len(views) > page.size,
    )


def _failure(view: DeploymentView) -> Failure:
    at = view.decided_at or view.finished_at or view.created_at
    return body_of(
        Failure,
        view.artifact,
        environment=view.environment,
        deployment=view.id,
        at=iso(at),
        reason=reason_body(view.status_reason),
    )


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    lanes = {lane["environment"]: lane for lane in answer["lanes"]}
    environment, outcome, days = asked.environment(), asked.option("outcome"), asked.number("days") or DAYS
    start, end = moment(answer["since"]), moment(answer["now"])
    return {
        "cards": lane_cards(answer["stages"], lanes, answer["comparisons"]),
        "tried": folded(answer["deployments"]),
        "drawn": timeline(answer["stays"], answer["failures"], list(lanes), start, end),
        "days": days,
        "quiet": not answer["failures"] and all(moment(one["since"]) <= start for one in answer["stays"]),
        "ranges": [{"days": one, "address": beside(asked, days=one)} for one in sorted({*_RANGES, days})],
        "environments_kept": [
            {"name": name, "address": beside(asked, environment=name), "chosen": name == environment}
            for name in (None, *lanes)
        ],
        "outcomes_kept": [
            {"word": word, "address": beside(asked, outcome=name), "chosen": name == outcome}
            for name, word in _OUTCOMES.items()
        ],
        "several_modules": len({one["module"] for one in answer["stays"]}) > 1,
        "all_holds": list({one["text"]: one for lane in answer["lanes"] for one in lane["holds"]}.values()),
        "badges": [markdown(origin_of(asked.request), answer["service"], name) for name in lanes],
        "beside": pages_beside(asked, more=answer["older"]),
        "stream": stream_of(service=answer["service"]),
    }


PAGES = (
    Page(
        path="/services/{service}",
        template="service.html",
        read=service,
        command=lambda _asked, answer: ["service", "describe", answer["service"]],
        drawn=_drawn,
        parameters=(
            *PAGE,
            text("environment", "The history of this environment only."),
            OUTCOME,
            number("days", "How far back the timeline goes.", least=1, most=_MOST_DAYS),
        ),
        momentary=True,
    ),
)
