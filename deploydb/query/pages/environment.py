"""`/environments/{environment}`: what runs there, what changed lately, which holds stand, and when its windows open."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct

from deploydb.domain.calendar.windows import opens
from deploydb.domain.gates.window import WindowPromotion
from deploydb.query.bodies import body_of
from deploydb.query.hold_views import HoldBody
from deploydb.query.lane_bodies import Lane
from deploydb.query.matrix_rows import matching, within
from deploydb.query.pages.filters import moment
from deploydb.query.pages.page import Answer, Page, lanes_of_now, narrowed, pages_beside, stream_of
from deploydb.query.pages.strip import strip
from deploydb.query.pages.svg import axis
from deploydb.query.request_context import RequestContext, iso
from deploydb.query.resource import PAGE, text
from deploydb.query.resources.blame import Change, blame
from deploydb.query.resources.holds import holds
from deploydb.query.upcoming import upcoming
from deploydb.store.environment_names import names_of
from deploydb.v1_schema import Environment as EnvironmentBody

_LANES = 200
"""Of a page."""
_CHANGES = 50
"""The newest."""
_HOURS = 7 * 24
"""How far back changes are looked for."""
_AHEAD = timedelta(days=14)
"""How far ahead holds and windows are drawn."""


class Windows(Struct, frozen=True, kw_only=True):
    """A window promotion at the entry: whether it is open, and when that changes next; null: not within a year."""

    promotion: str
    description: str
    open: bool
    until: str | None


class Ahead(Struct, frozen=True, kw_only=True):
    """A hold (`kind`: of the hold, `service`: the one that it is over), or a time at which a `window` is open (`name`:
    of the promotion)."""

    kind: str
    name: str
    service: str | None
    title: str
    begins: str
    until: str | None


class Environment(Struct, frozen=True, kw_only=True):
    """An environment: how it is configured (null: not any more), its lanes, holds and windows, what is ahead until a
    time, and what changed in it in the last week. `total`: how many lanes match, of which these are from number `first`
    on; `more`: there are more of them, on the next page."""

    environment: str
    configuration: EnvironmentBody | None
    orchestrator: str | None
    entry: list[str]
    lanes: list[Lane]
    total: int
    first: int
    more: bool
    holds: list[HoldBody]
    windows: list[Windows]
    now: str
    until: str
    ahead: list[Ahead]
    changes: list[Change]


def environment(asked: RequestContext) -> Environment:
    """One environment, with a page of its lanes: of the services that match."""
    name = names_of(asked.engine).now(asked.name("environment"))
    page = asked.page(size=_LANES)
    here = {"service": None, "environment": name}
    _, services = lanes_of_now(asked)
    words = (asked.option("match") or "").casefold().split()
    found = matching(asked.catalog, list(within(services, [name])), None, words)
    lanes = [lane for service in found for lane, _ in service.lanes]
    configured = asked.catalog.environments.get(name)
    return Environment(
        environment=name,
        configuration=EnvironmentBody.of(configured) if configured is not None else None,
        orchestrator=configured.orchestrator if configured is not None else None,
        entry=list(configured.entry) if configured is not None else [],
        lanes=lanes[page.offset : page.offset + page.size],
        total=len(lanes),
        first=page.offset + 1,
        more=len(lanes) > page.offset + page.size,
        holds=holds(narrowed(asked, here)).holds,
        windows=list(_windows(asked, name)) if configured is not None else [],
        now=asked.now.isoformat(),
        until=(asked.now + _AHEAD).isoformat(),
        ahead=[body_of(Ahead, one) for one in upcoming(asked, name, asked.now + _AHEAD)],
        changes=blame(narrowed(asked, here | {"at": None, "hours": str(_HOURS)})).changes[:_CHANGES],
    )


def _windows(asked: RequestContext, environment: str) -> Iterator[Windows]:
    for one in asked.catalog.entry_promotions(environment):
        if isinstance(one, WindowPromotion):
            opening = opens(one, asked.now)
            until = iso(opening.closes_at if opening.is_open else opening.opens_at)
            yield Windows(promotion=one.ident, description=one.description, open=opening.is_open, until=until)


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    start, end = moment(answer["now"]), moment(answer["until"])
    return {
        "strip": strip(answer["ahead"], start, end),
        "axis": axis(start, end),
        "most_changes": _CHANGES,
        "beside": pages_beside(asked, more=answer["more"]),
        "stream": stream_of(environment=answer["environment"]),
    }


PAGES = (
    Page(
        path="/environments/{environment}",
        template="environment.html",
        read=environment,
        command=lambda _asked, answer: ["environment", "describe", answer["environment"]],
        drawn=_drawn,
        parameters=(
            *PAGE,
            text("match", "Of services with all of these words in their name, team, labels, or versions there."),
        ),
        momentary=True,
    ),
)
