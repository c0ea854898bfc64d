"""What a CDEvent says here: by its type, the facts that it may be.

    artifact.packaged, artifact.published              artifact.published; its subject's id is a package URL
    service.deployed, service.upgraded,                deployment.finished, succeeded, of what DeployDB has commanded
    service.rolledback                                 and follows, or what runs; else deployment.observed
    testsuiterun.finished, testcaserun.finished        verification.finished of the promotion that the test names
    incident.detected, incident.reported               incident.detected
    incident.resolved                                  incident.resolved
    deploydb-deployment.started, .finished (custom)    deployment.started, deployment.finished

`customData.deploydb` names what the vocabulary cannot: see `Custom`.
"""

import re
from collections.abc import Callable

import msgspec
from msgspec import Struct

from deploydb.domain.model.artifact import Coordinate, Name, Text, Url
from deploydb.domain.model.errors import MessageRejected
from deploydb.wire.custom_data import Custom, Fields, runs_there
from deploydb.wire.error_messages import shortened

CUSTOM_SUBJECT = "deploydb-deployment"
"""The subject of our own types: the vocabulary says nothing of a deployment that is queued, has begun or failed."""
SUBJECT, CONTENT = "$.subject.id", "$.subject.content"

_OUTCOMES = {
    "pass": "passed",
    "success": "passed",
    "fail": "failed",
    "failure": "failed",
    "error": "errored",
    "cancel": "errored",
}

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

Mapped = list[Fields] | str
"""The facts that an event may be, the first one that fits; or the reason why it is of no use."""


class Named(Struct):
    id: Name | None = None
    name: Name | None = None
    uri: Url | None = None


class Content(Struct, rename="camel"):
    """What the contents of the types that are used have, each its part."""

    environment: Named | None = None
    service: Named | None = None
    artifact_id: Coordinate | None = None
    user: Name | None = None
    change: Named | None = None
    outcome: Name | None = None
    reason: Text | None = None
    description: Text | None = None
    url: Url | None = None
    test_suite: Named | None = None
    test_case: Named | None = None
    ticket_uri: Url | None = msgspec.field(default=None, name="ticketURI")


class Event(Struct, frozen=True, kw_only=True):
    """A CDEvent of a type that is used: its parts, and the fields that all facts have."""

    name: str
    kind: str
    about: Fields
    subject: str
    content: Content
    custom: Custom
    links: tuple[str, ...]
    chain: str | None

    @property
    def environment(self) -> str | None:
        return self.custom.environment or (self.content.environment.id if self.content.environment else None)


def _published(event: Event) -> Mapped:
    change = (event.content.change or Named()).id or ""
    given = {"triggered_by": event.content.user, "commit": change if _COMMIT.fullmatch(change) else None}
    known = {name: value for name, value in given.items() if value is not None}
    return [{"type": "artifact.published", "artifact": known | event.custom.file(event.subject, SUBJECT)}]


def _deployed(event: Event) -> Mapped:
    content, custom = event.content, event.custom
    if custom.deployment is not None or custom.command is not None:
        named = {"deployment": custom.deployment, "command": custom.command}
        return [{"type": "deployment.finished", "outcome": "succeeded", "url": content.url, **named}]
    artifact = event.custom.file(_required(content.artifact_id, f"{CONTENT}.artifactId"), f"{CONTENT}.artifactId")
    environment = _required(event.environment, f"{CONTENT}.environment.id")
    service = custom.service or event.subject
    return runs_there(artifact, service, environment, reason=content.reason, url=content.url)


def _tested(event: Event) -> Mapped:
    content, custom = event.content, event.custom
    test = content.test_suite or content.test_case or Named()
    promotion = custom.promotion or test.name or test.id
    if promotion is None:
        return "names no test: give subject.content.testSuite.name, or customData.deploydb.promotion"
    outcome = _required(content.outcome, f"{CONTENT}.outcome")
    if outcome not in _OUTCOMES:
        expected = f"expected one of {', '.join(_OUTCOMES)}"
        raise MessageRejected(f"unknown outcome {shortened(outcome)!r}; {expected}", path=f"{CONTENT}.outcome")
    named = {name: getattr(custom, name) for name in ("deployment", "command", "service", "version", "artifact")}
    return [
        {
            "type": "verification.finished",
            "promotion": promotion,
            "outcome": _OUTCOMES[outcome],
            "reason": content.reason,
            "url": custom.url or test.uri or content.url,
            **named,
            "environment": event.environment,
            "links": list(event.links),
            "chain": event.chain,
        }
    ]


def _incident(event: Event) -> Mapped:
    content, custom = event.content, event.custom
    service = custom.service or (content.service.id if content.service else None)
    if service is None:
        return "names no service: give subject.content.service.id, or customData.deploydb.service"
    version = custom.version
    if version is None and content.artifact_id is not None and not event.name.endswith("resolved"):
        version = event.custom.file(content.artifact_id, f"{CONTENT}.artifactId")["version"]
    return [
        {
            "type": "incident.resolved" if event.name.endswith("resolved") else "incident.detected",
            "service": service,
            "environment": _required(event.environment, f"{CONTENT}.environment.id"),
            "version": version,
            "incident": event.subject,
            "reason": content.description,
            "url": custom.url or content.ticket_uri,
        }
    ]


def _reported(event: Event) -> Mapped:
    """Our own custom types: the subject's id is the command's, unless the content names service and environment."""
    content, custom = event.content, event.custom
    if event.name.endswith("started"):
        fields: Fields = {"type": "deployment.started"}
    else:
        outcome = _required(content.outcome, f"{CONTENT}.outcome")
        fields = {"type": "deployment.finished", "outcome": outcome, "reason": content.reason}
    fields["url"] = custom.url or content.url
    service = custom.service or (content.service.id if content.service else None)
    if custom.deployment is not None or custom.command is not None:
        return [fields | {"deployment": custom.deployment, "command": custom.command}]
    if service is None or event.environment is None or content.artifact_id is None:
        return [fields | {"command": event.subject}]
    artifact = event.custom.file(content.artifact_id, f"{CONTENT}.artifactId")
    module = f"{artifact['group']}:{artifact['name']}"
    lane = {"service": service, "environment": event.environment, "version": artifact["version"], "artifact": module}
    return [fields | lane]


MAPPINGS: dict[str, Callable[[Event], Mapped]] = {
    "artifact.packaged": _published,
    "artifact.published": _published,
    "service.deployed": _deployed,
    "service.upgraded": _deployed,
    "service.rolledback": _deployed,
    "testsuiterun.finished": _tested,
    "testcaserun.finished": _tested,
    "incident.detected": _incident,
    "incident.reported": _incident,
    "incident.resolved": _incident,
    f"{CUSTOM_SUBJECT}.started": _reported,
    f"{CUSTOM_SUBJECT}.finished": _reported,
}


def _required(value: str | None, path: str) -> str:
    if value is None:
        raise MessageRejected("is missing", path=path)
    return value
