"""What the stages of a service have and the ones after them have not yet: how many commits, and their page."""

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.code_links import compare_url
from deploydb.domain.model.artifact import order_key, split_module
from deploydb.domain.model.catalog import Order
from deploydb.domain.model.service_metadata import ServiceMetadata
from deploydb.query.lane_bodies import Lane
from deploydb.store.queries.diff import MOST, ReleaseView, Span, published_between, releases_deployed


class Comparison(Struct, frozen=True, kw_only=True):
    """The commits that a module in one stage has, and that in a stage after it has not yet. `url`: their page in the
    repository, null without one. `commits`: how many releases with another commit lie between the two, null where the
    number is not known."""

    environment: str
    after: str
    module: str
    url: str | None
    commits: int | None


def comparisons(
    connection: sa.Connection,
    metadata: ServiceMetadata,
    order: Order,
    after: Mapping[str, Sequence[str]],
    lanes: Sequence[Lane],
) -> list[Comparison]:
    """Of each stage with those right before it. `order`: of the service's releases; `after`: the stages before each."""
    runs = {(lane.environment, one.module): one.deployment for lane in lanes for one in lane.running}
    known = releases_deployed(connection, sorted(runs.values()))
    running = {place: known[deployment] for place, deployment in runs.items() if deployment in known}
    pairs = [
        (here, before, release, running[before, module])
        for here, names in after.items()
        for before in names
        for (there, module), release in running.items()
        if there == here and (before, module) in running
    ]
    between = published_between(connection, _spans([(one, other) for _, _, one, other in pairs]))
    found = (
        Comparison(
            environment=here,
            after=before,
            module=one.module,
            url=compare_url(metadata, one.commit, other.commit),
            commits=_count(order, one, other, between.get(one.module, ())),
        )
        for here, before, one, other in pairs
    )
    return [one for one in found if one.url is not None or one.commits]


def _spans(pairs: Sequence[tuple[ReleaseView, ReleaseView]]) -> list[Span]:
    """Of each module all that was published between any two."""
    times: dict[str, list[ReleaseView]] = {}
    for one, other in pairs:
        if one.version != other.version:
            times.setdefault(one.module, []).extend((one, other))
    return [_span(module, releases) for module, releases in times.items()]


def _span(module: str, releases: Sequence[ReleaseView]) -> Span:
    group, name = split_module(module)
    times = [one.published_at for one in releases]
    return Span(group=group, name=name, after=min(times), until=max(times))


def _count(order: Order, here: ReleaseView, before: ReleaseView, between: Sequence[ReleaseView]) -> int | None:
    """None where one has no commit, the stage before is not newer, or there are too many."""
    if here.commit is None or before.commit is None or len(between) > MOST:
        return None
    older, newer = (order_key(order, one.version, one.published_at) for one in (here, before))
    return len({commit for commit in _commits(order, older, newer, between) if commit != here.commit}) or None


def _commits(
    order: Order, older: tuple[object, ...], newer: tuple[object, ...], between: Sequence[ReleaseView]
) -> Iterator[str]:
    for one in between:
        if one.commit is not None and older < order_key(order, one.version, one.published_at) <= newer:
            yield one.commit
