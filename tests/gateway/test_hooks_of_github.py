"""`POST /hooks/{name}`: the events of GitHub."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.gateway.github_payloads import COMMIT, DIGEST, DOCKERHUB, GITHUB, package, run, status
from tests.gateway.given import Gateway
from tests.gateway.hooks import facts, github, reason, receiving, sample


@pytest.fixture
def asked(tmp_path: Path, sqlite_url: str, embedded_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """foo 1.0 runs in dev."""
    with receiving(tmp_path, sqlite_url, embedded_url, monkeypatch, github=GITHUB, dockerhub=DOCKERHUB) as made:
        yield made


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
        ("deployment_status", status("success", payload={"deploydb": "https://x/flows/1"}), "DeployDB's own report"),
        ("workflow_run", run(None, "requested"), "workflow_run requested has no conclusion yet"),
        ("workflow_run", run("skipped"), "the conclusion skipped says nothing"),
        ("workflow_run", run(None), "workflow_run completed has no conclusion yet"),
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


def test_a_package_of_npm_is_its_file_whatever_ecosystem_it_names(asked: Gateway) -> None:
    file = {"download_url": "https://s3.test/foo.tgz?X-Amz-Expires=300", "sha256": DIGEST.removeprefix("sha256:")}
    body = package(container_metadata=None, version="2.0", package_files=[file])
    body["package"] |= {"name": "com.example:lib", "package_type": "maven", "ecosystem": "docker"}
    (fact,) = github(asked, "registry_package", {**body, "registry_package": body["package"]}).json()["facts"]
    assert fact["artifact"] == {"group": "com.example", "name": "lib", "version": "2.0", "digest": DIGEST}
    file["download_url"] = "https://repo.test/foo.tgz"
    for files, url in (([file], file["download_url"]), ([file, file], None)):
        body["package"]["package_version"] |= {"package_files": files, "version": f"2.{len(files)}"}
        (fact,) = github(asked, "package", body).json()["facts"]
        assert fact["artifact"].get("url") == url


def test_the_commit_of_an_image_is_that_of_its_label_also_among_all_of_them(asked: Gateway) -> None:
    labels = {"revision": "", "all_labels": {"org.opencontainers.image.revision": COMMIT.upper()}}
    body = package(container_metadata={"tag": {"name": "1.2.0", "digest": DIGEST}, "labels": labels})
    (fact,) = github(asked, "package", body).json()["facts"]
    assert fact["artifact"]["commit"] == COMMIT


@pytest.mark.parametrize("tag", [f"sha256-{'ab' * 32}", f"sha256-{'ab' * 32}.att"])
def test_the_signature_of_an_image_is_no_version(asked: Gateway, tag: str) -> None:
    assert "is no version" in reason(github(asked, "package", package(tag=tag)))


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
    assert (fact["commit"], fact["note"]) == (COMMIT, f"no release of foo has the commit {COMMIT}")
    assert asked.metric("deploydb_hooks_total", hook="github", result="unmatched") == 1
    assert asked.ingest(what="verification.finished") == 1
    with asked.world.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version FROM unmatched_fact").scalars().all() == [COMMIT]
    asked.world.publish("2.0", artifact={"commit": COMMIT})
    asked.world.evaluate()
    with asked.world.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version FROM unmatched_fact").scalars().all() == []
        assert connection.exec_driver_sql("SELECT event_id FROM verification").scalars().all() == [fact["id"]]
    (again,) = github(asked, "workflow_run", run()).json()["facts"]
    assert (again["version"], again["id"] != fact["id"]) == ("2.0", True)


def test_a_commit_of_several_releases_is_never_guessed(asked: Gateway) -> None:
    asked.world.publish("2.0", artifact={"commit": COMMIT})
    asked.world.publish("2.1", artifact={"commit": COMMIT})
    (fact,) = github(asked, "workflow_run", run()).json()["facts"]
    assert (fact["commit"], "com.example:foo 2.0 and com.example:foo 2.1" in fact["note"]) == (COMMIT, True)


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


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"state": "success"}, "passed"),
        ({"state": "failure"}, "failed"),
        ({"state": "error"}, "errored"),
        ({"state": "pending"}, "the status is pending: it has no result"),
        ({"state": "failure", "context": "deploydb/prod"}, "the status is DeployDB's own report"),
    ],
)
def test_a_status_of_a_commit_is_a_verification(asked: Gateway, more: dict[str, Any], expected: str) -> None:
    asked.world.publish("2.0", artifact={"commit": COMMIT})
    body = {"id": 1, "sha": COMMIT, "context": "ci/e2e", "branches": [], "repository": {"full_name": "acme/foo"}}
    answer = github(asked, "status", {**body, **more})
    if answer.json()["facts"]:
        (fact,) = answer.json()["facts"]
        assert (fact["version"], fact["promotion"], fact["outcome"]) == ("2.0", "smoke", expected)
    else:
        assert reason(answer) == expected


def test_a_form_of_github_is_read_as_its_payload(asked: Gateway) -> None:
    content = urlencode({"payload": json.dumps(package())}).encode()
    answer = github(asked, "package", content, content_type="application/x-www-form-urlencoded")
    assert facts(answer) == [("artifact.published", "1.2.0")]


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


@pytest.mark.parametrize(
    ("event", "more", "expected"),
    [
        ("package", {"sender": {"login": "ann", "type": "User"}}, "ann"),
        ("package", {"sender": {"login": "github-actions[bot]", "type": "Bot"}}, None),
        ("package", {"sender": {"login": "x" * 256, "type": "User"}}, None),
        ("package", {"sender": "ann"}, None),
        ("release", {"sender": {"login": "ann"}}, "bob"),
    ],
)
def test_the_person_of_a_package_or_a_release_is_named(
    asked: Gateway, event: str, more: dict[str, Any], expected: str | None
) -> None:
    release = {"id": 1, "tag_name": "2.0", "author": {"login": "bob", "type": "User"}}
    body = {**package(), "release": release, **more}
    (fact,) = github(asked, event, body).json()["facts"]
    assert fact["artifact"].get("triggered_by") == expected
