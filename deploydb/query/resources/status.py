"""Status: `/api/status`, what runs in each lane, what is on its way there, and which holds stand over it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import sqlalchemy as sa
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from deploydb.domain.model.artifact import split_module
from deploydb.domain.model.catalog import Catalog
from deploydb.query.existence import require_environment, require_service
from deploydb.query.lane_bodies import Lane
from deploydb.query.matrix import Matrix
from deploydb.query.place_in_line import placed
from deploydb.query.request_context import RequestContext, iso
from deploydb.query.resource import Resource, moment, text
from deploydb.query.set_aside import SetAside, set_aside_body
from deploydb.query.starvation import Starved, starved_body
from deploydb.store.queries.deployments import refused_at_entry
from deploydb.store.queries.holds import holds_at
from deploydb.store.queries.incidents import open_incidents
from deploydb.store.queries.lanes import PendingView, ended_in, failures_in, pending_in
from deploydb.store.queries.live_intervals import newest_of_modules, ran_at, running_now
from deploydb.store.queries.starvation import starved_lanes
from deploydb.store.set_aside import set_aside_services


class Status(Struct, frozen=True, kw_only=True, rename="camel"):
    """The matrix. Of the past it has what ran, and neither what was on its way nor holds. `at`: what ran then;
    `known_at`: what was believed then. `set_aside`: the services whose evaluation failed, `starved`: the lanes in which
    no release passes, now."""

    environments: list[str]
    lanes: list[Lane]
    at: str | None
    known_at: str | None
    set_aside: list[SetAside] | UnsetType = UNSET
    starved: list[Starved] | UnsetType = UNSET


def status(asked: RequestContext) -> Status:
    """Every lane of the service and the environment that are asked for, by service and by the pipelines' order.

    A lane for each service in each environment of its stages, and wherever else something runs or is under way.
    """
    service, environment = asked.option("service"), asked.option("environment")
    at, known_at = asked.past("at"), asked.past("known_at")
    catalog, matrix = asked.catalog, Matrix(asked.catalog)
    configured = [one for one in catalog.services.values() if service in (None, one.ident)]
    services = [one.ident for one in configured]
    with asked.store() as connection:
        if at is not None or known_at is not None:
            lanes = matrix.then(
                services, ran_at(connection, at or known_at or asked.now, known_at, service, environment)
            )
        else:
            # of all environments: what should run in one follows from what runs in those before it
            lanes = matrix.now(
                services,
                running_now(connection, service, None),
                _with_refusals(connection, _newest_of_those_not_begun(catalog, pending_in(connection, service))),
                newest_of_modules(connection, [split_module(module) for one in configured for module in one.artifacts]),
                holds_at(connection, asked.now, service),
                failures_in(connection, service),
                open_incidents(connection, service, None),
                partial(ended_in, connection),
            )
        if environment is not None:
            lanes = [lane for lane in lanes if lane.environment == environment]
        if not lanes:
            require_service(connection, catalog, service)
            require_environment(connection, catalog, environment)
        past = at is not None or known_at is not None
        starved = [] if past else starved_lanes(connection, catalog, asked.now, service, environment)
        aside = [] if past else [one for one in set_aside_services(connection) if service in (None, one.service)]
    return Status(
        environments=matrix.environments(lanes),
        lanes=lanes,
        at=iso(at),
        known_at=iso(known_at),
        set_aside=[set_aside_body(one) for one in aside] or UNSET,
        starved=[starved_body(one) for one in starved] or UNSET,
    )


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


RESOURCES = (
    Resource(
        path="/api/status",
        read=status,
        lasts=timedelta(minutes=1),  # lanes begin to starve by time alone
        parameters=(
            text("service", "Of this service only."),
            text("environment", "In this environment only."),
            moment("at", "What ran at this time in the past, by all that is known now."),
            moment("known_at", "What was known at this time in the past; without `at`, of that time."),
        ),
    ),
)
