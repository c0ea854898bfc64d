"""The whole way between the tools of a team, each by its own interface: nothing is written in DeployDB's own form.

GitHub says that an image is there → Jenkins deploys it to dev → a test reports as a CDEvent → the chat asks a person,
who approves → Heroku builds it for prod → GitHub has the status of each stage, and the chat says so.
"""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.cluster import write_config
from tests.e2e.up import Up
from tests.gateway.github_payloads import COMMIT, package
from tests.gateway.hooks import SECRET
from tests.octokit.openapi import require_valid
from tests.octokit.signature import signature
from tests.orchestrators import heroku as paas
from tests.orchestrators import jenkins as ci
from tests.orchestrators.server import Asked, Reply, ToolServer, serving
from tests.reports import github as code
from tests.servers.ports import free_port


class Chat(ToolServer):
    """An incoming webhook of Slack."""

    def answer(self, asked: Asked) -> Reply:
        return Reply(text="ok")

    def says(self, *words: str) -> bool:
        """Whether one message has all the words."""
        return any(all(word in one.body for word in words) for one in list(self.asked))


class Tools(Struct, frozen=True, kw_only=True):
    """The tools of the team."""

    jenkins: ci.Jenkins
    heroku: paas.Heroku
    chat: Chat
    github: code.GitHub


def configuration(tools: Tools) -> dict[str, str]:
    return {
        "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main]\n",
        "pipelines/main.yml": "environments:\n  dev:\n    promotions: [smoke, go]\n  prod:\n",
        "promotions/smoke.yml": "type: VerificationPromotion\n",
        "promotions/go.yml": "type: ManualPromotion\n",
        "environments/dev.yml": "orchestrator: ci\n",
        "environments/prod.yml": "orchestrator: paas\n",
        "orchestrators/ci.yml": (
            f"type: jenkins\nurl: {tools.jenkins.url}\njob: acme/deploy\nuser: {ci.USER}\npoll_every: 1s\n"
            'token_from: DEPLOYDB_ORCHESTRATOR_CI\nparameters: {VERSION: "{version}", STAGE: "{environment}"}\n'
        ),
        "orchestrators/paas.yml": (
            f"type: heroku\nurl: {tools.heroku.url}\napp: foo-dev\npoll_every: 1s\n"
            "token_from: DEPLOYDB_ORCHESTRATOR_PAAS\n"
            'source: "https://github.example.com/acme/foo/archive/{version}.tar.gz"\n'
        ),
        "hooks/github.yml": (
            "type: github\nsecret: {env: GITHUB_SECRET}\n"
            "rules:\n  - when: {image: ghcr.io/acme/foo}\n    artifact: com.example:foo\n"
        ),
        "webhook/chat.yml": (
            "url_from: DEPLOYDB_WEBHOOK_CHAT\nformat: slack\n"
            "types: [approval.wanted, deployment.succeeded, deployment.failed]\n"
        ),
        "webhook/github.yml": (
            f"report: github\nurl: {tools.github.url}\nrepository: acme/{{service}}\n"
            "token_from: DEPLOYDB_WEBHOOK_GITHUB\n"
        ),
    }


@pytest.fixture
def tools() -> Iterator[Tools]:
    with (
        serving(ci.Jenkins()) as jenkins,
        serving(paas.Heroku()) as heroku,
        serving(Chat()) as chat,
        serving(code.GitHub(commit=COMMIT)) as github,
    ):
        yield Tools(jenkins=jenkins, heroku=heroku, chat=chat, github=github)


