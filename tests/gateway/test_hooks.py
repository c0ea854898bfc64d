"""`POST /hooks/{name}`: GitHub and Docker Hub, and what all webhooks have in common."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.gateway.given import Gateway
from tests.gateway.hooks import SECRET, facts, github, reason, receiving, sample, send

GITHUB = """
type: github
secret: {env: HOOK_SECRET}
rules:
  - when: {image: ghcr.io/acme/foo}
    artifact: com.example:foo
  - when: {event: "package", package_type: maven}
    artifact: "{package}"
  - when: {repository: "*/*", event: release}
    artifact: com.example:foo
    url: "{$.release.tarball_url}"
  - when: {repository: "*/*", workflow: test.yml}
    service: foo
    environment: dev
    promotion: smoke
  - when: {job: lint}
    ignore: true
  - when: {event: check_run}
    service: foo
    environment: dev
    promotion: smoke
  - when: {environment: production}
    service: foo
    environment: prod
  - when: {event: deployment_status}
    service: foo
"""
DOCKERHUB = """
type: dockerhub
secret: {env: HOOK_SECRET}
rules:
  - when: {image: docker.io/acme/foo}
    artifact: com.example:foo
"""
DIGEST = f"sha256:{'ab' * 32}"
COMMIT = "9fceb02d0ae598e95dc970b74767f19372d61af8"
TOKEN = urlencode({"token": SECRET})


@pytest.fixture
def asked(tmp_path: Path, sqlite_url: str, embedded_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """foo 1.0 runs in dev."""
    with receiving(tmp_path, sqlite_url, embedded_url, monkeypatch, github=GITHUB, dockerhub=DOCKERHUB) as made:
        yield made


def package(tag: str | None = "1.2.0", digest: str = DIGEST, **more: Any) -> dict[str, Any]:
    """The part of GitHub's `package` that counts, as it comes for an image in ghcr.io."""
    version = {
        "id": 57755790,
        "version": digest,
        "package_url": f"ghcr.io/acme/foo:{tag or ''}",
        "container_metadata": {"tag": {"name": tag or "", "digest": digest}, "labels": {"revision": COMMIT}},
        "updated_at": "2026-11-20T10:00:00Z",
        **more,
    }
    found = {"name": "foo", "namespace": "acme", "package_type": "CONTAINER", "package_version": version}
    return {"action": "published", "package": found, "repository": {"full_name": "acme/foo"}}


def status(state: str, **deployment: Any) -> dict[str, Any]:
    known = {"id": 7, "sha": COMMIT, "environment": "production", "task": "deploy", **deployment}
    return {
        "action": "created",
        "deployment_status": {
            "id": 8,
            "state": state,
            "environment": "production",
            "created_at": "2026-11-20T10:00:00Z",
        },
        "deployment": known,
        "repository": {"full_name": "acme/foo"},
    }


def run(conclusion: str | None = "success", action: str = "completed", commit: str = COMMIT) -> dict[str, Any]:
    about = {"id": 5, "run_attempt": 1, "name": "test", "path": ".github/workflows/test.yml@main", "head_sha": commit}
    return {
        "action": action,
        "workflow_run": {**about, "conclusion": conclusion, "updated_at": "2026-11-20T10:00:00Z"},
        "repository": {"full_name": "acme/foo"},
    }


def test_the_signature_of_github_s_documentation_is_accepted(asked: Gateway) -> None:
    expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert hmac.new(SECRET.encode(), b"Hello, World!", hashlib.sha256).hexdigest() == expected
    answer = asked.ask(
        "/hooks/github", content=b"Hello, World!", x_hub_signature_256=f"sha256={expected}", x_github_event="package"
    )
    assert (answer.status_code, "the body is no JSON" in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"x_hub_signature_256": "sha256=00"}, "does not match the secret"),
        ({"x_hub_signature_256": "sha1=757107ea"}, "does not match the secret"),
        ({"x_hub_signature_256": ""}, "is missing"),
        ({"authorization": f"Bearer {SECRET}", "x_hub_signature_256": ""}, "is missing"),
        ({"x_hub_signature_256": "sha256=\xe4"}, "does not match the secret"),
    ],
)
def test_a_wrong_signature_is_401_and_publishes_nothing(asked: Gateway, headers: dict[str, str], message: str) -> None:
    answer = github(asked, "package", package(), **headers)
    assert answer.status_code == 401
    assert answer.json()["message"].startswith("hook github: the header X-Hub-Signature-256 " + message)
    assert asked.received() == []
    assert asked.metric("deploydb_hooks_total", hook="github", result="unverified") == 1


