"""Reduced payloads of GitHub and Docker Hub, and hooks for them."""

from copy import deepcopy
from typing import Any
from urllib.parse import urlencode

from tests.gateway.hooks import SECRET

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
  - when: {job: ci/*}
    service: foo
    environment: dev
    promotion: smoke
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


def without(body: dict[str, Any], *path: str) -> dict[str, Any]:
    found = deepcopy(body)
    inner = found
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return found


def push(tag: str = "1.2.0", at: float = 1763632800) -> dict[str, Any]:
    return {"push_data": {"tag": tag, "pushed_at": at}, "repository": {"repo_name": "acme/foo"}}
