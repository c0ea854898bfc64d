"""`POST /hooks/{name}`: what the payloads of each tool become."""

from contextlib import nullcontext
from typing import Any

import pytest

from deploydb.hooks.payload import Request
from deploydb.hooks.schemes import Signature, Unverified, verify
from tests.gateway.given import Gateway
from tests.gateway.hooks import SECRET, facts, reason
from tests.gateway.tools import (
    ALERT,
    BUILD,
    EXECUTION,
    FINISHED,
    HARBOR,
    INCIDENT,
    JOB,
    PIPELINE,
    PROJECT,
    PUBLISHED,
    PUSH,
    RELEASE,
    VERIFIED,
    app,
    flux,
    heroku,
    hook,
    jfrog,
    nexus,
)

BECOMES: list[tuple[str, Any, list[tuple[str, Any]]]] = [
    ("gitlab", {**JOB, "build_status": "success"}, [(VERIFIED, "2.0")]),
    ("gitlab", {"object_kind": "pipeline", "object_attributes": PIPELINE, "project": PROJECT}, [(VERIFIED, "2.0")]),
    ("gitlab", RELEASE, [(PUBLISHED, "v2")]),
    ("harbor", HARBOR, [(PUBLISHED, "1.2.0")]),
    (
        "harbor",
        {"specversion": "1.0", "type": "harbor.artifact.pushed", "data": HARBOR["event_data"]},
        [(PUBLISHED, "1.2.0")],
    ),
    (
        "quay",
        {"repository": "acme/foo", "docker_url": "quay.io/acme/foo", "updated_tags": ["1.2.0", "1.2"]},
        [(PUBLISHED, "1.2.0"), (PUBLISHED, "1.2")],
    ),
    ("registry", {"events": [PUSH]}, [(PUBLISHED, "1.2.0")]),
    ("artifactory", jfrog("docker", "pushed", image_name="acme/foo", tag="1.2.0"), [(PUBLISHED, "1.2.0")]),
    (
        "artifactory",
        jfrog("artifact", "deployed", path="com/example/foo/2.0/foo-2.0.jar", name="foo-2.0.jar"),
        [(PUBLISHED, "2.0")],
    ),
    ("nexus", nexus(), [(PUBLISHED, "2.0")]),
    ("argocd", app(), [(FINISHED, "1.0")]),
    ("alertmanager", {"version": "4", "alerts": [ALERT]}, [("incident.detected", None)]),
    (
        "pagerduty",
        {"event": {"id": "e1", "event_type": "incident.resolved", "data": INCIDENT}},
        [("incident.resolved", None)],
    ),
    ("jenkins", {"name": "foo-e2e", "build": {**BUILD, "parameters": {"VERSION": "1.0"}}}, [(VERIFIED, "1.0")]),
    ("flux", flux("UpgradeSucceeded", "1.0"), [(FINISHED, "1.0")]),
    ("rundeck", {"trigger": "success", "status": "succeeded", "execution": EXECUTION}, [(FINISHED, "1.0")]),
    ("heroku", heroku(), [(FINISHED, "2.0")]),
]


@pytest.mark.parametrize(("tool", "payload", "expected"), BECOMES, ids=[one[0] for one in BECOMES])
def test_a_payload_becomes_its_fact_once_and_only_with_the_secret(
    known: Gateway, tool: str, payload: Any, expected: list[tuple[str, Any]]
) -> None:
    assert hook(known, tool, payload, secret="another secret").status_code == 401
    assert known.received() == []
    answer = hook(known, tool, payload)
    assert facts(answer) == expected, answer.text
    assert [fact.get("note") for fact in answer.json()["facts"]] == [None] * len(expected)
    first = known.received()
    hook(known, tool, payload)
    assert [(one["source"], one["id"]) for one in known.received()] == [(one["source"], one["id"]) for one in first]


IGNORED: list[tuple[str, Any, str]] = [
    ("gitlab", {**JOB, "build_status": "running"}, "the job is running: it has no result"),
    ("gitlab", {"object_kind": "push"}, "the event push is not used"),
    ("gitlab", {**RELEASE, "action": "update"}, "a release counts when it is created"),
    ("harbor", {**HARBOR, "type": "PULL_ARTIFACT"}, "the event PULL_ARTIFACT is no push"),
    ("quay", {"repository": "a/b", "docker_url": "quay.io/a/b", "updated_tags": []}, "no tag was pushed"),
    ("artifactory", jfrog("artifact", "deleted", path="a"), "the event deleted of artifact is no new artifact"),
    ("artifactory", jfrog("artifact", "deployed", path="com/a/b/1/b-1.pom"), "is a file beside an artifact"),
    ("registry", {"id": "e1", "action": "ping"}, "the action ping is no push"),
    ("registry", {"events": []}, "there is no event in it"),
    ("registry", {**PUSH, "target": {**PUSH["target"], "tag": ""}}, "it is a layer, or a part of an image"),  # type: ignore[dict-item]
    ("nexus", nexus("DELETED"), "it counts when it is created"),
    ("argocd", app(health={"status": "Progressing"}), "it counts once it is healthy"),
    ("argocd", app(operationState=None), "foo has not been synced"),
    (
        "alertmanager",
        {"alerts": [{**ALERT, "labels": {"severity": "info"}}]},
        "a rule of hooks/alertmanager.yml ignores",
    ),
    ("pagerduty", {"event": {"id": "e", "event_type": "pagey.ping", "data": {}}}, "is no begin or end of an incident"),
    ("jenkins", {"name": "foo-e2e", "build": {**BUILD, "phase": "STARTED"}}, "the build is started: it has no result"),
    ("flux", flux("Progressing", "1.0"), "is no end of a deployment"),
    ("rundeck", {"execution": {**EXECUTION, "status": "scheduled"}}, "the execution is scheduled"),
    ("heroku", {"resource": "build"}, "the resource build is not used"),
    ("heroku", heroku(description="Set A config vars"), "it names no version and no commit"),
]


