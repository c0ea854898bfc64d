"""`/audit`: the log as a stream of days, with filters in the address, page after page."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.formatting import span
from deploydb.domain.model.catalog import Catalog
from deploydb.query.pages.event_words import TYPES, event_look
from deploydb.query.pages.filters import State, absolute, moment, segment, why_address
from deploydb.query.pages.page import Answer, choices, page_of
from deploydb.query.request_context import RequestContext
from deploydb.query.resources import events
from deploydb.query.unknown_names import known_places
from deploydb.store.queries.events import event_deployments
from deploydb.store.queries.unmatched import unmatched_among

ON_A_PAGE = 50
_FIELDS = (
    "until",
    "skip",
    "attempt",
    "failure_response",
    "incident",
    "signer",
    "digest",
    "host",
    "clock",
    "origin",
    "sender",
)
"""Of a body: those that an entry has beside its reason. The others are in its details."""
_LONGEST_FIELD, _LONGEST_BODY = 200, 8_000
_LATE_SECONDS = 60
_RANGES = (("1 hour", timedelta(hours=1)), ("24 hours", timedelta(days=1)), ("7 days", timedelta(days=7)))


class Known(Struct, frozen=True, kw_only=True):
    """What the store has beside some rows: the services and environments of them that exist, the deployments that rows
    are about, by their numbers, each with its version, and the rows that match nothing."""

    services: set[str]
    environments: set[str]
    deployments: Mapping[int, tuple[int, str]]
    unmatched: set[int]


class Entry(Struct, frozen=True, kw_only=True):
    """A row of the log as the stream has it. `links`: words with the addresses that they lead to, None for what is not
    known; `fields`: the rest of the body in words; `late`: how much later than it happened it was recorded."""

    row: Answer
    look: State
    links: Sequence[tuple[str, str | None]]
    fields: Sequence[str]
    url: str | None
    whole: str
    late: str | None


def events_of_page(asked: RequestContext) -> events.Events:
    """A page of the log, newest first; `next` is the `before` of the page that follows it, null after the last."""
    return events.events(asked, size=ON_A_PAGE, strict=False)


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    kept = dict(asked.request.query_params)
    kept.pop("before", None)
    filters = {name: value for name, value in kept.items() if name != "perPageSize"}

    def address(**changed: object) -> str:
        given = {**filters, **changed}
        return f"?{urlencode({name: value for name, value in given.items() if value is not None})}"

    unknown = []
    with asked.store() as connection:
        known = _known(connection, asked.catalog, answer["events"])
        if not answer["events"]:
            unknown = events.unknown_filters(connection, asked.catalog, events.filter_of(asked))
    people = {person for group in asked.catalog.groups.values() for person in group}
    return {
        **choices(asked),
        "days": list(_days(answer["events"], known)),
        "known": known,
        "unknown": unknown,
        "types": TYPES,
        "people": sorted(people | {row["who"] for row in answer["events"] if row["who"]}),
        "ranges": [
            (name, address(since=f"{asked.now - back:%Y-%m-%dT%H:%M:%SZ}", until=None)) for name, back in _RANGES
        ],
        "address_of": address,
        "onward": None if answer["next"] is None else f"?{urlencode({**kept, 'before': answer['next']})}",
        "first": f"?{urlencode(kept)}",
        "exported": f"?{urlencode(filters)}" if filters else "",
    }


def _known(connection: sa.Connection, catalog: Catalog, rows: Sequence[Answer]) -> Known:
    numbers = [row["number"] for row in rows]
    services, environments = known_places(connection, catalog, ((row["service"], row["environment"]) for row in rows))
    return Known(
        services=services,
        environments=environments,
        deployments=event_deployments(connection, numbers),
        unmatched=unmatched_among(connection, catalog, numbers),
    )


def _days(rows: Sequence[Answer], known: Known) -> Iterator[tuple[datetime, list[Entry]]]:
    """The rows of each day of UTC on which they were recorded."""
    for _, of_day in groupby(rows, key=lambda row: moment(row["recordedAt"]).astimezone(UTC).date()):
        entries = [_entry(row, known) for row in of_day]
        yield moment(entries[0].row["recordedAt"]).astimezone(UTC), entries


def _entry(row: Answer, known: Known) -> Entry:
    body = row["body"] if isinstance(row["body"], dict) else {}
    late = (moment(row["recordedAt"]) - moment(row["time"])).total_seconds()
    return Entry(
        row=row,
        look=event_look(row["type"], body, matches=row["number"] not in known.unmatched),
        links=list(_links(row, body, known)),
        fields=list(_fields(row["body"])),
        url=body["url"] if isinstance(body.get("url"), str) else None,
        whole=_whole(row["body"]),
        late=span(late) if late >= _LATE_SECONDS else None,
    )


def _links(row: Answer, body: Mapping[str, Any], known: Known) -> Iterator[tuple[str, str | None]]:
    """The version, with the page that says most of it; then the flow."""
    deployment, flow, artifact = (body.get(name) for name in ("deployment", "flow", "artifact"))
    meant, its_version = known.deployments.get(row["number"], (deployment, None))
    version = body.get("version") or its_version
    named = [artifact.get(name) for name in _COORDINATE] if isinstance(artifact, dict) else []
    module = [part for part in named if isinstance(part, str)]
    if len(module) == len(_COORDINATE):
        yield f"{module[1]} {module[2]}", f"/where?what={segment(':'.join(module))}"
    elif isinstance(version, str) and version:
        if _is_number(meant):
            yield version, f"/deployments/{meant}"
        elif _is_number(artifact):
            yield version, f"/artifacts/{artifact}"
        elif row["number"] in known.unmatched:
            yield version, None
        elif row["service"] in known.services and row["environment"] in known.environments:
            yield version, why_address(row["service"], row["environment"], version)
        else:
            yield version, f"/where?what={segment(version)}"
    elif _is_number(meant):
        yield f"deployment {meant}", f"/deployments/{meant}"
    if _is_number(flow):
        yield f"flow {flow}", f"/flows/{flow}"


_COORDINATE = ("group", "name", "version")


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _fields(body: Any) -> Iterator[str]:  # noqa: ANN401  # any JSON
    if not isinstance(body, dict):
        yield _short(body)
        return
    for name in ("promotion", "reason", "comment"):
        if isinstance(body.get(name), str) and body[name]:
            yield _short(body[name])
    for name in _FIELDS:
        if body.get(name):
            yield f"{name.replace('_', ' ')}: {_short(_time(body[name]) if name == 'until' else body[name])}"


def _time(value: Any) -> Any:  # noqa: ANN401  # any JSON
    """A time as pages have it; what is none as it is."""
    try:
        return absolute(value)
    except (TypeError, ValueError, OverflowError):
        return value


def _short(value: Any, longest: int = _LONGEST_FIELD) -> str:  # noqa: ANN401  # any JSON
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= longest else f"{text[:longest]}…"


def _whole(body: Any) -> str:  # noqa: ANN401  # any JSON
    return _short(msgspec.json.format(msgspec.json.encode(body), indent=2).decode(), _LONGEST_BODY)


PAGES = (replace(page_of(events.RESOURCES[0], "audit.html", _drawn, "Audit"), path="/audit", read=events_of_page),)
