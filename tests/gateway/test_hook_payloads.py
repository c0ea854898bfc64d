"""`POST /hooks/{name}`: fields that tools leave out, write otherwise, or send for what is no version."""

from typing import Any

import pytest

from tests.gateway.given import Gateway
from tests.gateway.hooks import facts, reason
from tests.gateway.tools import (
    ALERT,
    BUILD,
    COMMIT,
    DIGEST,
    EXECUTION,
    FINISHED,
    HARBOR,
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

SIGNATURE = f"sha256-{'ab' * 32}.sig"
UNKNOWN = f"no release of foo has the digest {DIGEST}"


def pushed(**resource: str) -> dict[str, Any]:
    return {**HARBOR, "event_data": {"resources": [resource], "repository": {"repo_full_name": "acme/foo"}}}


def component(**fields: Any) -> dict[str, Any]:
    return {**nexus(), "component": {"format": "docker", "group": None, "name": "foo", **fields}}


@pytest.mark.parametrize(
    ("tool", "payload", "why"),
    [
        ("gitlab", {"event_name": "project_create", "name": "StoreCloud"}, "the event project_create is not used"),
        ("harbor", pushed(tag=SIGNATURE, resource_url=f"h:8443/acme/foo:{SIGNATURE}"), "is no version"),
        ("quay", {"repository": "a/b", "docker_url": "quay.io/acme/foo", "updated_tags": [SIGNATURE]}, "is no version"),
        ("artifactory", jfrog("docker", "pushed", image_name="acme/foo", tag="sha256__abababababab"), "is no version"),
        ("nexus", component(group="com.example", version=DIGEST), "is no version"),
        ("nexus", component(format="raw", group="/dir", name="dir/file.tgz", version=None), "it names no version"),
        ("jenkins", {"name": "foo-e2e", "build": {**BUILD, "status": None}}, "the build has no result"),
        ("rundeck", {"execution": {**EXECUTION, "status": "failed-with-retry"}}, "is retried"),
        ("alertmanager", {"version": "4", "alerts": []}, "there is no alert in it"),
        ("argocd", app(summary={"images": [f"h:5000/acme/foo@{DIGEST}"]}), UNKNOWN),
        ("flux", flux("ReconciliationSucceeded", f"latest@{DIGEST}"), UNKNOWN),
    ],
)  # fmt: skip
def test_what_is_no_version_or_no_result_is_202_with_the_reason(
    known: Gateway, tool: str, payload: Any, why: str
) -> None:
    answer = hook(known, tool, payload)
    assert (answer.status_code, answer.json()["facts"], known.received()) == (202, [], [])
    assert any(why in one["reason"] for one in answer.json()["ignored"]), answer.text


def chart(version: str, **metadata: str) -> dict[str, Any]:
    sent = flux("UpgradeSucceeded", version)
    return {**sent, "metadata": {**sent["metadata"], **metadata}}


@pytest.mark.parametrize(
    ("tool", "payload", "expected"),
    [
        ("argocd", app(summary={"images": [f"h:5000/acme/foo@{DIGEST}"]}), (FINISHED, "2.0")),
        ("argocd", app(summary={"images": [f"h:5000/acme/foo:latest@{DIGEST}"]}), (FINISHED, "2.0")),
        ("argocd", app(summary={"images": [f"h:5000/acme/foo:1.0@{DIGEST}"]}), (FINISHED, "1.0")),
        ("flux", {**flux("x", f"latest@{DIGEST}"), "reason": "ReconciliationSucceeded", "involvedObject": {
            "kind": "Kustomization", "name": "foo", "uid": "u3"}}, (FINISHED, "2.0")),
        ("flux", flux("UpgradeSucceeded", DIGEST), (FINISHED, "2.0")),
        ("flux", flux("UpgradeSucceeded", f"sha1:{COMMIT}"), (FINISHED, "2.0")),
        ("flux", flux("UpgradeSucceeded", f"main@sha1:{COMMIT}"), (FINISHED, "2.0")),
        ("flux", chart("1.4.0+abababababab", **{"helm.toolkit.fluxcd.io/oci-digest": DIGEST}), (FINISHED, "1.4.0")),
        ("flux", chart("1.4.0+abababababab"), (FINISHED, "1.4.0+abababababab")),
        ("flux", chart("sha256:12", originRevision=f"main@sha1:{COMMIT}"), (FINISHED, "2.0")),
        ("heroku", heroku(description=f"Promote foo-staging v37 {COMMIT[:8]}"), (FINISHED, "2.0")),
        ("heroku", heroku(slug={"commit": COMMIT.upper()}), (FINISHED, "2.0")),
        ("rundeck", {"trigger": "failure", "execution": {**EXECUTION, "status": "no-capacity"}}, (FINISHED, "1.0")),
        ("artifactory", {"event_type": "deployed", "repo_key": "libs", "path": "com/example/foo/3.0/foo-3.0.jar",
                         "sha256": "AB" * 32}, (PUBLISHED, "3.0")),
        ("gitlab", {"object_kind": "deployment", "status": "success", "deployable_id": 796, "short_sha": COMMIT[:8],
                    "environment": "staging", "project": PROJECT}, (FINISHED, "2.0")),
        ("jenkins", {"name": "foo-e2e", "build": {**BUILD, "parameters": {"VERSION": "1.0"}}}, (VERIFIED, "1.0")),
    ],
)  # fmt: skip
def test_the_release_is_found_however_the_tool_names_it(
    receiver: Gateway, tool: str, payload: Any, expected: tuple[str, str]
) -> None:
    receiver.world.publish("2.0", artifact={"commit": COMMIT, "digest": DIGEST})
    answer = hook(receiver, tool, payload)
    assert facts(answer) == [expected], answer.text


def test_each_push_of_an_envelope_of_a_registry_is_an_artifact_with_its_digest(known: Gateway) -> None:
    other = {**PUSH, "target": {"repository": "acme/foo", "tag": "1.3.0"}, "id": "e2"}
    answer = hook(known, "registry", {"events": [{**PUSH, "action": "pull"}, PUSH, other]})
    assert facts(answer) == [(PUBLISHED, "1.2.0"), (PUBLISHED, "1.3.0")]
    image = answer.json()["facts"][0]["artifact"]
    assert (image["digest"], image["url"], image["triggered_by"]) == (
        DIGEST,
        "registry.test:5000/acme/foo:1.2.0",
        "ann",
    )
    assert hook(known, "registry", PUSH).json()["facts"][0]["id"] == answer.json()["facts"][0]["id"]


def test_a_digest_of_several_releases_is_never_guessed(known: Gateway) -> None:
    for version in ("3.0", "3.1"):
        known.world.publish(version, artifact={"digest": DIGEST})
    answer = hook(known, "argocd", app(summary={"images": [f"ghcr.io/acme/foo@{DIGEST}"]}))
    assert any("or several have it" in one["reason"] for one in answer.json()["ignored"])
    assert answer.json()["facts"] == []


def test_the_digest_of_a_file_is_kept_in_one_form_and_what_is_none_is_left_out(known: Gateway) -> None:
    for given, expected in (("AB" * 32, DIGEST), (DIGEST, DIGEST), ("sample_checksum", None)):
        payload = jfrog("docker", "pushed", image_name="acme/foo", tag="3.0", sha256=given)
        (fact,) = hook(known, "artifactory", payload).json()["facts"]
        assert fact["artifact"].get("digest") == expected


@pytest.mark.parametrize(
    ("links", "url"),
    [
        ([{"link_type": "other", "url": "https://x/file"}], "https://x/file"),
        ([{"link_type": "runbook", "url": "https://x/runbook"}], None),
        ([{"link_type": "other", "url": "https://x/log"}, {"link_type": "package", "url": "https://x/a"}], "https://x/a"),
        ([{"link_type": "package", "url": "https://x/a"}, {"link_type": "package", "url": "https://x/b"}], None),
    ],
)  # fmt: skip
def test_the_url_of_a_release_of_gitlab_is_that_of_its_only_file(
    known: Gateway, links: list[dict[str, str]], url: str | None
) -> None:
    (fact,) = hook(known, "gitlab", {**RELEASE, "assets": {"links": links}}).json()["facts"]
    assert fact["artifact"].get("url") == url


def test_a_build_of_jenkins_has_the_time_of_its_phase_and_its_path(known: Gateway) -> None:
    build = {**BUILD, "timestamp": 1763632800000, "parameters": {"VERSION": "1.0"}}
    (fact,) = hook(known, "jenkins", {"name": "foo-e2e", "url": "job/shop/job/foo-e2e/", "build": build}).json()[
        "facts"
    ]
    assert fact["time"] == "2025-11-20T10:00:00Z"
    payload = {"name": "feature%2Fx", "url": "job/shop/job/feature%252Fx/", "build": build}
    assert "path shop/feature%2Fx" in reason(hook(known, "jenkins", payload))


@pytest.mark.parametrize(
    ("status", "time"), [("running", "2026-11-20T10:00:00Z"), ("succeeded", "2026-11-20T10:05:00Z")]
)
def test_an_execution_of_rundeck_has_the_time_of_its_start_or_of_its_end(
    known: Gateway, status: str, time: str
) -> None:
    dates = {"date-started": {"date": "2026-11-20T10:00:00Z"}, "date-ended": {"date": "2026-11-20T10:05:00Z"}}
    (fact,) = hook(known, "rundeck", {"execution": {**EXECUTION, **dates, "status": status}}).json()["facts"]
    assert fact["time"] == time


def test_what_no_fact_can_have_is_left_out_of_an_alert(known: Gateway) -> None:
    unfit = {"generatorURL": f"https://x.test/{'x' * 8192}", "annotations": {"summary": "down\0"}}
    (fact,) = hook(known, "alertmanager", {"alerts": [{**ALERT, **unfit}]}).json()["facts"]
    assert (fact["reason"], "url" in fact) == ("down", False)
    assert known.ingest(what="incident.%") == 1


def test_a_version_that_is_no_name_is_422_by_its_field(known: Gateway) -> None:
    answer = hook(known, "gitlab", {**RELEASE, "tag": "v1\n2"})
    assert (answer.status_code, "$.artifact.version: U+000A is not allowed" in answer.text) == (422, True), answer.text


def test_a_label_of_an_alert_may_be_a_number(known: Gateway) -> None:
    alert = {**ALERT, "labels": {**ALERT["labels"], "namespace": "shop", "code": 500}}  # type: ignore[dict-item]
    assert facts(hook(known, "alertmanager", {"alerts": [alert]})) == [("incident.detected", None)]