def test_a_changed_body_is_401(asked: Gateway) -> None:
    signature = hmac.new(SECRET.encode(), b"{}", hashlib.sha256).hexdigest()
    answer = send(asked, "/hooks/github", b"{} ", x_hub_signature_256=f"sha256={signature}", x_github_event="ping")
    assert (answer.status_code, asked.received()) == (401, [])


def test_a_package_with_a_tag_is_a_release_and_opens_a_flow(asked: Gateway) -> None:
    answer = github(asked, "package", package())
    assert (answer.status_code, facts(answer)) == (202, [("artifact.published", "1.2.0")])
    assert asked.ingest(what="artifact.published") == 1
    asked.world.evaluate()
    assert asked.world.statuses("1.2.0") == {"dev": "NOT_STARTED", "prod": "NOT_STARTED"}
    (fact,) = answer.json()["facts"]
    assert fact["artifact"] == {
        "group": "com.example",
        "name": "foo",
        "version": "1.2.0",
        "url": "ghcr.io/acme/foo:1.2.0",
        "digest": DIGEST,
        "commit": COMMIT,
    }
    assert (fact["source"], fact["time"], fact["stored"]) == ("hooks/github", "2026-11-20T10:00:00Z", False)


def test_the_same_package_by_both_events_and_again_is_one_fact(asked: Gateway) -> None:
    body = package()
    other = {**body, "registry_package": body["package"]}
    for event, sent in (("package", body), ("registry_package", other), ("package", body)):
        assert github(asked, event, sent).status_code in (201, 202)
    assert asked.ingest(what="artifact.published") == 1
    assert github(asked, "package", body).status_code == 201


@pytest.mark.parametrize(
    ("event", "body", "why"),
    [
        ("ping", {"zen": "x"}, "ping: the webhook works"),
        ("star", {"action": "created"}, "the event star is not used"),
        ("package", package(tag=None), "the manifest has no tag"),
        ("package", package(tag="latest"), "the tag latest moves from version to version"),
        ("package", {**package(), "action": "deleted"}, "package deleted is no new version"),
        ("deployment_status", status("inactive"), "another one took its place, which is no failure"),
        ("deployment_status", status("queued"), "it has not begun"),
        ("workflow_run", run(None, "requested"), "workflow_run requested has no conclusion yet"),
        ("workflow_run", run("skipped"), "the conclusion skipped says nothing"),
    ],
)
def test_what_is_not_ours_is_202_with_the_reason(asked: Gateway, event: str, body: dict[str, Any], why: str) -> None:
    assert why in reason(github(asked, event, body))
    assert asked.received() == []


def test_a_name_without_a_rule_is_ignored_and_the_answer_names_the_key(asked: Gateway) -> None:
    body = package(package_url="ghcr.io/acme/other:1.2.0")
    answer = github(asked, "package", body)
    assert "no rule of hooks/github.yml gives an artifact for it" in reason(answer)
    assert answer.json()["ignored"][0]["lacks"] == ["artifact"]


def test_a_package_of_maven_is_named_by_the_package(asked: Gateway) -> None:
    body = package(container_metadata=None, version="2.0", target_oid=COMMIT)
    body["package"] |= {"name": "com.example:lib", "package_type": "maven"}
    (fact,) = github(asked, "package", body).json()["facts"]
    assert fact["artifact"] == {"group": "com.example", "name": "lib", "version": "2.0", "commit": COMMIT}


@pytest.mark.parametrize(
    ("conclusion", "outcome"),
    [("success", "passed"), ("failure", "failed"), ("timed_out", "errored"), ("cancelled", "errored")],
)
def test_a_run_of_the_commit_of_a_release_is_its_verification(asked: Gateway, conclusion: str, outcome: str) -> None:
    asked.world.publish("2.0", artifact={"commit": COMMIT})
    asked.world.evaluate()
    (fact,) = github(asked, "workflow_run", run(conclusion)).json()["facts"]
    about = {key: fact[key] for key in ("type", "service", "environment", "version", "promotion", "outcome")}
    assert about == {
        "type": "verification.finished",
        "service": "foo",
        "environment": "dev",
        "version": "2.0",
        "promotion": "smoke",
        "outcome": outcome,
    }
    assert "note" not in fact


