"""`/dora`: the four figures, each with its sample size and its definition, and the days they come from."""

from collections.abc import Mapping
from typing import Any

from deploydb.query.pages.page import Answer, choices, options_of, pages_of
from deploydb.query.pages.svg import columns
from deploydb.query.request_context import RequestContext
from deploydb.query.resources.dora import RESOURCES, WINDOW


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    days = answer["days"]
    return {
        "columns": columns([day["deployments"] for day in days], [day["failures"] for day in days]),
        "most": max((day["deployments"] for day in days), default=0),
        "window": asked.option("window") or WINDOW,
        **choices(asked),
    }


def _command(asked: RequestContext, _answer: Answer) -> list[str]:
    return ["dora", *options_of(asked, service="service", environment="environment", window="window")]


PAGES = pages_of(RESOURCES, "/dora", "dora.html", _command, _drawn)
