"""The lanes of now: read from the store, with the drift of each."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.artifact import split_module
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.overrides import Hold
from deploydb.query.lane_bodies import Lane
from deploydb.query.matrix import Matrix
from deploydb.query.place_in_line import placed
from deploydb.store.queries.deployments import refused_at_entry
from deploydb.store.queries.holds import holds_at
from deploydb.store.queries.incidents import open_incidents
from deploydb.store.queries.lanes import PendingView, ended_in, failures_in, pending_in
from deploydb.store.queries.live_intervals import LiveIntervalView, newest_of_modules, running_now


class CurrentLanes(Struct, frozen=True, kw_only=True):
    """The lanes, and of what they were made: what runs, what is on its way, the holds that stand."""

    lanes: list[Lane]
    running: list[LiveIntervalView]
    pending: list[PendingView]
    holds: list[Hold]


def current_lanes(
    connection: sa.Connection, catalog: Catalog, now: datetime, service: str | None = None
) -> CurrentLanes:
    """The lanes of a service or of all, in all environments: the version that a lane should run follows from those
    before it. Costs the lanes, and what is open."""
    configured = [one for one in catalog.services.values() if service in (None, one.ident)]
    running = running_now(connection, service, None)
    pending = _with_refusals(connection, _newest_of_those_not_begun(catalog, pending_in(connection, service)))
    holds = holds_at(connection, now, service)
    lanes = Matrix(catalog).now(
        [one.ident for one in configured],
        running,
        pending,
        newest_of_modules(connection, [split_module(module) for one in configured for module in one.artifacts]),
        holds,
        failures_in(connection, service, running),
        open_incidents(connection, service, None),
        partial(ended_in, connection),
    )
    return CurrentLanes(lanes=lanes, running=running, pending=pending, holds=holds)


def _newest_of_those_not_begun(catalog: Catalog, pending: Sequence[PendingView]) -> list[PendingView]:
    """Of those that wait to be commanded, only the newest of each module in each lane; rollbacks and all others."""
    lines: dict[tuple[str, str, str], list[PendingView]] = defaultdict(list)
    for view in pending:
        if _is_in_line(view):
            lines[view.service, view.environment, view.release.artifact.module].append(view)
    newest: dict[int, PendingView] = {}
    for line in lines.values():
        order = catalog.order_of(line[0].service)
        last = max(line, key=lambda view: (view.release.order_key(order), view.deployment))
        reason = placed(line, last.deployment, catalog, last.reason)
        newest[last.deployment] = replace(last, reason=reason)
    return [newest.get(view.deployment, view) for view in pending if not _is_in_line(view) or view.deployment in newest]


def _with_refusals(connection: sa.Connection, pending: Sequence[PendingView]) -> list[PendingView]:
    """With the reasons of the entry gates that have failed."""
    refused = refused_at_entry(connection, [view.deployment for view in pending if view.status == "NOT_STARTED"])
    return [replace(view, refused=refused[view.deployment]) if view.deployment in refused else view for view in pending]


def _is_in_line(view: PendingView) -> bool:
    return view.status == "NOT_STARTED" and view.kind != "rollback"