def test_a_commit_of_no_known_release_is_kept_as_unmatched_and_counts_once_it_is_known(asked: Gateway) -> None:
    answer = github(asked, "workflow_run", run())
    (fact,) = answer.json()["facts"]
    assert (fact["version"], fact["note"]) == (COMMIT, f"no release of foo has the commit {COMMIT}")
    assert asked.metric("deploydb_hooks_total", hook="github", result="unmatched") == 1
    assert asked.ingest(what="verification.finished") == 1
    with asked.world.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version FROM unmatched_fact").scalars().all() == [COMMIT]
    asked.world.publish("2.0", artifact={"commit": COMMIT})
    (again,) = github(asked, "workflow_run", run()).json()["facts"]
    assert (again["version"], again["id"] != fact["id"]) == ("2.0", True)


def test_a_commit_of_several_releases_is_never_guessed(asked: Gateway) -> None:
    asked.world.publish("2.0", artifact={"commit": COMMIT})
    asked.world.publish("2.1", artifact={"commit": COMMIT})
    (fact,) = github(asked, "workflow_run", run()).json()["facts"]
    assert (fact["version"], "com.example:foo 2.0 and com.example:foo 2.1" in fact["note"]) == (COMMIT, True)


@pytest.mark.parametrize(
    ("state", "type_", "outcome"),
    [
        ("success", "deployment.finished", "succeeded"),
        ("failure", "deployment.finished", "failed"),
        ("error", "deployment.finished", "failed"),
        ("in_progress", "deployment.started", None),
    ],
)
def test_a_deployment_status_is_reported_where_a_rule_sends_it(
    asked: Gateway, state: str, type_: str, outcome: str | None
) -> None:
    asked.world.publish("2.0", artifact={"commit": COMMIT})
    (fact,) = github(asked, "deployment_status", status(state)).json()["facts"]
    about = (fact["type"], fact.get("outcome"), fact["environment"], fact["version"])
    assert about == (type_, outcome, "prod", "2.0")


def test_a_release_has_the_url_of_its_rule(asked: Gateway) -> None:
    release = {"id": 1, "tag_name": "v3", "target_commitish": "main", "tarball_url": "https://x.test/v3", "assets": []}
    body = {"action": "published", "release": release, "repository": {"full_name": "acme/foo"}}
    (fact,) = github(asked, "release", body).json()["facts"]
    assert fact["artifact"] == {"group": "com.example", "name": "foo", "version": "v3", "url": "https://x.test/v3"}
    assert "counts when it is published" in reason(github(asked, "release", {**body, "action": "edited"}))


def test_a_check_run_is_a_verification_unless_a_rule_ignores_it(asked: Gateway) -> None:
    known = {
        "id": 3,
        "name": "unit",
        "head_sha": COMMIT,
        "conclusion": "failure",
        "completed_at": "2026-11-20T10:00:00Z",
    }
    body = {"action": "completed", "check_run": known, "repository": {"full_name": "acme/foo"}}
    assert facts(github(asked, "check_run", body)) == [("verification.finished", COMMIT)]
    assert "a rule of hooks/github.yml ignores it" in reason(
        github(asked, "check_run", {**body, "check_run": {**known, "name": "lint"}})
    )


def test_a_form_of_github_is_read_as_its_payload(asked: Gateway) -> None:
    content = urlencode({"payload": json.dumps(package())}).encode()
    answer = github(asked, "package", content, content_type="application/x-www-form-urlencoded")
    assert facts(answer) == [("artifact.published", "1.2.0")]


def without(body: dict[str, Any], *path: str) -> dict[str, Any]:
    found = deepcopy(body)
    inner = found
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return found


