"""`/blame`: what changed in the hours before."""

from collections.abc import Mapping
from typing import Any

from deploydb.query.pages.filters import State
from deploydb.query.pages.page import Answer, choices, options_of, pages_of
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
    kinds = {change["kind"]: _KINDS.get(change["kind"], _OTHER) for change in answer["changes"]}
    return {"kinds": kinds, **choices(asked)}


def _command(asked: RequestContext, _answer: Answer) -> list[str]:
    environment = asked.request.query_params.get("environment")
    return [
        "blame",
        *([environment] if environment else []),
        *options_of(asked, service="service", at="at", hours="hours"),
    ]


PAGES = pages_of(RESOURCES, "/blame", "blame.html", _command, _drawn)
