"""Pages of docs/how-to: each command, one block after the other, beside `deploydb up`."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from deploydb.hooks.tool import known_tools
from tests.cluster import ROOT
from tests.documents.site import RELEASE, Site, steps
from tests.gateway.github_payloads import package, push
from tests.gateway.test_hook_tools import BECOMES

BEFORE = {
    "rollback": "release storefront 1.3.2; release storefront 1.4.0",
    "rules": "release payments 1.0.0",
    "freeze": "release storefront 1.4.0",
    "service": "",
}
"""What has happened before a page begins."""
SHOWING = ("slack", "teams", "cdevents", "eiffel")
"""Pages whose commands show what was sent, or what came."""
GIVEN = {
    "github.ref_name": "v1.5.0",
    "github.sha": "9fceb02" + "0" * 33,
    "github.repository": "acme/storefront",
    "github.run_id": "4711",
    "github.actor": "alice",
    "inputs.environment": "dev",
    "inputs.version": "1.5.0",
    "job.status": "success",
}
"""What GitHub puts into a workflow."""
PAYLOADS = {tool: payload for tool, payload, _ in reversed(BECOMES)} | {"github": package(), "dockerhub": push()}
OF_THE_PAGE = {
    "artifactory": {'"libs"': '"docker-local"', "acme/": ""},
    "harbor": {"harbor.test": "harbor.example.com"},
    "nexus": {'"r"': '"releases"'},
    "pagerduty": {'"service":': '"urgency": "high", "service":'},
    "rundeck": {'"version":': '"environment": "dev", "version":'},
    "registry": {"registry.test": "registry.example.com"},
}
"""What a payload has to say for the rules of the page, in place of the names of the other tests."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path, stack).start()


@pytest.mark.parametrize("page", BEFORE)
def test_the_commands_of_a_page_work(page: str, site: Site) -> None:
    site.run(RELEASE + BEFORE[page])
    for step in steps(f"how-to/{page}.md"):
        site.follow(step)


def test_the_history_of_the_first_deploydb_comes_along(site: Site, tmp_path: Path) -> None:
    site.run(RELEASE + "release storefront 1.3.2")
    with ExitStack() as stack:
        new = Site(tmp_path / "new", stack).start()
        for step in steps("how-to/first-deploydb.md"):
            new.follow(step._replace(command=step.command.replace("http://first-deploydb.example.com:8080", site.url)))
        assert "1.3.2" in new.run("deploydb status --environment prod")


def test_the_workflows_of_github_actions_publish_a_release_and_a_test(site: Site) -> None:
    page = (ROOT / "docs/how-to/github-actions.md").read_text(encoding="utf-8")
    token, look = (step.command for step in steps("how-to/github-actions.md"))
    assert "ci-storefront write" in site.run(token)
    given = GIVEN | {"secrets.DEPLOYDB_TOKEN": (site.folder / "deploydb-data/token").read_text().strip()}
    for workflow in re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        (job,) = yaml.safe_load(workflow)["jobs"].values()
        for step in job["steps"]:
            values = job["env"] | step.get("env", {}) | {"DEPLOYDB_URL": site.url}
            site.run(step["run"], **{name: _filled(value, given) for name, value in values.items()})
        if "artifact.published" in workflow:
            site.run("deploydb wait storefront dev 1.5.0 --for running")
    site.run(look)


def _filled(value: str, given: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: given[found[1]], value)


@pytest.mark.parametrize("tool", known_tools())
def test_the_payload_of_a_tool_becomes_a_fact_by_the_hook_of_its_page(tool: str, tmp_path: Path) -> None:
    page = (ROOT / f"docs/how-to/{tool}.md").read_text(encoding="utf-8")
    (hook,) = (
        text for text in re.findall(rf"^```yaml\n(type: {tool}\n.*?)^```", page, re.M | re.S) if "rules:" in text
    )
    site = Site(tmp_path, ExitStack())
    (tmp_path / "config/hooks").mkdir()
    (tmp_path / f"config/hooks/{tool}.yml").write_text(hook)
    payload = json.dumps(PAYLOADS[tool])
    for text, other in {"foo": "storefront", **OF_THE_PAGE.get(tool, {})}.items():
        payload = payload.replace(text, other)
    (step,) = steps(f"how-to/{tool}.md")
    (file,) = re.findall(r"--payload (\S+)", step.command)
    (tmp_path / file).write_text(payload)
    assert "becomes " in site.run(step.command)


def test_the_commands_that_show_what_was_sent_and_what_came_work(site: Site) -> None:
    (site.folder / "config/webhook").mkdir()
    for name in SHOWING:
        page = (ROOT / f"docs/how-to/{name}.md").read_text(encoding="utf-8")
        for webhook in re.findall(rf"^```yaml\n([^`]*format: {name}\n.*?)^```", page, re.M | re.S):
            (site.folder / f"config/webhook/{name}.yml").write_text(webhook)
        for step in steps(f"how-to/{name}.md"):
            if "broker provision" not in step.command:  # tests/workers/test_eiffel.py runs it, with RabbitMQ
                site.follow(step)
