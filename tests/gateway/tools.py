"""Webhooks of the tools that people have: reduced payloads, how each tool proves the secret, and rules for them."""

import base64
import hmac
import json
from typing import Any

from tests.gateway.given import Gateway
from tests.gateway.hooks import SECRET, send

COMMIT = "9fceb02d0ae598e95dc970b74767f19372d61af8"
DIGEST = f"sha256:{'ab' * 32}"
HEAD = "secret: {env: HOOK_SECRET}\nrules:\n"
IMAGE = "  - when: {image: '*acme/foo'}\n    artifact: com.example:foo\n"
HOOKS = {
    "gitlab": """
  - when: {event: release}
    artifact: com.example:foo
  - when: {project: acme/*}
    service: foo
  - when: {environment: staging}
    service: foo
    environment: dev
  - when: {kind: verification}
    environment: dev
    promotion: smoke
""",
    "harbor": IMAGE,
    "quay": IMAGE,
    "registry": IMAGE,
    "artifactory": f"{IMAGE}  - when: {{event: deployed}}\n    artifact: '{{group}}:{{module}}'\n",
    "nexus": "  - artifact: '{group}:{name}'\n",
    "argocd": f"{IMAGE}  - when: {{chart: foo}}\n    artifact: com.example:foo\n  - environment: prod\n    service: foo\n",  # noqa: E501
    "alertmanager": "  - when: {severity: info}\n    ignore: true\n  - when: {label.namespace: shop}\n    service: foo\n",  # noqa: E501
    "pagerduty": "  - when: {service: Shop}\n    service: foo\n    environment: prod\n",
    "jenkins": """
  - when: {job: foo-e2e}
    service: foo
    environment: dev
    promotion: smoke
    version: "{parameter.VERSION}"
""",
    "flux": "  - when: {name: foo}\n    artifact: com.example:foo\n    environment: prod\n",
    "rundeck": "  - when: {job: deploy/foo}\n    service: foo\n    environment: dev\n    version: '{option.version}'\n",
    "heroku": "  - when: {app: foo-prod}\n    artifact: com.example:foo\n    environment: prod\n",
}


def mac(body: bytes, algorithm: str = "sha256", encoding: str = "hex", secret: str = SECRET) -> str:
    digest = hmac.new(secret.encode(), body, algorithm)
    return digest.hexdigest() if encoding == "hex" else base64.b64encode(digest.digest()).decode()


