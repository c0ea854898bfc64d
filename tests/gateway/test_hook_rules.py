"""`POST /hooks/{name}`: what rules take from names and fields of a payload."""

from pathlib import Path

import pytest

from tests.gateway.hooks import facts, github, receiving
from tests.gateway.tools import DIGEST, FINISHED, HEAD, app, hook


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("foo-v2.0.0", ("com.example:foo", "2.0.0")),
        ("services/bar/v2.0.0-rc.1", ("com.example:bar", "2.0.0-rc.1")),
        ("foo-v", ("com.example:foo", "foo-v")),
        ("v3", None),
    ],
)
def test_a_tag_of_one_part_of_a_repository_gives_its_artifact_and_version(
    tmp_path: Path,
    sqlite_url: str,
    embedded_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tag: str,
    expected: tuple[str, str] | None,
) -> None:
    rules = """type: github
secret: {env: HOOK_SECRET}
rules:
  - when: {tag: "foo-v*"}
    artifact: com.example:foo
    version: "{tag*}"
  - when: {repository: "acme/*", $.release.tag_name: "services/bar/v*"}
    artifact: "com.example:bar"
    version: "{$.release.tag_name*}"
"""
    body = {"action": "published", "release": {"id": 1, "tag_name": tag}, "repository": {"full_name": "acme/shop"}}
    with receiving(tmp_path, sqlite_url, embedded_url, monkeypatch, github=rules) as asked:
        answer = github(asked, "release", body)
        found = [(one["artifact"], one["artifact"]["version"]) for one in answer.json()["facts"]]
        names = [(f"{file['group']}:{file['name']}", version) for file, version in found]
        assert names == ([expected] if expected is not None else []), answer.text


def test_a_rule_matches_on_true_and_false(
    tmp_path: Path, sqlite_url: str, embedded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = """type: github
secret: {env: HOOK_SECRET}
rules:
  - when: {$.release.prerelease: "true"}
    ignore: true
  - when: {$.release.assets: "*"}
    artifact: com.example:bar
  - artifact: com.example:foo
"""
    with receiving(tmp_path, sqlite_url, embedded_url, monkeypatch, github=rules) as asked:
        for prerelease, expected in ((True, []), (False, [("artifact.published", "v3")])):
            release = {"id": 1, "tag_name": "v3", "prerelease": prerelease, "assets": []}
            body = {"action": "published", "release": release, "repository": {"full_name": "acme/foo"}}
            assert facts(github(asked, "release", body)) == expected


def test_a_source_of_argo_cd_in_an_oci_registry_is_the_release_with_its_digest(
    tmp_path: Path, sqlite_url: str, embedded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = "  - when: {repository: 'oci://*/acme/foo'}\n    artifact: com.example:foo\n    environment: prod\n"
    payload = app(summary={}, operationState={"phase": "Succeeded", "syncResult": {"revision": DIGEST}})
    payload["app"]["spec"]["source"] = {"repoURL": "oci://ghcr.io/acme/foo", "path": "."}
    with receiving(tmp_path, sqlite_url, embedded_url, monkeypatch, argocd=f"type: argocd\n{HEAD}{rule}") as asked:
        asked.world.publish("2.0", artifact={"digest": DIGEST})
        assert facts(hook(asked, "argocd", payload)) == [(FINISHED, "2.0")]
