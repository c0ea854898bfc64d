"""`/diff`: what one environment runs and another does not."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from deploydb.query.environment_sequence import environments_in_order
from deploydb.query.pages.filters import State
from deploydb.query.pages.page import Answer, choices, narrowed, options_of, pages_of
from deploydb.query.request_context import RequestContext
from deploydb.query.resources.diff import RESOURCES, Diff, diff

_RELATIONS = {
    "same": State("ok", "good", "same"),
    "behind": State("clock", "wait", "behind"),
    "ahead": State("sent", "busy", "ahead"),
    "missing": State("alert", "bad", "missing"),
    "extra": State("drift", "wait", "alone"),
}


def _compared(asked: RequestContext) -> Diff:
    """Without two environments to compare: the last before the last one, and the last one."""
    known = [None, None, *environments_in_order(asked.catalog)]
    options = {
        "from": asked.option("from") or known[-2],
        "to": asked.option("to") or known[-1],
        "service": asked.option("service"),
        "at": asked.option("at"),
    }
    return diff(narrowed(asked, options))


def _drawn(asked: RequestContext, _answer: Answer) -> Mapping[str, Any]:
    return {"relations": _RELATIONS, **choices(asked)}


def _command(asked: RequestContext, answer: Answer) -> list[str]:
    return ["diff", answer["from"], answer["to"], *options_of(asked, service="service", at="at")]


PAGES = tuple(replace(page, read=_compared) for page in pages_of(RESOURCES, "/diff", "diff.html", _command, _drawn))
