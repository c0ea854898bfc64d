"""`POST /hooks/{name}`: what all webhooks have in common, and Docker Hub."""

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.github_payloads import DOCKERHUB, GITHUB, TOKEN, package, push, run, without
from tests.gateway.given import Gateway
from tests.gateway.hooks import SECRET, github, reason, receiving, sample, send
from tests.octokit.signature import signature


@pytest.fixture
def asked(tmp_path: Path, sqlite_url: str, embedded_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """foo 1.0 runs in dev."""
    with receiving(tmp_path, sqlite_url, embedded_url, monkeypatch, github=GITHUB, dockerhub=DOCKERHUB) as made:
        yield made


def test_the_signature_of_github_s_documentation_is_accepted(asked: Gateway) -> None:
    expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert hmac.new(SECRET.encode(), b"Hello, World!", hashlib.sha256).hexdigest() == expected
    answer = asked.ask(
        "/hooks/github", content=b"Hello, World!", x_hub_signature_256=f"sha256={expected}", x_github_event="package"
    )
    assert (answer.status_code, "the body is no JSON" in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize("body", [b"{}", '{"é": "☃ 🚀"}\r\n'.encode()])
def test_what_github_s_own_code_signs_is_accepted(asked: Gateway, body: bytes) -> None:
    answer = send(asked, "/hooks/github", body, x_hub_signature_256=signature(body, SECRET), x_github_event="ping")
    assert answer.status_code == 202


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


def test_the_sample_of_docker_hub_is_the_tag_latest_which_is_no_version(asked: Gateway) -> None:
    body = sample("dockerhub/push.json")
    assert "the tag latest moves" in reason(
        send(asked, f"/hooks/dockerhub?{TOKEN}", body.replace(b"svendowideit/testhook", b"acme/foo"))
    )
