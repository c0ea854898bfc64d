"""How rows of the log are named and look: by their type, and by what came of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from deploydb.query.pages.filters import HOLDS, STATES, State

_OFF = State("half", "off", "")
_GROUPS: dict[str, dict[str, State]] = {
    "Releases": {
        "artifact.published": State("sent", "busy", "Release published"),
        "artifact.accepted": State("ok", "good", "File accepted"),
        "artifact.attested": State("ok", "good", "Attestation"),
        "flow.opened": State("sent", "busy", "Flow opened"),
        "flow.extended": State("sent", "busy", "Flow extended"),
    },
    "Deployments": {
        "deployment.requested": State("sent", "busy", "Deployment commanded"),
        "deployment.started": State("play", "busy", "Deployment started"),
        "deployment.finished": State("half", "busy", "Deployment finished"),
        "deployment.succeeded": State("ok", "good", "Deployment succeeded"),
        "deployment.failed": State("cross", "bad", "Deployment failed"),
        "failure.counted": State("cross", "bad", "Failure counted"),
        "deployment.skipped": State("slash", "off", "Deployment skipped"),
        "deployment.expired": State("alert", "bad", "Deployment expired"),
        "deployment.attempted": State("play", "wait", "Attempt scheduled"),
        "environment.changed": State("ok", "good", "Runs now"),
        "deployment.ran": State("ok", "good", "Ran before"),
        "deployment.observed": State("drift", "wait", "Version observed"),
        "deployment.recorded": replace(_OFF, word="Deployment recorded"),
        "deployment.adopted": replace(_OFF, word="Deployment adopted"),
        "deployment.extended": replace(_OFF, word="Deadline extended"),
        "deployment.replaced": replace(_OFF, word="Deployment replaced"),
        "deployment.corrected": replace(_OFF, word="Deployment corrected"),
        "deployment.resumed": State("play", "busy", "Deployment resumed"),
        "deployment.closed": replace(_OFF, word="Deployment closed"),
    },
    "Gates": {
        "approval.given": State("ok", "good", "Approved"),
        "approval.refused": State("cross", "bad", "Refused"),
        "verdict.changed": State("clock", "wait", "Gate"),
        "verification.finished": State("half", "busy", "Check reported"),
        "check.scheduled": State("clock", "wait", "Check scheduled"),
    },
    "Orders": {
        "hold.placed": State("pause", "wait", "Hold placed"),
        "hold.lifted": State("play", "good", "Hold lifted"),
        "promotion.requested": State("alert", "wait", "Promotion ordered"),
        "hotfix.declared": State("alert", "wait", "Hotfix declared"),
        "rollback.requested": State("alert", "bad", "Rollback ordered"),
        "rollback.answered": replace(_OFF, word="Rollback answered"),
        "retry.requested": State("play", "wait", "Retry ordered"),
        "retry.answered": replace(_OFF, word="Retry answered"),
    },
    "Incidents": {
        "incident.detected": State("alert", "bad", "Incident"),
        "incident.resolved": State("ok", "good", "Incident over"),
    },
    "Installation": {
        "configuration.changed": State("half", "busy", "Configuration changed"),
        "fact.matched": replace(_OFF, word="Fact matched"),
        "event.unused": State("slash", "off", "Event without use"),
        "duplicate.differed": State("alert", "wait", "Duplicate differed"),
        "clock.skewed": State("clock", "wait", "Clock ahead"),
        "service.evaluated": replace(_OFF, word="Explanations"),
    },
}
TYPES: Mapping[str, Sequence[tuple[str, str]]] = {
    group: [(type_, look.word) for type_, look in looks.items()] for group, looks in _GROUPS.items()
}
"""By the names of their groups: the types of events, each with its words."""
_LOOKS = {type_: look for looks in _GROUPS.values() for type_, look in looks.items()}
_OUTCOMES = {
    "succeeded": STATES["SUCCESS"],
    "passed": STATES["PASS"],
    "failed": STATES["FAILED"],
    "errored": STATES["ERROR"],
    "pending": STATES["PENDING"],
    **{verdict: STATES[verdict] for verdict in ("PASS", "PENDING", "FAIL", "ERROR")},
}


def event_look(type_: str, body: Mapping[str, Any], *, matches: bool = True) -> State:
    """The icon, the tone and the words of an event. An outcome, a verdict or a kind of hold in its body says more. What
    matches nothing is none of that: it has changed nothing."""
    look = _look(type_, body)
    return look if matches else State("slash", "wait", f"{look.word}, matches nothing")


def _look(type_: str, body: Mapping[str, Any]) -> State:
    look = _LOOKS.get(type_, replace(_OFF, word=type_))
    came_of_it = _known(_OUTCOMES, body.get("outcome")) or _known(_OUTCOMES, body.get("verdict"))
    if came_of_it is not None:
        return replace(came_of_it, word=f"{look.word}: {came_of_it.word}")
    kind = _known(HOLDS, body.get("kind")) if type_.startswith("hold.") else None
    if kind is None:
        return look
    word = f"{str(body['kind']).capitalize()} {type_.removeprefix('hold.')}"
    return replace(kind if type_ == "hold.placed" else look, word=word)


def _known(looks: Mapping[str, State], name: object) -> State | None:
    return looks.get(name) if isinstance(name, str) else None
