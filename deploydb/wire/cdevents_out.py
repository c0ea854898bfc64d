"""Notifications as CDEvents, which the schemas of 0.4.1 allow.

A deployment that ended well is `service.deployed`, and `service.rolledback` where it was a rollback. The vocabulary has
nothing for the others: they have the specification's custom form. Links to an event's id lead back to its deployment.
"""

from typing import Any

from packageurl import PackageURL

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.commands import Notification
from deploydb.domain.notification_words import place
from deploydb.wire.cdevents_mapping import CUSTOM_SUBJECT

VERSION = "0.4.1"
_DEPLOYED = {"deploy": "dev.cdevents.service.deployed.0.2.0", "rollback": "dev.cdevents.service.rolledback.0.2.0"}
_CUSTOM = "dev.cdeventsx.{name}.0.1.0"
_GATE = "deploydb-gate"
_NAMES = {
    "deployment.requested": f"{CUSTOM_SUBJECT}.queued",
    "approval.wanted": f"{_GATE}.waiting",
    "verdict.changed": f"{_GATE}.changed",
}
"""Of the custom types; of any other notification, its own name."""


def cdevent_of(notification: Notification, source: str, link: str) -> dict[str, Any]:
    """The CDEvent of a notification. `source`: of whom it is, a URL; `link`: the page about it."""
    artifact = notification.artifact
    where: dict[str, Any] = {}
    if notification.environment is not None:
        where["environment"] = {"id": notification.environment}
    if artifact is not None:
        where["artifactId"] = purl_of(artifact)
    if notification.type == "deployment.finished" and notification.outcome == "succeeded":
        kind, subject, content = _DEPLOYED.get(notification.kind or "", _DEPLOYED["deploy"]), "service", where
        id_ = notification.service
    else:
        name = _NAMES.get(notification.type, f"deploydb-{notification.type}")
        kind, subject = _CUSTOM.format(name=name), name.partition(".")[0]
        id_ = str(notification.deployment) if notification.deployment is not None else place(notification)
        if notification.service is not None:
            where["service"] = {"id": notification.service}
        content = {**where, "url": link}
        more = {
            "outcome": notification.outcome,
            "reason": notification.reason,
            "verdict": notification.verdict,
            "by": notification.by,
        }
        content |= {name: value for name, value in more.items() if value}
    own = {
        "notification": notification.type,
        "deployment": notification.deployment,
        "flow": notification.flow,
        "attempt": notification.attempt,
        "service": notification.service,
        "environment": notification.environment,
        "version": artifact.version if artifact is not None else notification.version,
        "artifact": artifact.module if artifact is not None else None,
        "kind": notification.kind,
        "hold": notification.hold,
        "promotion": notification.promotion,
        "url": notification.url,
    }
    return {
        "context": {
            "version": VERSION,
            "id": notification.id,
            "source": source,
            "type": kind,
            "timestamp": notification.time.isoformat(),
        },
        "subject": {"id": id_, "source": source, "type": subject, "content": content},
        "customData": {"deploydb": {name: value for name, value in own.items() if value is not None}},
        "customDataContentType": "application/json",
    }


def purl_of(artifact: Artifact) -> str:
    """Its package URL; of one without, a generic one of its group, name and version."""
    if artifact.purl is not None:
        return artifact.purl
    group = artifact.group or None
    return PackageURL(type="generic", namespace=group, name=artifact.name, version=artifact.version).to_string()
