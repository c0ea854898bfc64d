"""Differences: `/api/diff`, what one environment runs and another does not."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from deploydb.domain.model.artifact import order_key, split_module
from deploydb.domain.model.catalog import Catalog
from deploydb.http.errors import bad_request
from deploydb.query.bodies import body_of
from deploydb.query.existence import require_environment, require_service
from deploydb.query.request_context import RequestContext, iso
from deploydb.query.resource import Resource, moment, needed, text
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
    """Two environments, by service and module."""

    origin: str
    target: str
    at: str | None
    differences: list[Difference]


def diff(asked: RequestContext) -> Diff:
    """What `from` and `to` run of each module of each service, and which releases lie between the two."""
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
        pairs = {key: (first.get(key), second.get(key)) for key in sorted({*first, *second})}
        between = published_between(connection, _spans(pairs))
    return Diff(
        origin=origin,
        target=target,
        at=iso(at),
        differences=[_difference(asked.catalog, key, *pair, between.get(key[1], ())) for key, pair in pairs.items()],
    )


def _environment(asked: RequestContext, name: str) -> str:
    given = asked.option(name)
    if given is None:
        raise bad_request(f"{name} is missing: name the two environments, such as ?from=staging&to=prod")
    return given


def _spans(pairs: Mapping[_Key, tuple[LiveIntervalView | None, LiveIntervalView | None]]) -> list[Span]:
    """Of each module all that was published between any two that differ."""
    widest: dict[str, Span] = {}
    for (_, module), (one, other) in pairs.items():
        if one is None or other is None or one.version == other.version:
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
    elif one.version == other.version:
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
        ),
    ),
)