@pytest.fixture(
    params=[
        ("none", "none"),
        pytest.param(("shared_amqp_url", "shared_postgresql_url"), marks=pytest.mark.servers),
    ],
    ids=["embedded", "servers"],
)
def up(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tools: Tools,
) -> Iterator[Up]:
    """`deploydb up` between the tools, on each pair of servers."""
    write_config(tmp_path / "config", configuration(tools))
    variables = {
        "GITHUB_SECRET": SECRET,
        "DEPLOYDB_ORCHESTRATOR_CI": ci.TOKEN,
        "DEPLOYDB_ORCHESTRATOR_PAAS": paas.TOKEN,
        "DEPLOYDB_WEBHOOK_GITHUB": code.TOKEN,
        "DEPLOYDB_WEBHOOK_CHAT": f"{tools.chat.url}/services/T1/B1",
        "DEPLOYDB_OUTGOING_ALLOW": "127.0.0.1",
        "DEPLOYDB_URL": "https://deploydb.test",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    broker, database = (None if name == "none" else request.getfixturevalue(name) for name in request.param)
    made = Up(tmp_path, free_port(), broker_url=broker, database_url=database)
    try:
        made.ready()
        yield made
    finally:
        made.close()


def test_a_release_goes_from_the_package_to_production(up: Up, tools: Tools) -> None:
    jenkins, heroku, chat, github = tools.jenkins, tools.heroku, tools.chat, tools.github
    from_github(up, "package", package())
    up.until(lambda: jenkins.items, "Jenkins is asked")
    given = jenkins.parameters(1)
    assert (given["VERSION"], given["STAGE"]) == ("1.2.0", "dev")
    jenkins.end(jenkins.begin(1))
    up.until(lambda: up.running().get("dev") == ["1.2.0"], "dev runs it")

    assert not chat.says("Approve")
    report(up, given["DEPLOYDB_COMMAND"], "pass")
    up.until(lambda: chat.says("Approve", "foo", "1.2.0", "dev"), "people are asked")
    word = {"service": "foo", "environment": "dev", "version": "1.2.0", "promotion": "go", "decision": "approve"}
    assert post(up, "/api/approvals", word) in (201, 202)

    up.until(lambda: heroku.builds, "Heroku is asked")
    ((build, asked),) = heroku.builds.items()
    assert asked["source_blob"]["url"] == "https://github.example.com/acme/foo/archive/1.2.0.tar.gz"
    assert asked["source_blob"]["version"] == COMMIT
    heroku.releases[heroku.release(build)]["status"] = "succeeded"
    up.until(lambda: up.running().get("prod") == ["1.2.0"], "prod runs it")
    up.until(lambda: chat.says("foo", "1.2.0", "prod"), "the chat hears of it")
    assert len(jenkins.items) == len(heroku.builds) == 1

    up.until(lambda: github.states("deploydb/prod")[-1:] == ["success"], "the commit has the status of prod")
    ended = [["success"], ["success"]]
    up.until(lambda: [github.deployment_states(one)[-1:] for one in github.deployments] == ended, "both stages")
    assert github.states("deploydb/dev")[::3] == ["pending", "success"]
    assert [one["environment"] for one in github.deployments.values()] == ["dev", "prod"]
    assert github.statuses[0]["target_url"].startswith("https://deploydb.test/flows/1#deployment-")
    require_valid(github.asked)
    up.stop()


def from_github(up: Up, event: str, payload: dict[str, Any]) -> None:
    """A webhook of GitHub, signed by GitHub's own code."""
    body = json.dumps(payload).encode()
    headers = {"X-GitHub-Event": event, "X-GitHub-Delivery": "1", "X-Hub-Signature-256": signature(body, SECRET)}
    assert _sent(up, "/hooks/github", body, headers) in (201, 202)


def report(up: Up, command: str, outcome: str) -> None:
    """A CDEvent of the test that the job runs. It links to the command, whose id Jenkins has as a parameter."""
    event = {
        "context": {
            "version": "0.4.1",
            "id": "3a1b",
            "source": "/ci/e2e",
            "type": "dev.cdevents.testsuiterun.finished.0.2.0",
            "timestamp": "2026-11-20T10:00:00Z",
            "links": [{"linkType": "RELATION", "linkKind": "TRIGGER", "target": {"contextId": command}}],
        },
        "subject": {
            "id": "run/1",
            "source": "/ci/e2e",
            "type": "testSuiteRun",
            "content": {"environment": {"id": "dev"}, "outcome": outcome, "testSuite": {"id": "smoke"}},
        },
    }
    assert post(up, "/events", event) in (201, 202)


def post(up: Up, path: str, document: dict[str, Any]) -> int:
    """With the token of the person at the machine."""
    token = (up.folder / "data/token").read_text().strip()
    return _sent(up, path, json.dumps(document).encode(), {"Authorization": f"Bearer {token}"})


def _sent(up: Up, path: str, body: bytes, headers: dict[str, str]) -> int:
    request = urllib.request.Request(f"{up.url}{path}", body, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=60) as answer:
        status: int = answer.status
        return status