def proof(tool: str, body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The header by which a tool proves the secret."""
    basic = base64.b64encode(f"deploydb:{secret}".encode()).decode()
    return {
        "gitlab": {"x_gitlab_token": secret},
        "harbor": {"authorization": secret},
        "artifactory": {"x_jfrog_event_auth": mac(body, secret=secret)},
        "nexus": {"x_nexus_webhook_signature": mac(body, "sha1", secret=secret)},
        "argocd": {"authorization": f"Bearer {secret}"},
        "alertmanager": {"authorization": f"Basic {basic}"},
        "pagerduty": {"x_pagerduty_signature": f"v1=00,v1={mac(body, secret=secret)}"},
        "flux": {"x_signature": f"sha256={mac(body, secret=secret)}"},
        "heroku": {"heroku_webhook_hmac_sha256": mac(body, encoding="base64", secret=secret)},
        "jenkins": {"authorization": f"Bearer {secret}"},
        "rundeck": {"authorization": f"Bearer {secret}"},
        "registry": {"authorization": f"Bearer {secret}"},
    }.get(tool, {})


def hook(asked: Gateway, tool: str, payload: Any, *, secret: str = SECRET, **headers: str) -> Any:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    path = f"/hooks/{tool}" + (f"?token={secret.replace(' ', '+')}" if tool == "quay" else "")
    extra = {"x_nexus_webhook_id": "rm:repository:component"} if tool == "nexus" else {}
    return send(asked, path, body, **{**extra, **proof(tool, body, secret), **headers})


PROJECT = {"path_with_namespace": "acme/foo", "web_url": "https://gitlab.test/acme/foo"}
JOB = {"object_kind": "build", "build_id": 1, "build_name": "e2e", "sha": COMMIT, "project": PROJECT}
PIPELINE = {"id": 3, "sha": COMMIT, "status": "success", "finished_at": "2026-11-20 10:00:00 UTC"}
RELEASE = {"object_kind": "release", "id": 1, "action": "create", "tag": "v2", "project": PROJECT}
PUSHED = {"tag": "1.2.0", "digest": DIGEST, "resource_url": "harbor.test/acme/foo:1.2.0"}
HARBOR = {
    "type": "PUSH_ARTIFACT",
    "occur_at": 1763632800,
    "event_data": {"resources": [PUSHED], "repository": {"repo_full_name": "acme/foo", "namespace": "acme"}},
}
PUSH = {
    "id": "e1",
    "timestamp": "2026-11-20T10:00:00.1Z",
    "action": "push",
    "target": {"digest": DIGEST, "repository": "acme/foo", "tag": "1.2.0"},
    "request": {"host": "registry.test:5000", "method": "PUT"},
    "actor": {"name": "ann"},
}
ALERT = {
    "status": "firing",
    "labels": {"alertname": "Errors", "namespace": "shop", "environment": "prod", "severity": "page"},
    "annotations": {"summary": "too many errors"},
    "startsAt": "2026-11-20T10:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "c1",
}
INCIDENT = {"id": "Q1", "title": "down", "service": {"summary": "Shop"}, "html_url": "https://pd.test/Q1"}
BUILD = {"full_url": "https://ci.test/1/", "number": 1, "phase": "COMPLETED", "status": "SUCCESS"}
EXECUTION = {
    "id": 7,
    "status": "succeeded",
    "project": "shop",
    "job": {"name": "foo", "group": "deploy", "options": {"version": "1.0"}},
}


def app(**more: Any) -> dict[str, Any]:
    status = {
        "health": {"status": "Healthy"},
        "operationState": {"phase": "Succeeded", "finishedAt": "2026-11-20T10:00:00Z"},
        "summary": {"images": ["ghcr.io/acme/foo:1.0", "ghcr.io/other/sidecar:v2"]},
        "history": [{"id": 4, "deployedAt": "2026-11-20T09:59:00Z"}],
        **more,
    }
    source = {"repoURL": "https://github.com/acme/gitops", "path": "foo"}
    spec = {"project": "default", "destination": {"namespace": "shop", "server": "https://k"}, "source": source}
    return {"app": {"metadata": {"name": "foo", "uid": "u1"}, "spec": spec, "status": status}}


def flux(why: str, revision: str) -> dict[str, Any]:
    about = {"kind": "HelmRelease", "name": "foo", "namespace": "shop", "uid": "u2"}
    metadata = {"helm.toolkit.fluxcd.io/revision": revision}
    return {"involvedObject": about, "metadata": metadata, "reason": why, "timestamp": "2026-11-20T10:00:00Z"}


def heroku(status: str = "succeeded", **more: Any) -> dict[str, Any]:
    data = {"id": "r1", "status": status, "app": {"name": "foo-prod"}, "description": f"Deploy {COMMIT[:8]}", **more}
    return {"resource": "release", "action": "update", "data": data}


def jfrog(domain: str, event: str, **data: Any) -> dict[str, Any]:
    return {"domain": domain, "event_type": event, "data": {"repo_key": "libs", "sha256": "ab" * 32, **data}}


def nexus(action: str = "CREATED") -> dict[str, Any]:
    component = {"format": "maven2", "group": "com.example", "name": "foo", "version": "2.0"}
    return {
        "timestamp": "2016-11-10T23:57:49.664+0000",
        "repositoryName": "r",
        "action": action,
        "component": component,
    }


PUBLISHED = "artifact.published"
FINISHED = "deployment.finished"
VERIFIED = "verification.finished"
