"""`POST /hooks/{name}`: the traps in the payloads of tools, and their samples."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest

from tests.gateway.given import Gateway
from tests.gateway.hooks import SECRET, facts, reason, receiving, sample
from tests.gateway.tools import ALERT, COMMIT, DIGEST, FINISHED, HARBOR, HEAD, HOOKS, JOB, PROJECT, PUBLISHED, app, hook


@pytest.mark.parametrize(
    ("status", "failure", "outcome"),
    [
        ("success", None, "passed"),
        ("failed", "script_failure", "failed"),
        ("failed", "runner_system_failure", "errored"),
        ("canceled", None, "errored"),
    ],
)
def test_a_job_of_gitlab_has_an_answer_unless_its_runner_broke(
    known: Gateway, status: str, failure: str | None, outcome: str
) -> None:
    (fact,) = hook(known, "gitlab", {**JOB, "build_status": status, "build_failure_reason": failure}).json()["facts"]
    assert (fact["outcome"], fact["url"]) == (outcome, "https://gitlab.test/acme/foo/-/jobs/1")


def test_a_deployment_of_gitlab_is_found_by_its_short_commit_and_its_time_is_read(known: Gateway) -> None:
    body = {
        "object_kind": "deployment",
        "status": "success",
        "status_changed_at": "2021-04-28 21:50:00 +0200",
        "deployment_id": 15,
        "environment": "staging",
        "project": PROJECT,
        "short_sha": COMMIT[:8],
    }
    (fact,) = hook(known, "gitlab", body).json()["facts"]
    assert (fact["version"], fact["environment"], fact["time"]) == ("2.0", "dev", "2021-04-28T19:50:00Z")
    body |= {"short_sha": "12345678", "commit_url": f"https://gitlab.test/-/commit/12345678{COMMIT[8:]}"}
    (fact,) = hook(known, "gitlab", body).json()["facts"]
    assert (fact["commit"], "has the commit" in fact["note"]) == (f"12345678{COMMIT[8:]}", True)


@pytest.mark.parametrize(
    ("deployable", "ref", "own"), [(None, COMMIT, True), (None, "main", False), (7, COMMIT, False)]
)
def test_a_deployment_that_deploydb_reported_to_gitlab_is_no_fact(
    known: Gateway, deployable: int | None, ref: str, own: bool
) -> None:
    body = {
        "object_kind": "deployment",
        "status": "failed",
        "deployment_id": 15,
        "deployable_id": deployable,
        "environment": "staging",
        "project": PROJECT,
        "short_sha": COMMIT[:8],
        "commit_url": f"https://gitlab.test/acme/foo/-/commit/{COMMIT}",
        "ref": ref,
    }
    answer = hook(known, "gitlab", body)
    assert ("DeployDB's own report" in answer.text, bool(answer.json()["facts"])) == (own, not own)


def test_gitlab_s_signature_is_accepted_and_a_changed_one_not(known: Gateway) -> None:
    body = json.dumps({"object_kind": "push"}).encode()
    head = {"webhook_id": "m1", "webhook_timestamp": "1763632800", "x_gitlab_token": ""}
    signed = base64.b64encode(hmac.new(SECRET.encode(), b"m1.1763632800." + body, hashlib.sha256).digest()).decode()
    assert hook(known, "gitlab", body, webhook_signature=f"v1,{signed}", **head).status_code == 202
    assert hook(known, "gitlab", body + b" ", webhook_signature=f"v1,{signed}", **head).status_code == 401


def test_a_push_to_harbor_that_comes_twice_with_other_times_counts_once(known: Gateway) -> None:
    hook(known, "harbor", HARBOR)
    hook(known, "harbor", {**HARBOR, "occur_at": 1763632803})
    assert known.ingest(what=PUBLISHED) == 1


def test_an_untagged_artifact_of_harbor_is_ignored(known: Gateway) -> None:
    untagged = {"digest": DIGEST, "tag": DIGEST, "resource_url": f"harbor.test/acme/foo@{DIGEST}"}
    body = {**HARBOR, "event_data": {**HARBOR["event_data"], "resources": [untagged]}}  # type: ignore[dict-item]
    assert "has no tag" in reason(hook(known, "harbor", body))


def test_on_deployed_again_after_a_pod_was_replaced_is_the_same_fact(known: Gateway) -> None:
    first = hook(known, "argocd", app()).json()["facts"]
    later = {"phase": "Succeeded", "finishedAt": "2026-11-21T10:00:00Z"}
    again = hook(known, "argocd", {**app(operationState=later), "timestamp": "2026-11-21T10:00:00Z"}).json()["facts"]
    assert first == again
    assert first[0]["time"] == "2026-11-20T09:59:00Z"


def test_a_failed_sync_says_nothing_about_the_images_that_run(known: Gateway) -> None:
    failed = {"phase": "Failed", "message": "no", "syncResult": {"revision": COMMIT}}
    answer = hook(known, "argocd", app(operationState=failed))
    assert answer.json()["facts"] == []


def test_an_image_that_runs_with_two_tags_is_never_guessed(known: Gateway) -> None:
    answer = hook(known, "argocd", app(summary={"images": ["ghcr.io/acme/foo:1.0", "ghcr.io/acme/foo:1.1"]}))
    assert "1.0 and 1.1: its version is not clear" in reason(answer)


def test_an_alert_that_is_repeated_counts_once_and_its_end_is_another_fact(known: Gateway) -> None:
    for status in ("firing", "firing", "resolved"):
        hook(known, "alertmanager", {"alerts": [{**ALERT, "status": status, "endsAt": "2026-11-20T11:00:00Z"}]})
    assert known.ingest(what="incident.%") == 2


def test_an_alert_that_is_repeated_with_another_value_contradicts_nothing(known: Gateway) -> None:
    for value, replica in (("93 %", "a"), ("95 %", "b")):
        alert = {**ALERT, "annotations": {"summary": f"CPU at {value}"}, "generatorURL": f"https://{replica}.test"}
        assert hook(known, "alertmanager", {"alerts": [alert]}).status_code == 202
    assert known.ingest(what="incident.%") == 1
    assert known.stored("duplicate.%") == 0


def test_a_push_that_is_repeated_for_another_person_contradicts_the_first_one(known: Gateway) -> None:
    for operator in ("ann", "bob"):
        hook(known, "harbor", {**HARBOR, "operator": operator})
    assert known.ingest(what=PUBLISHED) == 1
    assert known.stored("duplicate.%") == 1


def test_a_tool_may_report_deployments_of_its_own(
    tmp_path: Path, sqlite_url: str, embedded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"type: argocd\ndeployments: observed\n{HEAD}{HOOKS['argocd']}"
    with receiving(tmp_path, sqlite_url, embedded_url, monkeypatch, argocd=text) as asked:
        (fact,) = hook(asked, "argocd", app()).json()["facts"]
        assert (fact["type"], fact["artifact"]["version"], fact["environment"]) == (
            "deployment.observed",
            "1.0",
            "prod",
        )


@pytest.mark.parametrize("name", ["001", "002", "004"])
def test_the_samples_of_argo_cd_are_of_nothing_that_a_rule_names(receiver: Gateway, name: str) -> None:
    body = sample(f"argocd/{name}.json")
    assert hook(receiver, "argocd", body, secret="another").status_code == 401
    answer = hook(receiver, "argocd", body)
    assert (answer.status_code, answer.json()["facts"], receiver.received()) == (202, [], [])
    assert all("artifact" in one["lacks"] or "not clear" in one["reason"] for one in answer.json()["ignored"])


def test_a_sample_of_argo_cd_is_a_deployment_of_the_image_that_a_rule_names(
    tmp_path: Path, sqlite_url: str, embedded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = "  - when: {image: ghcr.io/cdviz-dev/*}\n    artifact: com.example:foo\n    environment: dev\n"
    with receiving(tmp_path, sqlite_url, embedded_url, monkeypatch, argocd=f"type: argocd\n{HEAD}{rule}") as asked:
        assert facts(hook(asked, "argocd", sample("argocd/004.json"))) == [(FINISHED, "0.8.0")]


def test_the_sample_of_gitlab_is_a_deployment_of_an_unknown_commit(
    tmp_path: Path, sqlite_url: str, embedded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = sample("gitlab/deployment.json")
    with receiving(
        tmp_path, sqlite_url, embedded_url, monkeypatch, gitlab=f"type: gitlab\n{HEAD}{HOOKS['gitlab']}"
    ) as asked:
        assert hook(asked, "gitlab", body, secret="another").status_code == 401
        ((type_, version),) = facts(hook(asked, "gitlab", body))
        assert (type_, version.startswith("279484c0")) == (FINISHED, True)
        assert len(asked.received()) == 1
