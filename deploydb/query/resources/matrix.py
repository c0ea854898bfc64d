"""The matrix as its page has it: some services of those that match, in an order, with a summary of each environment."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from msgspec import UNSET, Struct, UnsetType, field

from deploydb.domain.model.catalog import Catalog
from deploydb.query.bodies import body_of
from deploydb.query.environment_sequence import environments_in_order
from deploydb.query.hold_views import HoldBody, hold_body
from deploydb.query.lane_state import STATES, is_behind
from deploydb.query.matrix_rows import (
    ORDERS,
    LaneStates,
    MatrixService,
    as_they_are,
    followed,
    matching,
    services_of,
    themselves,
    within,
    worst_lanes,
)
from deploydb.query.matrix_sections import Section as ServiceSection
from deploydb.query.matrix_sections import counts_of, groups_in, sections_by_page
from deploydb.query.matrix_weight import Weight
from deploydb.query.request_context import RequestContext, iso
from deploydb.query.resource import number, text
from deploydb.query.resources import status
from deploydb.query.resources.status import Lanes, lanes_of
from deploydb.query.service_groups import belongs, checked_grouping, groupings
from deploydb.query.set_aside import SetAside
from deploydb.query.starvation import Starved
from deploydb.store.queries.live_starts import live_starts
from deploydb.store.revision import read_revision

SORTS = tuple(ORDERS)
COMFORTABLE = "comfortable"
WALL = "1"
MOST_STARTS = 40
"""On each side of the moment."""
PARAMETERS = (
    *status.RESOURCES[0].parameters,
    text(
        "match",
        "Of services with all of these words in their name, team, labels, or versions there or on their way.",
    ),
    text("show", "Of services with a lane in this state only.", *STATES),
    text("sort", "In this order: by name, latest change first, most drift first, worst first.", *SORTS),
    text("group", "In groups: by `team`, or by a label such as `label:tier`."),
    text("closed", "The groups that are closed, with a comma between their escaped names; `!` is those without one."),
    text("view", "A line a cell, or all that there is to say.", COMFORTABLE),
    text("wall", "Large, dark and without controls, for a screen on a wall.", WALL),
    text("open", "This service with all that there is to say."),
    number("pageNumber", "Which page, from 0; the last one for one beyond it."),
)


class Column(Struct, frozen=True, kw_only=True):
    """An environment, of the services that match: how many have a lane there, how many lanes are not up to date
    (`behind`), and the holds over all services."""

    environment: str
    lanes: int
    behind: int
    holds: list[HoldBody]


class Row(Struct, frozen=True, kw_only=True):
    """A service, its lanes with the states of each as if it were not set aside, and the holds over it in every
    environment."""

    service: str
    holds: list[HoldBody]
    lanes: list[LaneStates]


class Section(Struct, frozen=True, kw_only=True):
    """As `matrix_sections.Section`, with its rows."""

    group: str | None
    counts: Mapping[str, int]
    closed: bool
    rows: Sequence[Row]


class Start(Struct, frozen=True, kw_only=True):
    """A deployment that went live."""

    service: str
    environment: str
    version: str
    since: str


class MatrixPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of the matrix, from 0 to `pages - 1`, of `total` services that match. `counts`: of those that match, but
    for `show`, how many have a lane in each state, and all. `troubled`: the worst lanes of all that match, one of a
    service that is set aside. `groupings`: what `group` can be. `set_aside`, `starved`: of the services of `sections`
    and `troubled`. `exact`: the service and the environment that are asked for by their full names. `starts`: the
    deployments that went live there just before and after the moment, oldest first. `is_new`: nothing runs yet, or is
    on its way."""

    columns: list[Column]
    sections: list[Section]
    groupings: list[str]
    counts: dict[str, int]
    total: int
    page: int
    pages: int
    exact: dict[str, str]
    troubled: list[LaneStates]
    starts: list[Start]
    is_new: bool
    at: str | None
    known_at: str | None
    set_aside: list[SetAside] | UnsetType = UNSET
    starved: list[Starved] | UnsetType = UNSET


def matrix(asked: RequestContext) -> MatrixPage:
    """The page that is asked for. A name that is no service's, or no environment's, is a part of those that match;
    where nothing matches, the page is empty."""
    catalog = asked.catalog
    show, words = asked.option("show"), (asked.option("match") or "").casefold().split()
    team, label, group = asked.option("team"), asked.option("label"), checked_grouping(asked.option("group"))
    view, order = asked.option("view"), ORDERS[asked.option("sort") or SORTS[0]]
    wanted = asked.number("pageNumber") or 0
    service, environment = asked.option("service"), asked.environment()
    exact = service if service in catalog.services else None
    found, services = every_lane(asked) if exact is None else _alone(asked, exact)
    columns = _columns(found, catalog, environment)
    everything = services
    if environment is not None:
        services = list(within(services, columns))
    services = [one for one in services if belongs(catalog, one.name, team, label)]
    found_by_text = list(matching(catalog, services, service, words))
    shown = [one for one in found_by_text if show is None or show in one.states]
    shown.sort(key=order)
    troubled = worst_lanes(shown, {one.service for one in found.set_aside})
    weight = Weight(columns=columns, comfortable=view == COMFORTABLE)
    with asked.store() as connection:
        moment = found.at or found.known_at or asked.now
        slid = [exact] if exact is not None else followed(everything, found_by_text)
        starts = live_starts(connection, moment, found.known_at or asked.now, slid, columns, most=MOST_STARTS)
    closed = groups_in(asked.option("closed"))
    pages = sections_by_page(
        catalog,
        shown,
        group,
        closed,
        weight.left([one.lane for one in troubled], starts, len(asked.request.url.query)),
        weight.of,
    )
    page = min(wanted, len(pages) - 1)
    names = {one.name for section in pages[page] for one in section.services}.union(
        one.lane.service for one in troubled
    )
    return MatrixPage(
        columns=_summaries(found, columns, shown),
        sections=[_section(found, one) for one in pages[page]],
        groupings=groupings(catalog, catalog.services),
        counts=counts_of(found_by_text),
        total=len(shown),
        page=page,
        pages=len(pages),
        exact={
            name: value
            for name, value in (("service", exact), ("environment", environment))
            if value is not None and (name == "service" or columns == [environment])
        },
        troubled=troubled,
        starts=[body_of(Start, one) for one in starts],
        is_new=exact is None and not found.is_past and not any(lane.running or lane.pending for lane in found.lanes),
        at=iso(found.at),
        known_at=iso(found.known_at),
        set_aside=[one for one in found.set_aside if one.service in names] or UNSET,
        starved=[one for one in found.starved if one.service in names] or UNSET,
    )


