"""Status: `/api/status`, what runs in each lane, what is on its way there, and which holds stand over it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from deploydb.domain.catalog import Catalog
from deploydb.query.asking import Asked, Body, iso
from deploydb.query.held import Held, hold_body
from deploydb.query.lane import require_environment, require_service
from deploydb.query.order import environments_in_order
from deploydb.store.queries.holds import holds_at
from deploydb.store.queries.lanes import PendingView, RunningView, pending_in, running_in

Lane = tuple[str, str]


def status(asked: Asked) -> Body:
    """Every lane of the service and the environment that are asked for, by service and by the pipelines' order.

    A lane for each service in each environment of its stages, and wherever else something runs or is under way.
    """
    service, environment = asked.option("service"), asked.option("environment")
    with asked.store() as connection:
        running = running_in(connection, service, environment)
        pending = _newest_of_those_not_begun(asked.catalog, pending_in(connection, service, environment))
        held = Held(holds_at(connection, datetime.now(UTC), service), asked.catalog)
        lanes = _configured(asked.catalog, service, environment)
        if not lanes and not running and not pending:
            if service is not None:
                require_service(connection, asked.catalog, service)
            if environment is not None:
                require_environment(connection, asked.catalog, environment)
    for ran in running:
        _in_lane(lanes, ran)["running"].append(_running_body(ran))
    for coming in pending:
        _in_lane(lanes, coming)["pending"].append(_pending_body(coming))
    for (of, there), lane in lanes.items():
        versions = {one["version"] for one in (*lane["running"], *lane["pending"])}
        lane["holds"] = [hold_body(hold) for hold in held.over(of, there, versions)]
    rank = {ident: index for index, ident in enumerate(environments_in_order(asked.catalog))}

    def place(ident: str) -> tuple[int, str]:
        return rank.get(ident, len(rank)), ident

    return {
        "environments": sorted({lane[1] for lane in lanes}, key=place),
        "lanes": [
            {"service": lane[0], "environment": lane[1], **lanes[lane]}
            for lane in sorted(lanes, key=lambda lane: (lane[0], place(lane[1])))
        ],
    }


def _configured(catalog: Catalog, service: str | None, environment: str | None) -> dict[Lane, Body]:
    """The lanes of the catalog, with nothing in them yet."""
    if service is None:
        services = list(catalog.services.values())
    else:
        services = [catalog.services[service]] if service in catalog.services else []
    return {
        (one.ident, stage.environment): {"running": [], "pending": []}
        for one in services
        for stage in catalog.stages(one)
        if environment in (None, stage.environment)
    }


def _in_lane(lanes: dict[Lane, Body], view: RunningView | PendingView) -> Body:
    return lanes.setdefault((view.service, view.environment), {"running": [], "pending": []})


def _newest_of_those_not_begun(catalog: Catalog, pending: Sequence[PendingView]) -> list[PendingView]:
    """Of those that wait to be commanded, only the newest of each module in each lane; rollbacks and all others."""
    newest: dict[tuple[str, str, str], PendingView] = {}
    for view in pending:
        if _is_in_line(view):
            waits = (view.service, view.environment, view.release.artifact.module)
            configured = catalog.services.get(view.service)
            order = configured.order if configured is not None else "published"
            before = newest.get(waits)
            if before is None or before.release.order_key(order) < view.release.order_key(order):
                newest[waits] = view
    kept = {view.deployment for view in newest.values()}
    return [view for view in pending if not _is_in_line(view) or view.deployment in kept]


def _is_in_line(view: PendingView) -> bool:
    return view.status == "NOT_STARTED" and view.kind != "rollback"


def _running_body(view: RunningView) -> Body:
    return {
        "module": view.module,
        "version": view.version,
        "deployment": view.deployment,
        "status": view.status,
        "since": iso(view.since),
        "reason": view.reason,
    }


def _pending_body(view: PendingView) -> Body:
    return {
        "module": view.release.artifact.module,
        "version": view.release.artifact.version,
        "deployment": view.deployment,
        "kind": view.kind,
        "attempt": view.attempt,
        "status": view.status,
        "reason": view.reason,
    }


ROUTES: Mapping[str, Callable[[Asked], Any]] = {"/api/status": status}
