"""The pages of one answer each, with filters in the address: diff, operations, where and why, and those of views."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import msgspec
from msgspec.structs import replace

from deploydb.query.environment_sequence import environments_in_order
from deploydb.query.pages.blame import draw_time
from deploydb.query.pages.dora import SORT, draw_dora
from deploydb.query.pages.expectations import expectations
from deploydb.query.pages.filters import State
from deploydb.query.pages.hold_chips import hold_chips
from deploydb.query.pages.inbox import draw_inbox
from deploydb.query.pages.page import Answer, Page, choices, narrowed, options_of, page_of, pages_beside, stream_of
from deploydb.query.pages.stops import verdict, way
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import PAGING, text
from deploydb.query.resources import diff, operations, why
from deploydb.query.resources.where import Where, where
from deploydb.query.view import View
from deploydb.query.views import views
from deploydb.store.queries.deployments import deployment_by_id, deployments_of_flow

_RELATIONS = {
    "same": State("ok", "good", "same"),
    "behind": State("clock", "wait", "behind"),
    "ahead": State("sent", "busy", "ahead"),
    "missing": State("alert", "bad", "missing"),
    "extra": State("drift", "wait", "only"),
}
"""`missing` and `only` are in an environment."""
_COMPARED_ON_A_PAGE = 100


def _draw_blame(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    return {**draw_time(asked, answer), **choices(asked)}


def _compared(asked: RequestContext) -> diff.Diff:
    """Without two environments to compare: the last before the last one, and the last one."""
    known = [None, None, *environments_in_order(asked.catalog)]
    options = {name: asked.option(name) for name in ("from", "to", "service", "at", *PAGING)}
    options |= {"from": options["from"] or known[-2], "to": options["to"] or known[-1]}
    options["perPageSize"] = options["perPageSize"] or str(_COMPARED_ON_A_PAGE)
    return diff.diff(narrowed(asked, options))


def _draw_diff(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    return {"relations": _RELATIONS, "beside": pages_beside(asked, more=answer["more"]), **choices(asked)}


def _found(asked: RequestContext) -> Where:
    what = asked.option("what")
    return where(narrowed(asked, {}, {"what": what.strip()})) if what else Where(what="", artifacts=[], more=False)


def _draw_why(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    """The stream is of the whole service: what holds a version may be in the stages before. Of a time in the past there
    is the table alone: a drawing has ages and bars of now."""
    is_past = asked.option("at") is not None
    there = [] if is_past else [stage["environment"] for stage in answer["stages"]]
    expected = {} if is_past or not answer["stages"] else _expected(asked, answer["stages"][-1]["deployment"])
    attempts = [{"stage": stage, "kind": "deploy", "attempt": 1} for stage in answer["stages"]]
    return {
        "stream": None if is_past else stream_of(service=answer["service"]),
        "way": way(
            [] if is_past else attempts, expected, hold_chips(asked, answer["service"], answer["version"], there)
        ),
        "verdict": verdict,
    }


def _expected(asked: RequestContext, deployment: int) -> Mapping[str, Answer]:
    """When the release of a deployment is expected in the stages of its flow, as the page of the flow has it."""
    with asked.store() as connection:
        meant = deployment_by_id(connection, deployment)
        flow = meant.flow if meant is not None else None
        deployments = deployments_of_flow(connection, asked.catalog, flow) if flow is not None else []
    found = expectations(asked, flow, deployments) if flow is not None else {}
    return {name: msgspec.to_builtins(one) for name, one in found.items()}


def _draw_where(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    """`change`: a row a service and artifact, with its places by environment."""
    rows = [
        {"service": service, "artifact": found, "places": {one["environment"]: one for one in places}}
        for found in answer["artifacts"]
        for service, places in groupby(found["places"], key=lambda one: str(one["service"]))
    ]
    there = {name for row in rows for name in row["places"]}
    known = [name for name in environments_in_order(asked.catalog) if name in there]
    return {"change": {"environments": [*known, *sorted(there - {*known})], "rows": rows}}


_DRAWN = {"blame": _draw_blame, "dora": draw_dora, "inbox": draw_inbox}
"""Of the views whose templates have more than the answer and what filters offer."""
_SORTED = {"dora": (SORT,)}
"""Parameters of pages alone."""


def _page_of_view(view: View) -> Page:
    assert view.template is not None  # noqa: S101  # it has a page
    page = page_of(view.resolved(), view.template, _DRAWN.get(view.name, lambda asked, _: choices(asked)), view.title)
    return replace(page, parameters=(*page.parameters, *_SORTED.get(view.name, ())))


PAGES = (
    page_of(
        why.RESOURCES[0],
        "why.html",
        _draw_why,
    ),
    replace(
        page_of(diff.RESOURCES[0], "diff.html", _draw_diff, "Diff"),
        read=_compared,
        command=lambda asked, answer: ["diff", answer["from"], answer["to"], *options_of(asked, "service", "at")],
    ),
    Page(
        path="/where",
        template="where.html",
        read=_found,
        command=lambda _asked, answer: ["where", answer["what"] or "COMMIT"],
        drawn=_draw_where,
        parameters=(text("what", "A commit, a digest, a package URL, GROUP:NAME:VERSION or a version."),),
    ),
    replace(
        page_of(operations.RESOURCES[0], "operations.html", lambda _asked, _answer: {}, "Operations"),
        command=lambda _asked, _answer: ["doctor"],
    ),
    *(_page_of_view(view) for view in views() if view.template is not None),
)