class _Kept(Struct, frozen=True, kw_only=True):
    """All lanes of a moment with their states, and the state of the store that they are of."""

    catalog: Catalog
    revision: tuple[int, int]
    period: int
    lanes: Lanes
    services: Sequence[MatrixService]


_Moment = tuple[datetime | None, datetime | None, str | None]
"""`at`, `known_at`, and `compare`."""
_NOW: _Moment = (None, None, None)


class _Moments(Struct, frozen=True, eq=False):
    """What is kept of a database, by moment, the oldest reading first. `lock`: held from the look into it to the end of
    the reading, so that many who ask at one time read once."""

    lock: Lock = field(default_factory=Lock)
    kept: dict[_Moment, _Kept] = field(default_factory=dict)


_KEPT: WeakKeyDictionary[sa.Engine, _Moments] = WeakKeyDictionary()
"""By database: a search, another order and another page of the same matrix read nothing again."""
_KEPT_LOCK = Lock()
_MOST_PAST = 3
"""Moments of the past of a database, beside now."""


def _alone(asked: RequestContext, service: str) -> tuple[Lanes, Sequence[MatrixService]]:
    with asked.store() as connection:
        lanes = lanes_of(asked, connection, service)
    return lanes, _of(lanes)


def every_lane(asked: RequestContext) -> tuple[Lanes, Sequence[MatrixService]]:
    """All lanes of the moment that is asked for (`at`, `known_at`, `compare`), and their services; from memory, as long
    as nothing has changed."""
    at, known_at, compare = asked.past("at"), asked.past("known_at"), asked.option("compare")
    when = (at, known_at, compare) if at or known_at else _NOW
    with _KEPT_LOCK:
        moments = _KEPT.setdefault(asked.engine, _Moments())
    with moments.lock, asked.store() as connection:
        revision = read_revision(connection, asked.now)  # before what it is the revision of
        period = status.RESOURCES[0].period(asked.now)
        kept = moments.kept.get(when)
        if kept is None or (kept.revision, kept.period) != (revision, period) or kept.catalog is not asked.catalog:
            lanes = lanes_of(asked, connection, None)
            services = _of(lanes)
            kept = _Kept(catalog=asked.catalog, revision=revision, period=period, lanes=lanes, services=services)
            _keep(moments.kept, when, kept)
    return kept.lanes, kept.services


def _keep(moments: dict[_Moment, _Kept], when: _Moment, kept: _Kept) -> None:
    moments.pop(when, None)
    moments[when] = kept
    past = [one for one in moments if one != _NOW]
    for one in past[:-_MOST_PAST]:
        del moments[one]


def _of(found: Lanes) -> Sequence[MatrixService]:
    starved = {(one.service, one.environment) for one in found.starved}
    return services_of(found.lanes, starved, {one.service for one in found.set_aside})


def _columns(found: Lanes, catalog: Catalog, environment: str | None) -> list[str]:
    """The environments of the lanes in the pipelines' order: the one of this name, though it has no lane, or those
    with it in their name."""
    there, order = {lane.environment for lane in found.lanes}, environments_in_order(catalog)
    known = [one for one in order if one in there] + sorted(there.difference(order))
    if environment is None or environment in {*known, *catalog.environments}:
        return known if environment is None else [environment]
    return [one for one in known if environment.casefold() in one.casefold()]


def _summaries(found: Lanes, columns: Sequence[str], services: Sequence[MatrixService]) -> list[Column]:
    lanes, behind = Counter[str](), Counter[str]()
    for service in services:
        for lane, _ in service.lanes:
            lanes[lane.environment] += 1
            behind[lane.environment] += is_behind(lane)
    over = [hold for hold in found.holds if hold.service is None]
    return [
        Column(
            environment=name,
            lanes=lanes[name],
            behind=behind[name],
            holds=[hold_body(hold) for hold in over if hold.environment in (None, name)],
        )
        for name in columns
    ]


def _section(found: Lanes, section: ServiceSection) -> Section:
    rows = [_row(found, one) for one in section.services]
    return Section(group=section.group, counts=section.counts, closed=section.closed, rows=rows)


def _row(found: Lanes, service: MatrixService) -> Row:
    over = [hold for hold in found.holds if hold.service == service.name and hold.environment is None]
    is_aside = service.name in {one.service for one in found.set_aside}
    return Row(
        service=service.name,
        holds=[hold_body(hold) for hold in over if hold.kind != "veto"],
        lanes=themselves(service) if is_aside else as_they_are(service),
    )
