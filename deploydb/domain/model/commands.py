"""What DeployDB tells: an orchestrator what to do, in the imperative, and everybody what has happened."""

from typing import Literal

from msgspec import Struct

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.facts import Time

EXCHANGE = "deploydb.commands"
"""Where commands are published."""


class Previous(Struct, frozen=True, kw_only=True):
    """What the environment runs before the command."""

    version: str
    deployment: int


class DeployCommand(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Put `artifact` into `environment`. `id` never changes: a consumer that has seen it does nothing.

    `manifest` names every artifact of the service at the version to run, the new one among them. `deadline`: no
    `deployment.finished` by then, and the deployment counts as failed; None: it is waited for as long as it takes.
    """

    type: Literal["deploy", "rollback"]
    id: str
    deployment: int
    flow: int | None
    service: str
    environment: str
    artifact: Artifact
    manifest: tuple[Artifact, ...]
    reason: str
    attempt: int
    deadline: Time | None = None
    previous: Previous | None = None

    @property
    def routing_key(self) -> str:
        """Environment first: an orchestrator's queue is bound by the environments that name it."""
        return f"{self.environment}.{self.service}.{self.type}"


NOTIFICATIONS = "deploydb.notifications"
"""The exchange of notifications: for every queue that is bound to it."""

NotificationType = Literal[
    "deployment.requested",
    "deployment.started",
    "deployment.finished",
    "deployment.succeeded",
    "deployment.failed",
    "deployment.skipped",
    "approval.wanted",
    "verdict.changed",
    "gate.errored",
]
"""
deployment.requested  its command is decided
deployment.started    the orchestrator has begun
deployment.finished   the orchestrator has ended it, with an `outcome`
deployment.succeeded  all of its promotions have passed
deployment.failed     it has failed, and no retry is left: `failure_response` says what follows
deployment.skipped    it never will be deployed
approval.wanted       a gate waits for people: `reason` says for whom
verdict.changed       a gate gives another `verdict` than before, in the `phase` entry or exit
gate.errored          a gate cannot tell
"""
ALWAYS_SENT: frozenset[str] = frozenset(("deployment.failed", "gate.errored"))
"""Rare, and for people at once: sent whether a webhook is for them or not."""


class Notification(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of a deployment's state. `id` never changes: a consumer that has seen it does nothing.

    `failure_response`: what a failure led to. `promotion`: the gate that has changed, or that cannot tell.
    `groups`, `until`: who may approve, and until when.
    """

    type: NotificationType
    id: str
    time: Time
    deployment: int
    flow: int | None
    kind: str
    service: str
    environment: str
    artifact: Artifact
    attempt: int
    reason: str
    failure_response: str | None = None
    outcome: str | None = None
    phase: str | None = None
    verdict: str | None = None
    groups: tuple[str, ...] = ()
    until: Time | None = None
    promotion: str | None = None
    url: str | None = None

    @property
    def routing_key(self) -> str:
        """What, where, of what."""
        return f"{self.type}.{self.environment}.{self.service}"
