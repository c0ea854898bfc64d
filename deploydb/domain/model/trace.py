"""The place of a message in a trace, as W3C's Trace Context has it (https://www.w3.org/TR/trace-context/).

It decides nothing, and is no part of a fact: a duplicate with another one is a duplicate.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")
_PREFIXES = ("", "ce-", "ce_", "cloudEvents:", "cloudEvents_")
"""Of the headers: W3C's own, and those of CloudEvents' extension for distributed tracing."""


class TraceContext(Struct, frozen=True, kw_only=True):
    """A span of a trace. `traceparent` has 55 characters of ASCII; `tracestate` has at most 512, and is for tools."""

    traceparent: str
    tracestate: str | None = None

    @property
    def trace_id(self) -> str:
        """Of the trace, 32 digits."""
        return self.traceparent[3:35]

    @property
    def is_sampled(self) -> bool:
        """Whether its sender may have recorded it."""
        return int(self.traceparent[-2:], 16) & 1 == 1

    def headers(self) -> dict[str, str]:
        """The headers of a message or request that is part of it."""
        state = {"tracestate": self.tracestate} if self.tracestate is not None else {}
        return {"traceparent": self.traceparent, **state}


def trace_context(traceparent: str | None, tracestate: str | None = None) -> TraceContext | None:
    """None without a `traceparent`, or with a wrong one. A wrong `tracestate` is left out."""
    if traceparent is None or _TRACEPARENT.fullmatch(traceparent) is None:
        return None
    state = tracestate if tracestate is not None and _TRACESTATE.fullmatch(tracestate) else None
    return TraceContext(traceparent=traceparent, tracestate=state)


def trace_of(headers: Mapping[str, str]) -> TraceContext | None:
    """The place that the headers name; None where they name none."""
    named = [one for one in _PREFIXES if f"{one}traceparent" in headers]
    found = (trace_context(headers[f"{one}traceparent"], headers.get(f"{one}tracestate")) for one in named)
    return next(filter(None, found), None)


def place_in(trace: TraceContext | None, given: TraceContext | None) -> TraceContext | None:
    """Where a message belongs that has a place `given`, and is about what has a `trace`: there, unless it is of the
    same trace."""
    return given if trace is None or (given is not None and given.trace_id == trace.trace_id) else trace
