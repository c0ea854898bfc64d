"""`/audit`: the log, with filters in the address, page after page."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace

from deploydb.domain.formatting import span
from deploydb.query.pages.filters import moment
from deploydb.query.pages.page import Answer, page_of
from deploydb.query.request_context import RequestContext
from deploydb.query.resources import events

_WITH_COLUMNS = ("type", "id", "source", "time", "service", "environment", "artifact", "catalog", "by", "who")
_NOTHING: tuple[Any, ...] = (None, "", [])
_MOST_WITH_COLUMNS, _LONGEST_WITH_COLUMNS = 8, 200
_LATE_SECONDS = 60


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    kept = [(name, value) for name, value in asked.request.query_params.multi_items() if name != "before"]
    onward = None if answer["next"] is None else f"?{urlencode([*kept, ('before', answer['next'])])}"
    return {
        "onward": onward,
        "first": f"?{urlencode(kept)}",
        "services": sorted(asked.catalog.services),
        "summary": _summary,
        "whole": _whole,
        "lateness": _lateness,
    }


def _summary(event: Any) -> str:  # noqa: ANN401  # an event of the body
    """The fields of a row that have no column of their own."""
    body = event["body"]
    if not isinstance(body, dict):
        return _short(body)
    if "reason" in event:
        body = {**body, "reason": event["reason"]["text"]}
    artifact = body.get("artifact")
    named = [f"{artifact.get('name')} {artifact.get('version')}"] if isinstance(artifact, dict) else []
    rest = [
        f"{name}: {_short(value)}"
        for name, value in body.items()
        if name not in _WITH_COLUMNS and value not in _NOTHING and not isinstance(value, dict)
    ]
    return " · ".join([*named, *rest][:_MOST_WITH_COLUMNS])


def _short(value: Any) -> str:  # noqa: ANN401  # any JSON
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST_WITH_COLUMNS else f"{text[:_LONGEST_WITH_COLUMNS]}…"


def _whole(body: Any) -> str:  # noqa: ANN401  # any JSON
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode()


def _lateness(row: Any) -> str | None:  # noqa: ANN401  # an event of the body
    """How much later than it happened it was known, where that is worth a word."""
    late = (moment(row["recordedAt"]) - moment(row["time"])).total_seconds()
    return span(late) if late >= _LATE_SECONDS else None


PAGES = (replace(page_of(events.RESOURCES[0], "audit.html", _drawn, "Audit"), path="/audit"),)
