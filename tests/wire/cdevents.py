"""CDEvents for tests: the conformance files of the specification, and small ones of our own."""

import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[3] / "shared/samples/cdevents-0.4.1"
CONFORMANCE = {path.stem: path for path in sorted((SAMPLES / "conformance").glob("*.json"))}

BECOMES = {
    "artifact_packaged": "artifact.published",
    "artifact_published": "artifact.published",
    "service_deployed": "deployment.observed",
    "service_upgraded": "deployment.observed",
    "service_rolledback": "deployment.observed",
    "testsuiterun_finished": "verification.finished",
    "testcaserun_finished": "verification.finished",
    "incident_detected": "incident.detected",
    "incident_reported": "incident.detected",
    "incident_resolved": "incident.resolved",
} | dict.fromkeys(
    (
        *("artifact_deleted", "artifact_downloaded", "artifact_signed"),
        *("branch_created", "branch_deleted"),
        *("build_finished", "build_queued", "build_started"),
        *("change_abandoned", "change_created", "change_merged", "change_reviewed", "change_updated"),
        *("environment_created", "environment_deleted", "environment_modified"),
        *("pipelinerun_finished", "pipelinerun_queued", "pipelinerun_started"),
        *("repository_created", "repository_deleted", "repository_modified"),
        *("service_published", "service_removed"),
        *("taskrun_finished", "taskrun_started"),
        *("testcaserun_queued", "testcaserun_skipped", "testcaserun_started", "testoutput_published"),
        *("testsuiterun_queued", "testsuiterun_started"),
        *("ticket_closed", "ticket_created", "ticket_updated"),
    ),
    "event.unused",
)
"""By conformance file, the type of the fact that the log has of it, where DeployDB has commanded nothing."""


def conformance(name: str, **context: Any) -> bytes:
    """A conformance file with its own id, and this context; otherwise as it is."""
    event = json.loads(CONFORMANCE[name].read_bytes())
    event["context"] |= {"id": name, **context}
    return json.dumps(event).encode()


def cdevent(
    kind: str,
    id_: str,
    subject: str,
    content: dict[str, Any] | None = None,
    *,
    custom: dict[str, Any] | None = None,
    **context: Any,
) -> bytes:
    """A CDEvent of a type without its prefix, such as `service.deployed.0.2.0`; `custom`: of `customData.deploydb`."""
    about = {"version": "0.4.1", "id": id_, "source": "/ci", "type": f"dev.cdevents.{kind}"}
    event: dict[str, Any] = {
        "context": about | {"timestamp": "2026-11-22T12:00:00Z"} | context,
        "subject": {"id": subject, "type": kind.split(".")[0], "content": content or {}},
    }
    if custom is not None:
        event["customData"] = {"deploydb": custom}
    return json.dumps(event).encode()


def link(id_: str) -> list[dict[str, Any]]:
    """The links of an event that another one led to."""
    return [{"linkType": "RELATION", "linkKind": "TRIGGER", "target": {"contextId": id_}}]


def published(id_: str, version: str, **context: Any) -> bytes:
    """`artifact.published` of com.example:foo."""
    return cdevent("artifact.published.0.2.0", id_, f"pkg:maven/com.example/foo@{version}", **context)


def deployed(id_: str, version: str, environment: str, **context: Any) -> bytes:
    """`service.deployed` of foo."""
    content = {"environment": {"id": environment}, "artifactId": f"pkg:maven/com.example/foo@{version}"}
    return cdevent("service.deployed.0.2.0", id_, "foo", content, **context)


def suite_finished(id_: str, environment: str, outcome: str = "pass", **more: Any) -> bytes:
    """`testsuiterun.finished` of the suite smoke."""
    content = {"environment": {"id": environment}, "outcome": outcome, "testSuite": {"id": "smoke"}}
    return cdevent("testsuiterun.finished.0.2.0", id_, "run", content, **more)
