"""Notifications as CDEvents, which the schemas of 0.4.1 allow.

A deployment that ended well is `service.deployed`, and `service.rolledback` where it was a rollback. The vocabulary has
nothing for the others: they have the specification's custom form. Links to an event's id lead back to its deployment.
"""

from typing import Any

from packageurl import PackageURL

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.commands import Notification
from deploydb.wire.cdevents_mapping import CUSTOM_SUBJECT

VERSION = "0.4.1"
_DEPLOYED = {"deploy": "dev.cdevents.service.deployed.0.2.0", "rollback": "dev.cdevents.service.rolledback.0.2.0"}
_CUSTOM = "dev.cdeventsx.{name}.0.1.0"
_GATE = "deploydb-gate"
_NAMES = {
    "deployment.requested": f"{CUSTOM_SUBJECT}.queued",
    "deployment.started": f"{CUSTOM_SUBJECT}.started",
    "deployment.finished": f"{CUSTOM_SUBJECT}.finished",
    "deployment.succeeded": f"{CUSTOM_SUBJECT}.succeeded",
    "deployment.failed": f"{CUSTOM_SUBJECT}.failed",
    "deployment.skipped": f"{CUSTOM_SUBJECT}.skipped",
    "approval.wanted": f"{_GATE}.waiting",
    "verdict.changed": f"{_GATE}.changed",
    "gate.errored": f"{_GATE}.errored",
}


def cdevent_of(notification: Notification, source: str, link: str) -> dict[str, Any]:
    """The CDEvent of a notification. `source`: of whom it is, a URL; `link`: the page about it."""
    where = {"environment": {"id": notification.environment}, "artifactId": purl_of(notification.artifact)}
    if notification.type == "deployment.finished" and notification.outcome == "succeeded":
        kind, subject, content = _DEPLOYED.get(notification.kind, _DEPLOYED["deploy"]), "service", where
        id_ = notification.service
    else:
        name = _NAMES[notification.type]
        kind, subject, id_ = _CUSTOM.format(name=name), name.partition(".")[0], str(notification.deployment)
        content = {**where, "service": {"id": notification.service}, "url": link}
        more = {"outcome": notification.outcome, "reason": notification.reason, "verdict": notification.verdict}
        content |= {name: value for name, value in more.items() if value}
    own = {
        "notification": notification.type,
        "deployment": notification.deployment,
        "flow": notification.flow,
        "attempt": notification.attempt,
        "service": notification.service,
        "environment": notification.environment,
        "version": notification.artifact.version,
        "artifact": notification.artifact.module,
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
