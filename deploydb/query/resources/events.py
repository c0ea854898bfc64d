"""Events: `/api/events`, the log."""

from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.facts import OWN_SOURCE
from deploydb.http.errors import bad_request, not_found
from deploydb.http.ids import LARGEST
from deploydb.query.bodies import ReasonBody, body_of
from deploydb.query.paging import DEFAULT_SIZE
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource, moment, number, text
from deploydb.query.unknown_names import unknown_lane, unknown_words
from deploydb.store.queries.events import EventView, Filter, events_before
from deploydb.store.reason_codec import reason_of


class Event(Struct, frozen=True, kw_only=True, rename="camel"):
    """A row of the log: its source, its body as it arrived, when it happened and when it was known. `publisher`: the
    sender, by the broker; `who`: the person it names; `reason`: of DeployDB's own decisions."""

    number: int
    source: str
    id: str
    type: str
    time: str
    recorded_at: str
    publisher: str | None
    who: str | None
    service: str | None
    environment: str | None
    reason: ReasonBody | UnsetType = UNSET
    body: msgspec.Raw


class Events(Struct, frozen=True, kw_only=True):
    """A page of the log, newest first. `next`: the `before` of the page that follows it, null after the last."""

    events: list[Event]
    next: int | None


def events(asked: RequestContext, size: int = DEFAULT_SIZE, *, strict: bool = True) -> Events:
    """A page of the log, newest first; `next` is the `before` of the page that follows it, null after the last. 404
    where there is none, and a service, an environment, a person or a type does not exist."""
    if asked.number("pageNumber"):
        raise bad_request("the log has no pages by number: `next` of a page is the `before` of the one that follows")
    size = asked.page(size=size).size
    before = asked.number("before")
    wanted = filter_of(asked)
    with asked.store() as connection:
        views, more = events_before(
            connection, min(before, LARGEST) if before is not None else None, wanted, limit=size
        )
        if not views and strict:
            # behind a cursor the log may have had the lane, known or not
            named = wanted if before is None else replace(wanted, service=None, environment=None)
            require_filters(connection, asked.catalog, named)
    return Events(events=[event_of(view) for view in views], next=views[-1].number if more else None)


def filter_of(asked: RequestContext) -> Filter:
    """The rows that a request asks for."""
    options = {name: asked.option(name) for name in ("service", "who", "type", "source")}
    return Filter(**options, environment=asked.environment(), since=asked.moment("since"), until=asked.moment("until"))


def unknown_filters(connection: sa.Connection, catalog: Catalog, wanted: Filter) -> list[str]:
    """The filters that name nothing, each with the nearest name."""
    lane = unknown_lane(connection, catalog, wanted.service, wanted.environment)
    words = [one.why for one in unknown_words(connection, catalog, wanted.who, wanted.type)]
    return words if lane is None else [lane, *words]


def require_filters(connection: sa.Connection, catalog: Catalog, wanted: Filter) -> None:
    """Raises: HTTPException 404 for a filter that names nothing."""
    unknown = unknown_filters(connection, catalog, wanted)
    if unknown:
        raise not_found("; ".join(unknown))


def event_of(view: EventView) -> Event:
    # a decision has a reason; a fact's is a text in its body
    found = msgspec.json.decode(view.body, type=_Decision).reason if view.source == OWN_SOURCE else None
    return body_of(Event, view, reason=(reason_of(found) if isinstance(found, dict) else None) or UNSET)


class _Decision(Struct, frozen=True):
    reason: Any = None


FILTERS = (
    text("service", "About this service only."),
    text("environment", "About this environment only."),
    text("who", "That names this person only: who approved, held, ordered."),
    text("type", "Of this type only, such as `approval.given`."),
    text("source", "From this source only; `deploydb` for its own decisions."),
    moment("since", "Recorded then or later."),
    moment("until", "Recorded then or before."),
)
RESOURCES = (
    Resource(
        path="/api/events",
        read=events,
        parameters=(
            number("pageNumber", "Only 0: the log has cursors.", most=0),
            number("perPageSize", "How many, from 1.", least=1),
            number("before", "Only rows with a lower number: the `next` of the page before."),
            *FILTERS,
        ),
    ),
)
