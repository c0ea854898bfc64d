"""`/services/{service}`: its stages as a graph, what ran there as a timeline, and what has been tried."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from msgspec import Struct

from deploydb.domain.code_links import compare_url
from deploydb.domain.model.service_metadata import NO_METADATA, ServiceMetadata
from deploydb.query.bodies import body_of
from deploydb.query.existence import require_service
from deploydb.query.folding import folded
from deploydb.query.lane_bodies import Lane
from deploydb.query.pages.badge import markdown
from deploydb.query.pages.filters import moment, state
from deploydb.query.pages.origin import origin_of
from deploydb.query.pages.page import Answer, Page, narrowed, pages_beside, stream_of
from deploydb.query.pages.svg import bars, graph, ticks
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import PAGE, number
from deploydb.query.resources.history import Tried, history
from deploydb.query.resources.status import status
from deploydb.store.queries.deployments import commits_of
from deploydb.store.queries.deployments import history as deployments_of
from deploydb.store.queries.live_intervals import live_durations
from deploydb.v1_schema import Service as ServiceBody

DAYS = 30
_MOST_DAYS = 3650
_MOST_STAYS = 60


class Stay(Struct, frozen=True, kw_only=True):
    """A deployment's time as what an environment runs of a module, until the next one."""

    environment: str
    module: str
    version: str
    deployment: int
    kind: str
    status: str
    since: str


class Stage(Struct, frozen=True, kw_only=True):
    """A stage, and those that it comes after: `all` of them, or `any`."""

    environment: str
    after: list[str]
    need: str


class Comparison(Struct, frozen=True, kw_only=True):
    """The address of the commits that a module in one stage has, and that in a stage after it has not yet."""

    environment: str
    after: str
    module: str
    url: str


class Service(Struct, frozen=True, kw_only=True):
    """A service: how it is configured (null: not any more), what it runs, what it ran, and what has been tried."""

    service: str
    configuration: ServiceBody | None
    stages: list[Stage]
    comparisons: list[Comparison]
    now: str
    since: str
    lanes: list[Lane]
    stays: list[Stay]
    deployments: list[Tried]
    older: bool


def service(asked: RequestContext) -> Service:
    """One service, what it ran in the last `days`, and a page of its history."""
    name = asked.name("service")
    start = asked.now - timedelta(days=asked.number("days") or DAYS)
    configured = asked.catalog.services.get(name)
    metadata = configured.known_metadata if configured is not None else NO_METADATA
    lanes = status(narrowed(asked, {"service": name, "environment": None, "at": None, "known_at": None})).lanes
    with asked.store() as connection:
        require_service(connection, asked.catalog, name)
        stays = live_durations(connection, name, start, limit=_MOST_STAYS)
        page = asked.page()
        older = bool(deployments_of(connection, name, offset=page.offset + page.size, limit=1))
        compared = [one.deployment for lane in lanes for one in lane.running] if metadata.repository else []
        commits = commits_of(connection, compared)
    stages = [
        Stage(environment=one.environment, after=list(one.after.environments), need=one.after.need)
        for one in (asked.catalog.stages(configured) if configured is not None else ())
    ]
    return Service(
        service=name,
        configuration=ServiceBody.of(configured) if configured is not None else None,
        stages=stages,
        comparisons=list(_comparisons(metadata, stages, lanes, commits)),
        now=asked.now.isoformat(),
        since=start.isoformat(),
        lanes=lanes,
        stays=[body_of(Stay, one) for one in stays],
        deployments=history(asked).deployments,
        older=older,
    )


def _comparisons(
    metadata: ServiceMetadata, stages: list[Stage], lanes: list[Lane], commits: Mapping[int, str | None]
) -> Iterator[Comparison]:
    running = {lane.environment: {one.module: commits.get(one.deployment) for one in lane.running} for lane in lanes}
    for stage in stages:
        for before in stage.after:
            for module, commit in running.get(stage.environment, {}).items():
                url = compare_url(metadata, commit, running.get(before, {}).get(module))
                if url is not None:
                    yield Comparison(environment=stage.environment, after=before, module=module, url=url)


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    lanes = {lane["environment"]: lane for lane in answer["lanes"]}
    after = {stage["environment"]: stage["after"] for stage in answer["stages"]}
    start, end = moment(answer["since"]), moment(answer["now"])
    return {
        "graph": graph(after),
        "lanes": lanes,
        "boxes": {name: _boxed(lanes.get(name)) for name in after},
        "tried": folded(answer["deployments"]),
        "rows": _rows(answer["stays"], list(lanes), start, end),
        "ticks": ticks(start, end),
        "days": (end - start).days,
        "several_modules": len({one["module"] for one in answer["stays"]}) > 1,
        "all_holds": list({one["text"]: one for lane in answer["lanes"] for one in lane["holds"]}.values()),
        "badges": [markdown(origin_of(asked.request), answer["service"], name) for name in lanes],
        "beside": pages_beside(asked, more=answer["older"]),
        "stream": stream_of(service=answer["service"]),
    }


def _boxed(lane: Any) -> Any:  # noqa: ANN401  # a lane of the body
    """What a stage's box says: the state that asks for attention first, and the version."""
    running = lane["running"] if lane is not None else []
    pending = [one for one in (lane["pending"] if lane is not None else []) if one["status"] != "NOT_STARTED"]
    last = max(running, key=lambda one: one["since"], default=None)
    shown = pending[0] if pending else last
    return {
        "state": state(shown["status"]) if shown is not None else None,
        "runs": last["version"] if last is not None else None,
        "coming": pending[0]["version"] if pending else None,
        "holds": lane["holds"] if lane is not None else [],
    }


def _rows(stays: Any, order: list[str], start: datetime, end: datetime) -> list[Any]:  # noqa: ANN401
    """A row a lane and module, in the order of environments."""
    rank = {name: index for index, name in enumerate(order)}

    def place(stay: Any) -> tuple[int, str, str]:  # noqa: ANN401
        return rank.get(stay["environment"], len(rank)), stay["environment"], stay["module"]

    rows = []
    for (_, environment, module), found in groupby(
        sorted(stays, key=lambda one: (place(one), one["since"])), key=place
    ):
        mine = list(found)
        drawn = bars([moment(one["since"]) for one in mine], start, end)
        rows.append({"environment": environment, "module": module, "bars": [(bar, mine[bar.item]) for bar in drawn]})
    return rows


PAGES = (
    Page(
        path="/services/{service}",
        template="service.html",
        read=service,
        command=lambda _asked, answer: ["service", "describe", answer["service"]],
        drawn=_drawn,
        parameters=(*PAGE, number("days", "How far back the timeline goes.", least=1, most=_MOST_DAYS)),
        momentary=True,
    ),
)