@pytest.mark.parametrize(("tool", "payload", "why"), IGNORED)
def test_what_is_not_ours_is_202_with_the_reason(known: Gateway, tool: str, payload: Any, why: str) -> None:
    assert why in reason(hook(known, tool, payload))
    assert known.received() == []


@pytest.mark.parametrize(
    ("tool", "payload", "message"),
    [
        ("gitlab", {**JOB, "build_status": "success", "sha": None}, "$.sha: is missing"),
        ("harbor", {"type": "PUSH_ARTIFACT", "event_data": {"repository": {"name": "a"}}}, "resources: is missing"),
        ("quay", {"repository": "a/b", "docker_url": "quay.io/a/b", "updated_tags": [1]}, "$.updated_tags"),
        ("registry", {"events": [{"action": "push"}]}, "$.events.0.target: is missing"),
        ("artifactory", {"event_type": "pushed", "data": {"repo_key": "x"}}, "$.data.tag: is missing"),
        ("nexus", {"action": "CREATED"}, "$.component: is missing"),
        ("argocd", {"message": "x"}, "$.app: is missing"),
        ("argocd", app(summary={"images": 3}), "$.app.status.summary.images: expected a list of texts"),
        ("nexus", {**nexus(), "timestamp": "10:00"}, "$.timestamp: expected a time, found 10:00"),
        ("nexus", {**nexus(), "timestamp": "2026-11-10 10:00 AEST"}, "$.timestamp: expected a time"),
        ("alertmanager", {"version": "4"}, "$.alerts: is missing"),
        ("pagerduty", {"messages": []}, "$.event: is missing"),
        ("jenkins", {"name": "x", "build": {**BUILD, "status": "FINE"}}, "$.build.status: expected SUCCESS"),
        ("flux", {"reason": "x"}, "$.involvedObject: is missing"),
        ("rundeck", {"trigger": "x"}, "$.execution: is missing"),
        ("heroku", {"resource": "release", "data": {"status": "failed", "id": 1}}, "$.data.app.name: is missing"),
    ],
)
def test_a_malformed_payload_is_422_by_its_field(known: Gateway, tool: str, payload: Any, message: str) -> None:
    answer = hook(known, tool, payload)
    assert (answer.status_code, message in answer.json()["message"]) == (422, True), answer.text
    assert known.received() == []


def test_a_return_to_an_earlier_revision_is_another_deployment(known: Gateway) -> None:
    for minute, version in enumerate(("1.0", "1.1", "1.0")):
        hook(known, "flux", flux("UpgradeSucceeded", version) | {"timestamp": f"2026-11-20T10:0{minute}:00Z"})
    assert len({one["id"] for one in known.received()}) == 3


@pytest.mark.parametrize(("others", "proves"), [(7, True), (8, False)])
def test_of_many_signatures_few_are_looked_at(others: int, proves: bool) -> None:
    scheme = Signature(header="X-Signature")
    good = scheme.expected(Request(headers={}, body=b"{}"), SECRET)
    request = Request(headers={"x-signature": ",".join(["0" * 64] * others + [good])}, body=b"{}")
    with nullcontext() if proves else pytest.raises(Unverified):
        verify((scheme,), request, SECRET)


@pytest.mark.parametrize(
    ("tool", "payload", "expected"),
    [
        ("gitlab", {**RELEASE, "commit": {"author": {"name": "Ann", "email": "a@x"}}}, {"author": "Ann"}),
        ("harbor", {**HARBOR, "operator": "ann"}, {"triggered_by": "ann"}),
        ("harbor", {**HARBOR, "operator": "robot$ci"}, {}),
    ],
)
def test_the_person_in_a_payload_is_named(known: Gateway, tool: str, payload: Any, expected: dict[str, str]) -> None:
    (fact,) = hook(known, tool, payload).json()["facts"]
    people = {name: fact["artifact"][name] for name in ("author", "triggered_by") if name in fact["artifact"]}
    assert people == expected
