"""How what changed is named and looks: in the list of blame, and on the page of an environment."""

from collections.abc import Mapping
from typing import Any

from deploydb.query.pages.event_words import event_look
from deploydb.query.pages.filters import HOLDS, State

_LOOKS = {
    "deployed": State("sent", "busy", "deployed"),
    "failed": State("cross", "bad", "failed"),
    "retried": State("play", "wait", "retried"),
    "rolled back": State("alert", "bad", "rolled back"),
    "approved": State("ok", "good", "approved"),
    "accepted": State("ok", "good", "file accepted"),
    "refused": State("cross", "bad", "refused"),
    "overridden": State("alert", "bad", "overridden"),
    "held": State("pause", "wait", "held"),
    "released": State("play", "good", "released"),
    "promoted": State("alert", "wait", "promoted"),
    "hotfix": State("alert", "wait", "hotfix"),
    "incident": State("alert", "bad", "incident"),
    "incident over": State("ok", "good", "incident over"),
}
_HOLDS = {"held": "hold.placed", "released": "hold.lifted"}


def change_look(change: Mapping[str, Any]) -> State:
    """The icon, the tone and the words of a change; of a hold those that its events have."""
    kind, what = change["kind"], change["what"]
    if _is_hold(change):
        look = event_look(_HOLDS[kind], {"kind": what})
        return State(look.icon, look.tone, look.word.lower())
    return _LOOKS.get(kind, State("half", "off", kind))


def change_detail(change: Mapping[str, Any]) -> str | None:
    """What a change has beside its kind, where its words do not have it."""
    if _is_hold(change):
        return None
    what: str | None = change["what"]
    return f"failure response: {what}" if what is not None and change["kind"] == "failed" else what


def _is_hold(change: Mapping[str, Any]) -> bool:
    return change["kind"] in _HOLDS and change["what"] in HOLDS
