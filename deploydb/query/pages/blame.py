"""`/blame`: what changed in the hours before."""

from collections.abc import Mapping
from typing import Any

from deploydb.query.environment_sequence import environments_in_order
from deploydb.query.pages.filters import State
from deploydb.query.pages.page import Answer, Page, options_of
from deploydb.query.request_context import RequestContext
from deploydb.query.resources.blame import RESOURCES

_KINDS = {
    "deployed": State("sent", "busy", "deployed"),
    "failed": State("cross", "bad", "failed"),
    "retried": State("play", "wait", "retried"),
    "rolled back": State("alert", "bad", "rolled back"),
    "approved": State("ok", "good", "approved"),
    "refused": State("cross", "bad", "refused"),
    "overridden": State("alert", "bad", "overridden"),
    "held": State("pause", "wait", "held"),
    "released": State("play", "good", "released"),
    "hotfix": State("alert", "wait", "hotfix"),
    "incident": State("alert", "bad", "incident"),
    "incident over": State("ok", "good", "incident over"),
}
_OTHER = State("half", "off", "")


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    return {
        "kinds": {one["kind"]: _KINDS.get(one["kind"], _OTHER) for one in answer["changes"]},
        "environments": environments_in_order(asked.catalog),
        "services": sorted(asked.catalog.services),
    }


def _command(asked: RequestContext, _answer: Answer) -> list[str]:
    environment = asked.request.query_params.get("environment")
    return [
        "blame",
        *([environment] if environment else []),
        *options_of(asked, service="service", at="at", hours="hours"),
    ]


PAGES = tuple(
    Page(
        path="/blame",
        template="blame.html",
        read=resource.read,
        command=_command,
        drawn=_drawn,
        parameters=resource.parameters,
        momentary=resource.momentary,
    )
    for resource in RESOURCES
)
