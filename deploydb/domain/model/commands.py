"""What DeployDB tells: an orchestrator what to do, in the imperative, and everybody what has happened."""

from typing import Literal

from msgspec import Struct, field

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
    "flow.opened",
    "deployment.requested",
    "deployment.started",
    "deployment.finished",
    "deployment.succeeded",
    "deployment.failed",
    "deployment.skipped",
    "approval.wanted",
    "verdict.changed",
    "gate.errored",
    "freeze.overridden",
    "hold.placed",
    "hold.lifted",
    "rollback.requested",
    "rollback.refused",
    "rollback.started",
    "rollback.succeeded",
    "rollback.failed",
    "configuration.changed",
]
WHEN: dict[NotificationType, str] = {
    "flow.opened": "a version is on its way through the service's environments",
    "deployment.requested": "its command is decided",
    "deployment.started": "the orchestrator has begun",
    "deployment.finished": "the orchestrator has ended it, with an `outcome`",
    "deployment.succeeded": "all of its promotions have passed",
    "deployment.failed": "it has failed, and no retry is left: `failure_response` says what follows",
    "deployment.skipped": "it never will be deployed",
    "approval.wanted": "a gate waits for people: `reason` says for whom",
    "verdict.changed": "a gate gives another `verdict` than before, in the `phase` entry or exit",
    "gate.errored": "a gate cannot tell",
    "freeze.overridden": "a deployment passes the freezes over its environment, by a person's word",
    "hold.placed": "a person has placed a hold of a `kind`: pin, veto, freeze or pause",
    "hold.lifted": "a person has lifted one, or without `hold` each of its kind and scope",
    "rollback.requested": "a person wants what ran before back",
    "rollback.refused": "what a person wanted is not made",
    "rollback.started": "the command of a rollback is decided, for a person or after a failure",
    "rollback.succeeded": "what ran before runs again",
    "rollback.failed": "the rollback has failed, and no retry is left",
    "configuration.changed": "another configuration is in force: its `digest`, and its `differences` from the last one",
}
"""When each is sent."""
ALWAYS_SENT: frozenset[str] = frozenset(("deployment.failed", "gate.errored"))
"""Rare, and for people at once: sent whether a webhook is for them or not."""
NO_NAME = "-"
"""In a routing key, in the place of an environment or a service that a notification does not name. No file has the
name."""


class Notification(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of state. `id` never changes: a consumer that has seen it does nothing.

    About a deployment: it has all fields from `deployment` to `attempt`; about anything else: those that it names.
    `failure_response`: what a failure led to. `promotion`: the gate that has changed, or that cannot tell.
    `groups`, `until`: who may approve, and until when; of a hold until when it stands, and `from` when.
    `by`: whose word it is. `version`: of a hold or a person's rollback, the one that is meant.
    """

    type: NotificationType
    id: str
    time: Time
    deployment: int | None = None
    flow: int | None = None
    kind: str | None = None
    service: str | None = None
    environment: str | None = None
    artifact: Artifact | None = None
    attempt: int | None = None
    reason: str
    failure_response: str | None = None
    outcome: str | None = None
    phase: str | None = None
    verdict: str | None = None
    groups: tuple[str, ...] = ()
    until: Time | None = None
    promotion: str | None = None
    url: str | None = None
    by: str | None = None
    version: str | None = None
    hold: str | None = None
    begins: Time | None = field(default=None, name="from")
    digest: str | None = None
    differences: tuple[str, ...] = ()

    @property
    def routing_key(self) -> str:
        """What, where, of what."""
        return f"{self.type}.{self.environment or NO_NAME}.{self.service or NO_NAME}"
