"""`/status`: the matrix, a row a service, a column an environment."""

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

from deploydb.query.pages.filters import moment
from deploydb.query.pages.page import Answer, choices, page_of, stream_of
from deploydb.query.request_context import RequestContext
from deploydb.query.resources import status


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    rows: dict[str, dict[str, Any]] = {}
    for lane in answer["lanes"]:
        modules = {one["module"] for one in (*lane["running"], *lane["pending"])}
        rows.setdefault(lane["service"], {})[lane["environment"]] = {**lane, "several": len(modules) > 1}
    reference = answer["at"] or answer["knownAt"]
    return {
        "rows": list(rows.items()),
        **choices(asked),
        "stream": stream_of(service=asked.option("service"), environment=asked.option("environment"))
        if reference is None
        else None,
        "reference": moment(reference) if reference is not None else None,
        "fingerprint": _fingerprint,
    }


def _fingerprint(lane: Any) -> str:  # noqa: ANN401  # a lane of the body
    """The same as long as the lane is: so that a browser can tell which have changed."""
    return f"{zlib.crc32(msgspec.json.encode(lane)):x}"


PAGES = (page_of(status.RESOURCES[0], "status.html", _drawn, "Status"),)
