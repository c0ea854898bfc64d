"""A notification of each type, with all that one of its type may have: to try what is made of them."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.commands import Notification, NotificationType

_TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_LATER = datetime(2026, 1, 2, 6, 0, tzinfo=UTC)
_GATE = {"promotion": "smoke", "phase": "exit", "verdict": "PASS"}
_LANE = {"service": "storefront", "environment": "prod"}
_HOLD = {"kind": "freeze", **_LANE, "by": "alice", "hold": "audit"}
_WISH = {**_LANE, "version": "1.4.1", "by": "alice"}
_ABOUT: dict[NotificationType, dict[str, Any]] = {
    "flow.opened": {"flow": 3, "service": "storefront"},
    "hold.placed": {**_HOLD, "begins": _TIME, "until": _LATER},
    "hold.lifted": _HOLD,
    "rollback.requested": _WISH,
    "rollback.refused": _WISH,
    "configuration.changed": {"digest": "c" * 64, "differences": ("environments/prod.yml: deadline 1h is now 2h",)},
}
"""Of those that are about no deployment."""
_MORE: dict[str, dict[str, Any]] = {
    "deployment.finished": {"outcome": "succeeded"},
    "deployment.failed": {"failure_response": "rollback"},
    "rollback.started": {"kind": "rollback"},
    "rollback.succeeded": {"kind": "rollback"},
    "rollback.failed": {"kind": "rollback", "failure_response": "stop"},
    "approval.wanted": {**_GATE, "verdict": "PENDING", "groups": ("sre",), "until": _LATER},
    "verdict.changed": _GATE,
    "gate.errored": {"promotion": "smoke"},
    "freeze.overridden": {**_GATE, "promotion": "freeze", "phase": "entry", "by": "alice"},
}


def example_of(type_: NotificationType) -> Notification:
    """An example of the type."""
    artifact = Artifact(group="com.example", name="storefront", version="1.4.2")
    plain = Notification(type=type_, id="7d1f6a52-0e9b-5c3e-8f4a-2b6c1d0e9f3a", time=_TIME, reason="an example")
    if type_ in _ABOUT:
        named = {"artifact": artifact} if type_ == "flow.opened" else {}
        return replace(plain, **_ABOUT[type_], **named)
    lane = {**_LANE, "deployment": 7, "flow": 3, "kind": "deploy", "artifact": artifact, "attempt": 1}
    return replace(plain, **lane | {"url": "https://ci.example.com/7"} | _MORE.get(type_, {}))
