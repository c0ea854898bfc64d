"""Differences: `/api/diff`, what one environment runs and another does not."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Literal

from msgspec import Struct

from deploydb.domain.model.artifact import order_key, split_module
from deploydb.domain.model.catalog import Catalog
from deploydb.http.errors import bad_request
from deploydb.query.bodies import body_of
from deploydb.query.existence import require_environment, require_service
from deploydb.query.request_context import RequestContext, iso
from deploydb.query.resource import PAGE, PAGING, Resource, moment, needed, text
from deploydb.store.queries.diff import MOST, ReleaseView, Span, published_between
from deploydb.store.queries.live_intervals import LiveIntervalView, ran_at, running_now

Relation = Literal["same", "behind", "ahead", "missing", "extra"]
"""How `to` stands to `from`: it runs the same, an older release, a newer one, nothing, or something alone."""
_Key = tuple[str, str]


class Side(Struct, frozen=True, kw_only=True):
    """What one of the two runs."""

    version: str
    since: str
    deployment: int
    status: str


class Release(Struct, frozen=True, kw_only=True, rename="camel"):
    """A release between the two."""

    version: str
    commit: str | None
    published_at: str


class Difference(Struct, frozen=True, kw_only=True, rename={"origin": "from", "target": "to"}):
    """One module of one service. `between`: what the newer of the two has and the older has not, newest first;
    `more`: there is more of it."""

    service: str
    module: str
    relation: Relation
    origin: Side | None
    target: Side | None
    between: list[Release]
    more: bool


class Diff(Struct, frozen=True, kw_only=True, rename={"origin": "from", "target": "to"}):
    """Two environments, by service and module, those that differ first: all of them, or a page where one is asked for.
    `differing`: how many differ, of so many `compared`; `more`: there is another page."""

    origin: str
    target: str
    at: str | None
    differences: list[Difference]
    differing: int
    compared: int
    more: bool


def diff(asked: RequestContext) -> Diff:
    """What `from` and `to` run of each module of each service, those that differ first, and which releases lie between
    the two. All of it, or a page with `perPageSize`."""
    origin, target, service = _environment(asked, "from"), _environment(asked, "to"), asked.option("service")
    at = asked.past("at")
    with asked.store() as connection:
        require_environment(connection, asked.catalog, origin)
        require_environment(connection, asked.catalog, target)
        require_service(connection, asked.catalog, service)
        if at is not None:
            here, there = (ran_at(connection, at, None, service, each) for each in (origin, target))
        else:
            here, there = (running_now(connection, service, each) for each in (origin, target))
        first = {(one.service, one.module): one for one in here}
        second = {(one.service, one.module): one for one in there}
        every = {key: (first.get(key), second.get(key)) for key in sorted({*first, *second})}
        differing = sum(not _is_same(*pair) for pair in every.values())
        page = asked.page() if any(asked.number(name) is not None for name in PAGING) else None
        pairs = dict(sorted(every.items(), key=lambda one: _is_same(*one[1])))
        if page is not None:
            pairs = dict(islice(pairs.items(), page.offset, page.offset + page.size))
            if page.number:
                page.filled(list(pairs))
        between = published_between(connection, _spans(pairs))
    return Diff(
        origin=origin,
        target=target,
        at=iso(at),
        differences=[_difference(asked.catalog, key, *pair, between.get(key[1], ())) for key, pair in pairs.items()],
        differing=differing,
        compared=len(every),
        more=page is not None and page.offset + page.size < len(every),
    )


def _environment(asked: RequestContext, name: str) -> str:
    given = asked.option(name)
    if given is None:
        raise bad_request(f"{name} is missing: name the two environments, such as ?from=staging&to=prod")
    return given


def _is_same(one: LiveIntervalView | None, other: LiveIntervalView | None) -> bool:
    return one is not None and other is not None and one.version == other.version


def _spans(pairs: Mapping[_Key, tuple[LiveIntervalView | None, LiveIntervalView | None]]) -> list[Span]:
    """Of each module all that was published between any two that differ."""
    widest: dict[str, Span] = {}
    for (_, module), (one, other) in pairs.items():
        if one is None or other is None or _is_same(one, other):
            continue
        group, name = split_module(module)
        early, late = sorted((one.published_at, other.published_at))
        known = widest.get(module)
        if known is not None:
            early, late = min(early, known.after), max(late, known.until)
        widest[module] = Span(group=group, name=name, after=early, until=late)
    return list(widest.values())


def _difference(
    catalog: Catalog,
    key: _Key,
    one: LiveIntervalView | None,
    other: LiveIntervalView | None,
    between: Sequence[ReleaseView],
) -> Difference:
    service, module = key
    order = catalog.order_of(service)

    def newness(release: LiveIntervalView | ReleaseView) -> tuple[object, ...]:
        return order_key(order, release.version, release.published_at)

    relation: Relation
    mine: list[ReleaseView] = []
    if one is None or other is None:
        relation = "missing" if other is None else "extra"
    elif _is_same(one, other):
        relation = "same"
    else:
        relation = "behind" if newness(other) < newness(one) else "ahead"
        older, newer = sorted((newness(one), newness(other)))
        mine = [release for release in between if older < newness(release) <= newer]
    return Difference(
        service=service,
        module=module,
        relation=relation,
        origin=body_of(Side, one) if one is not None else None,
        target=body_of(Side, other) if other is not None else None,
        between=[body_of(Release, release) for release in mine[:MOST]],
        more=len(between) > MOST,
    )


RESOURCES = (
    Resource(
        path="/api/diff",
        read=diff,
        parameters=(
            needed("from", "The environment to compare with, such as staging."),
            needed("to", "The environment that is compared, such as prod."),
            text("service", "Of this service only."),
            moment("at", "What they ran at this time in the past."),
            *PAGE,
        ),
    ),
)
