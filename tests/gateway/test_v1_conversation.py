"""The conversation of existing v1 clients with `deploydb up`, over a real socket: writes, reads and webhooks."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cluster import write_config
from tests.e2e.up import Up
from tests.gateway.v1 import ARTIFACT, JSON, V1
from tests.servers.ports import free_port
from tests.web import Web, web
from tests.workers.in_process import until

DEPLOYMENT = ["id", "artifact", "status", "service", "environment", "createdAt"]


def webhooks(url: str, *states: str) -> str:
    return "  deployment:\n" + "".join(f"    {state}: [{url}/{state}]\n" for state in states)


def files(hook: str) -> dict[str, str]:
    """A directory as clients of v1 have it, with `hook` as the receiver of webhooks."""
    return {
        "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main]\npromotions: [jenkins-smoke]\n",
        "services/later.yml": "artifacts: [com.example:later]\npipelines: [missing]\nfailure_strategy: Stop\n",
        "services/empty.yml": "description: nothing yet\n",
        "pipelines/main.yml": "environments:\n  dev:\n  integ:\n",
        "environments/dev.yml": "deadline: none\nwebhooks:\n" + webhooks(f"{hook}/dev", "created", "completed"),
        "environments/integ.yml": "description: Integration\n",
        "promotions/jenkins-smoke.yml": "type: JenkinsPromotion\n",
        "webhook/all.yml": f"deployment:\n  created: [{hook}/all, {hook}/dev/created]\n"
        f"promotion:\n  completed: [{hook}/promotion]\n",
    }


@pytest.fixture
def hook() -> Iterator[Web]:
    with web() as server:
        for path in ("/all", "/dev/created", "/dev/completed", "/promotion"):
            server.reply(path, 200)
        yield server


@pytest.fixture
def up(tmp_path: Path, hook: Web) -> Iterator[Up]:
    write_config(tmp_path / "config", files(hook.url))
    port = free_port()
    made = Up(tmp_path, port)
    try:
        made.ready()
        yield made
    finally:
        made.close()


def ask(up: Up, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """Status, body and headers."""
    connection = HTTPConnection(urlsplit(up.url).netloc, timeout=60)
    try:
        given = {"Content-Type": JSON, "Prefer": "wait=20"} if body is not None else {}
        connection.request(method, path, json.dumps(body) if body is not None else None, {**given, **headers})
        answer = connection.getresponse()
        text = answer.read()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, json.loads(text) if text else None, named
    finally:
        connection.close()


def calls(hook: Web) -> list[tuple[str, str, str, list[str]]]:
    """Path, content type, environment and keys of each call, by path."""
    found = []
    for _, path, body, headers in hook.asked:
        fields = json.loads(body)
        kind = next(value for name, value in headers.items() if name.lower() == "content-type")
        found.append((path, kind, fields["environment"], list(fields)))
    return sorted(found)


def kind(subject: str) -> str:
    return f"application/vnd.deploydb.{subject}.v1+json"


def test_existing_clients_bring_a_release_through(up: Up, hook: Web) -> None:
    status, artifact, headers = ask(up, "POST", "/api/artifacts", ARTIFACT)
    assert (status, headers["location"], list(artifact)[:5]) == (201, "/api/artifacts/1", ["id", *ARTIFACT])
    created = [(path, kind("deploymentcreated"), "dev", DEPLOYMENT) for path in ("/all", "/dev/created")]
    until(lambda: calls(hook) == created, "created, once for each URL of both lists")

    assert ask(up, "PATCH", "/api/deployments/1", {"status": "STARTED"})[1]["status"] == "STARTED"
    assert ask(up, "PATCH", "/api/deployments/1", {"status": "COMPLETED"})[1]["status"] == "COMPLETED"
    result = {"name": "jenkins-smoke", "status": "SUCCESS", "infoUrl": "http://jenkins/7"}
    status, body, headers = ask(up, "POST", "/api/deployments/1/promotions", result)
    assert (status, body["status"], headers["location"]) == (201, "SUCCESS", "/api/deployments/1/promotions/1")
    assert ask(up, "GET", headers["location"], Accept=V1)[1] == body
    expected = sorted(
        [
            *created,
            *((path, kind("deploymentcreated"), "integ", DEPLOYMENT) for path in ("/all", "/dev/created")),
            ("/dev/completed", kind("deploymentcompleted"), "dev", DEPLOYMENT),
            ("/promotion", kind("promotioncompleted"), "dev", [*DEPLOYMENT, "promotionResult"]),
        ]
    )
    until(lambda: calls(hook) == expected, "the calls of the first stage, and of the next")
    called = json.loads(next(body for _, path, body, _ in hook.asked if path == "/promotion"))
    assert (called["status"], called["promotionResult"]) == ("VERIFIED", body)

    assert [one["status"] for one in ask(up, "GET", "/api/flows/1")[1]["deployments"]] == ["SUCCESS", "CREATED"]


def test_services_that_lack_something_are_shown_and_take_nothing(up: Up) -> None:
    assert up.has_output("config", "later takes no releases: it lacks pipeline missing")
    shown = {one["ident"]: one["pipelines"] for one in ask(up, "GET", "/api/services")[1]}
    assert shown == {"empty": [], "foo": ["main"], "later": ["missing"]}
    status, body, _ = ask(up, "POST", "/api/artifacts", {**ARTIFACT, "name": "later"})
    assert (status, body["code"]) == (404, 404)
    assert body["message"] == "com.example:later is of later, which lacks pipeline missing: nothing is stored"
    assert ask(up, "GET", "/api/artifacts/by-module/com.example:later")[0] == 404
    assert ask(up, "GET", "/healthcheck")[0] == 200
    assert ask(up, "POST", "/api/deployments/by-service/promotions", {})[0] == 405
    assert ask(up, "GET", "/api/deployments?pageNumber=99999999999999999999")[1] == {
        "code": 404,
        "message": "there is no page 99999999999999999999 of /api/deployments: nothing is on it",
    }
