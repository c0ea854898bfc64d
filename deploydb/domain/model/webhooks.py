"""Addresses that are called when something changes its state."""

from collections.abc import Iterator
from typing import Literal, get_args

from msgspec import Struct

from deploydb.domain.model.commands import Notification, NotificationType

WebhookFormat = Literal["json", "cloudevents", "cdevents", "slack", "teams", "pagerduty", "template"]
TYPES: tuple[NotificationType, ...] = get_args(NotificationType)
PAGED = ("deployment.failed", "gate.errored", "deployment.succeeded")
"""The types of PagerDuty: two trigger an incident of a lane, and a success there resolves it."""
CodeHost = Literal["github", "gitlab"]
REPORTED: tuple[NotificationType, ...] = (
    "deployment.requested",
    "deployment.started",
    "deployment.finished",
    "deployment.succeeded",
    "deployment.failed",
)
"""The types that are reported to a code host."""
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"


class DeploymentWebhooks(Struct, frozen=True, kw_only=True):
    """URLs by the state that a deployment reached."""

    created: tuple[str, ...] | None = None
    started: tuple[str, ...] | None = None
    completed: tuple[str, ...] | None = None
    verified: tuple[str, ...] | None = None
    failed: tuple[str, ...] | None = None


class PromotionWebhooks(Struct, frozen=True, kw_only=True):
    """URLs by the state that a promotion reached."""

    completed: tuple[str, ...] | None = None


class Webhooks(Struct, frozen=True, kw_only=True):
    """Who is called when something changes state."""

    deployment: DeploymentWebhooks | None = None
    promotion: PromotionWebhooks | None = None

    def urls(self, hook: "Hook") -> tuple[str, ...]:
        """The addresses of one list."""
        lists = getattr(self, hook.subject)
        return (getattr(lists, hook.state) or ()) if lists is not None else ()

    def types(self) -> Iterator[str]:
        """The types of the notifications that some list is for."""
        return (type_ for type_, hook in HOOKS.items() if self.urls(hook))


class Endpoint(Struct, frozen=True, kw_only=True):
    """A webhook with a name. `url_from` and `secret_from` name environment variables; `secret_from` has the secrets to
    sign with, a new and an old one, or the key of PagerDuty. `types`: of its notifications; `services` and
    `environments`: of these alone, or of all. `template`: of the body, and `content_type`: what it makes, where the
    format is `template`. With `report` it is no address but a code host, whose API is at `url`: `repository` there,
    and `token_from`, the variable with its token."""

    ident: str
    url: str | None = None
    url_from: str | None = None
    types: tuple[NotificationType, ...] = TYPES
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    format: WebhookFormat = "json"
    secret_from: tuple[str, ...] = ()
    template: str | None = None
    content_type: str = "application/json"
    report: CodeHost | None = None
    repository: str = ""
    token_from: str = ""

    def is_for(self, type_: str, service: str | None, environment: str | None) -> bool:
        """Whether it gets a notification of such a type. One that names no service is about each, as a freeze of an
        environment is; one that names no environment likewise."""
        here = not self.environments or environment is None or environment in self.environments
        return type_ in self.types and here and (not self.services or service is None or service in self.services)


class Hook(Struct, frozen=True, kw_only=True):
    """A list of addresses, and the status that the body of a call has."""

    subject: str
    state: str
    status: str


HOOKS = {
    "deployment.requested": Hook(subject="deployment", state="created", status="CREATED"),
    "deployment.started": Hook(subject="deployment", state="started", status="STARTED"),
    "deployment.finished": Hook(subject="deployment", state="completed", status="COMPLETED"),
    "deployment.succeeded": Hook(subject="deployment", state="verified", status="SUCCESS"),
    "deployment.failed": Hook(subject="deployment", state="failed", status="FAILED"),
    "verdict.changed": Hook(subject="promotion", state="completed", status="VERIFIED"),
}
"""The lists by the type of notification."""


def hook_of(notification: Notification) -> Hook | None:
    """The list of a notification; None where it is for none: a report of a failure, and a verdict that is not final or
    not on what runs."""
    match notification.type:
        case "deployment.finished" if notification.outcome != "succeeded":
            return None
        case "verdict.changed" if notification.phase != "exit" or notification.verdict not in ("PASS", "FAIL"):
            return None
        case type_:
            return HOOKS.get(type_)