@pytest.mark.parametrize(
    ("event", "body", "status_code", "message"),
    [
        ("package", b"[]", 400, "the body is no JSON object"),
        ("package", b"{", 400, "the body is no JSON"),
        ("package", without(package(), "package", "name"), 422, "$.package.name: is missing"),
        ("package", {**package(), "package": 3}, 422, "$.package: expected an object, found a number"),
        ("package", package(updated_at="yesterday"), 422, "$.package.package_version.updated_at: expected a time"),
        ("package", package(tag="a\u202eb"), 422, "$.artifact.version"),
        ("workflow_run", without(run(), "workflow_run", "head_sha"), 422, "$.workflow_run.head_sha: is missing"),
        ("", package(), 422, "X-GitHub-Event: the header is missing"),
    ],
)
def test_a_malformed_payload_is_rejected_by_its_field(
    asked: Gateway, event: str, body: Any, status_code: int, message: str
) -> None:
    answer = github(asked, event, body)
    assert (answer.status_code, message in answer.json()["message"]) == (status_code, True), answer.text
    assert asked.received() == []


def push(tag: str = "1.2.0", at: float = 1763632800) -> dict[str, Any]:
    return {"push_data": {"tag": tag, "pushed_at": at}, "repository": {"repo_name": "acme/foo"}}


def test_a_push_to_docker_hub_is_a_release_without_a_digest(asked: Gateway) -> None:
    answer = send(asked, f"/hooks/dockerhub?{TOKEN}", push())
    (fact,) = answer.json()["facts"]
    assert fact["artifact"] == {
        "group": "com.example",
        "name": "foo",
        "version": "1.2.0",
        "url": "docker.io/acme/foo:1.2.0",
    }
    assert fact["time"] == "2025-11-20T10:00:00Z"
    send(asked, f"/hooks/dockerhub?{TOKEN}", push())
    assert asked.ingest(what="artifact.published") == 1


@pytest.mark.parametrize("path", ["/hooks/dockerhub", "/hooks/dockerhub?token=wrong"])
def test_docker_hub_proves_the_secret_in_the_address(asked: Gateway, path: str) -> None:
    answer = send(asked, path, push())
    assert (answer.status_code, asked.received()) == (401, [])
    assert SECRET not in answer.text


def test_an_unknown_hook_is_404_and_one_without_a_secret_503(asked: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    assert send(asked, "/hooks/gitea", b"{}").status_code == 404
    monkeypatch.delenv("HOOK_SECRET")
    answer = github(asked, "ping", {})
    assert (answer.status_code, "HOOK_SECRET" in answer.text) == (503, False)


def test_a_long_body_is_413(asked: Gateway) -> None:
    assert send(asked, "/hooks/github", b"x" * (1024 * 1024 + 1)).status_code == 413


def test_more_requests_than_the_limit_are_429(
    tmp_path: Path, sqlite_url: str, embedded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploydb.gateway.hooks.BURST", 2)
    monkeypatch.setattr("deploydb.gateway.hooks.SECONDS_EACH", 60.0)
    with receiving(tmp_path, sqlite_url, embedded_url, monkeypatch, github=GITHUB) as asked:
        assert github(asked, "ping", {}, secret="wrong").status_code == 401
        assert [github(asked, "ping", {}).status_code for _ in range(3)] == [202, 202, 429]


@pytest.mark.parametrize(
    ("event", "name", "expected"),
    [
        ("package", "package.published.docker", "the manifest has no tag"),
        ("registry_package", "registry_package.published.docker", "the manifest has no tag"),
        ("release", "release.published", [("artifact.published", "0.0.1")]),
        (
            "workflow_run",
            "workflow_run.completed",
            [("verification.finished", "3484a3fb816e0859fd6e1cea078d76385ff50625")],
        ),
        (
            "deployment_status",
            "deployment_status",
            [("deployment.finished", "f95f852bd8fca8fcc58a9a2d6c842781e32a215e")],
        ),
    ],
)
def test_each_sample_of_github_becomes_what_is_expected(
    asked: Gateway, event: str, name: str, expected: str | list[tuple[str, str]]
) -> None:
    body = sample(f"github/{name}.payload.json")
    assert github(asked, event, body, secret="another").status_code == 401
    assert asked.received() == []
    answer = github(asked, event, body)
    if isinstance(expected, str):
        assert expected in reason(answer)
    else:
        assert facts(answer) == expected
        assert len(asked.received()) == 1


def test_the_sample_of_docker_hub_is_the_tag_latest_which_is_no_version(asked: Gateway) -> None:
    body = sample("dockerhub/push.json")
    assert "the tag latest moves" in reason(
        send(asked, f"/hooks/dockerhub?{TOKEN}", body.replace(b"svendowideit/testhook", b"acme/foo"))
    )
