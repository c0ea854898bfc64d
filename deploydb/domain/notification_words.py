"""Notifications in words for people: a line that says what has happened, and what else there is to know."""

from deploydb.domain.formatting import instant
from deploydb.domain.model.commands import Notification

_DIFFERENCES = 10
"""Of a configuration, the first."""
_LINES = {
    "flow.opened": "{release} is on its way",
    "deployment.requested": "{release} is being deployed to {environment}",
    "deployment.started": "{release} has started in {environment}",
    "deployment.finished": "{release} has finished in {environment}",
    "deployment.succeeded": "{release} succeeded in {environment}",
    "deployment.failed": "{release} failed in {environment}",
    "deployment.skipped": "{release} is skipped in {environment}",
    "approval.wanted": "{release} waits for approval in {environment}",
    "verdict.changed": "{release} has another verdict in {environment}",
    "gate.errored": "{release} has a gate that cannot tell in {environment}",
    "freeze.overridden": "{release} passes the freeze of {environment}, by {by}",
    "hold.placed": "{kind} of {scope} placed by {by}",
    "hold.lifted": "{kind} of {scope} lifted by {by}",
    "rollback.requested": "rollback of {service}{target} in {environment} wanted by {by}",
    "rollback.refused": "rollback of {service}{target} in {environment} not made",
    "rollback.started": "{service} is being rolled back{target} in {environment}",
    "rollback.succeeded": "{service} is rolled back{target} in {environment}",
    "rollback.failed": "rollback of {service}{target} in {environment} failed",
    "configuration.changed": "another configuration is in force",
}


def headline(notification: Notification) -> str:
    """What has happened, in one line."""
    version = notification.artifact.version if notification.artifact is not None else notification.version
    release = " ".join(filter(None, (notification.service, version)))
    where = f" in {notification.environment}" if notification.environment is not None else ""
    return _LINES[notification.type].format(
        release=release,
        scope=f"{release or 'everything'}{where}",
        target=f" to {version}" if version is not None else "",
        service=notification.service,
        environment=notification.environment,
        kind=notification.kind,
        by=notification.by,
    )


def details(notification: Notification) -> dict[str, str]:
    """What else there is to know, by its name; the reason is not among it."""
    found = {
        "Gate": notification.promotion,
        "Verdict": notification.verdict,
        "Outcome": notification.outcome,
        "Then": notification.failure_response,
        "May approve": ", ".join(notification.groups),
        "From": instant(notification.begins) if notification.begins is not None else None,
        "Until": instant(notification.until) if notification.until is not None else None,
        "Changed": "; ".join(notification.differences[:_DIFFERENCES]),
        "Run": notification.url,
    }
    return {name: value for name, value in found.items() if value}


def place(notification: Notification) -> str:
    """What it is about: SERVICE/ENVIRONMENT, one of them, or `deploydb`."""
    return "/".join(filter(None, (notification.service, notification.environment))) or "deploydb"
