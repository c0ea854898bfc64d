"""What the page of blame has beside the changes: the time before an incident, picked, moved and drawn."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from deploydb.domain.formatting import counted, span
from deploydb.query.pages.change_words import change_look
from deploydb.query.pages.filters import moment
from deploydb.query.pages.page import Answer
from deploydb.query.pages.svg import Axis, axis
from deploydb.query.request_context import RequestContext
from deploydb.query.unknown_names import known_places
from deploydb.query.views.blame import HOURS, MOST_HOURS
from deploydb.store.queries.events import EventView, Filter, events_before

_DETECTED = "incident.detected"
_LOOKED_AT, _MOST_INCIDENTS = 100, 8
_WINDOWS = (1, 6, HOURS, 168)
_APART = 3
"""Changes nearer to each other than this are one point, in hundredths of the whole."""
_MOST_NAMED = 8
"""In the title of a point."""
_TONES = ("off", "good", "busy", "wait", "bad")
"""The last counts most: it is the tone of a point, and drawn above the others."""


class _Incident(Struct, frozen=True, kw_only=True):
    incident: str | None = None


class Around(Struct, frozen=True, kw_only=True):
    """An incident to look before. `there`: the page of the time before it."""

    name: str
    lane: str
    time: str
    there: str
    chosen: bool


class Point(Struct, frozen=True, kw_only=True):
    """Changes about one time on the line of time, in hundredths."""

    x: float
    tone: str
    changes: Sequence[Answer]


class Chronology(Struct, frozen=True, kw_only=True):
    """The changes on a line from the beginning of the time to its end."""

    points: Sequence[Point]
    axis: Axis


def draw_time(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    """The incidents to choose from, the lengths of time before, the times beside it, and the line of time."""
    since, until = moment(answer["since"]), moment(answer["until"])
    hours = asked.number("hours") or HOURS
    kept = {name: value for name, value in asked.request.query_params.items() if value}

    def address(**changed: object) -> str:
        given = {**kept, **changed}
        return f"?{urlencode({name: value for name, value in given.items() if value is not None})}"

    with asked.store() as connection:
        lanes = [(one["service"], one["environment"]) for one in answer["changes"]]
        services, environments = known_places(connection, asked.catalog, lanes)
    after = until + timedelta(hours=hours)
    later = f"{after:%Y-%m-%dT%H:%M:%SZ}" if after < asked.now else None
    return {
        "incidents": [_around(asked, one, hours) for one in _incidents(asked)],
        "windows": [(_spelled(each), address(hours=each), each == hours) for each in _WINDOWS],
        "earlier": address(at=f"{since:%Y-%m-%dT%H:%M:%SZ}"),
        "later": address(at=later) if until < asked.now else None,
        "how_long": _spelled(hours),
        "services_known": services,
        "environments_known": environments,
        "most_named": _MOST_NAMED,
        "most_hours": MOST_HOURS,
        "before": lambda change: span(max((until - moment(change["time"])).total_seconds(), 0)),
        "chronology": Chronology(
            points=sorted(_points(answer["changes"], since, until), key=lambda one: _TONES.index(one.tone)),
            axis=axis(since, until),
        ),
    }


def _spelled(hours: int) -> str:
    """`1 hour`, `24 hours`, `7 days`."""
    days, rest = divmod(hours, HOURS)
    return counted(hours, "hour") if rest or days < 2 else counted(days, "day")


def _points(changes: Sequence[Answer], since: datetime, until: datetime) -> Iterator[Point]:
    near: list[Answer] = []
    x = first = 0.0
    for one in sorted(changes, key=lambda one: moment(one["time"]), reverse=True):
        x = min(max((moment(one["time"]) - since) / (until - since), 0), 1) * 100
        if near and first - x > _APART:
            yield _point(first, near)
            near = []
        if not near:
            first = x
        near.append(one)
    if near:
        yield _point(first, near)


def _point(x: float, changes: Sequence[Answer]) -> Point:
    """The worst of its changes come first."""
    toned = [(change_look(one).tone, one) for one in changes]
    toned.sort(key=lambda one: -_TONES.index(one[0]))
    return Point(x=round(x, 2), tone=toned[0][0], changes=[one for _, one in toned])


def _incidents(asked: RequestContext) -> list[EventView]:
    """The first report of each of the newest incidents. Index: `ix_event_rare`."""
    wanted = Filter(type=_DETECTED, service=asked.option("service"), environment=asked.option("environment"))
    with asked.store() as connection:
        found, _ = events_before(connection, None, wanted, limit=_LOOKED_AT)
    first = {(one.service, one.environment, _named(one)): one for one in found}
    return sorted(first.values(), key=lambda one: one.time, reverse=True)[:_MOST_INCIDENTS]


def _around(asked: RequestContext, one: EventView, hours: int) -> Around:
    at = f"{one.time:%Y-%m-%dT%H:%M:%SZ}"
    given = {"environment": one.environment, "at": at, "hours": hours}
    return Around(
        name=_named(one) or "incident",
        lane=" in ".join(filter(None, (one.service, one.environment))),
        time=one.time.isoformat(),
        there=f"?{urlencode({name: value for name, value in given.items() if value is not None})}",
        chosen=asked.option("at") == at,
    )


def _named(one: EventView) -> str | None:
    try:
        return msgspec.json.decode(one.body, type=_Incident).incident
    except msgspec.ValidationError:
        return None
