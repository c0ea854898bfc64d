"""Deployments by GitHub Actions: dispatch → run → conclusion."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploydb.orchestrators.tools.github import GitHubOrchestrator
from tests.octokit.openapi import require_valid
from tests.orchestrators import running
from tests.orchestrators.github import DISPATCHES, REPOSITORY, TOKEN, GitHub
from tests.orchestrators.server import serving
from tests.workers.in_process import InProcess, published, until

VARIABLE = "DEPLOYDB_ORCHESTRATOR_GITHUB"


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setattr(GitHubOrchestrator, "settles", timedelta(seconds=0.1))
    with serving(GitHub()) as tool:
        yield tool


def begun(workshop: InProcess, github: GitHub, what: str = "workflow: deploy.yml\nref: 'v{version}'\n") -> None:
    described = f"type: github\nurl: {github.url}\nrepository: acme/{{service}}\n{what}token_from: {VARIABLE}\n"
    running.configured(workshop, described)
    workshop.start("orchestrate")
    workshop.publish(published("1.0"))


def test_a_run_is_dispatched_and_followed(workshop: InProcess, github: GitHub) -> None:
    begun(workshop, github)
    command = running.in_state(workshop, "started").command
    assert github.given[4000]["DEPLOYDB_COMMAND"] == command
    asked = next(one for one in github.asked if one.path == DISPATCHES)
    assert '"ref": "v1.0"' in asked.body
    until(lambda: "if-none-match" in github.asked[-1].headers, "a look by the etag")
    assert running.deployments(workshop)[0].started_url is None
    github.runs[4000]["status"] = "in_progress"
    until(lambda: running.deployments(workshop)[0].started_url == github.runs[4000]["html_url"], "its page")
    github.end(4000, "success")
    assert running.ended(workshop).outcome == "succeeded"
    require_valid(github.asked)


def test_a_failure_names_the_step(workshop: InProcess, github: GitHub) -> None:
    begun(workshop, github)
    running.in_state(workshop, "started")
    steps = [{"name": "Checkout", "conclusion": "success"}, {"name": "Roll out", "conclusion": "failure"}]
    github.jobs = [{"name": "deploy", "conclusion": "failure", "steps": steps}]
    github.end(4000, "failure")
    assert running.ended(workshop).failure == "the conclusion of the run is failure\ndeploy: Roll out"


@pytest.mark.parametrize("what", ["workflow: deploy.yml\n", "event: deploy\n"])
def test_a_run_whose_id_is_not_given_is_found_by_its_title(workshop: InProcess, github: GitHub, what: str) -> None:
    github.details = False
    begun(workshop, github, what)
    until(lambda: running.row(workshop).run_id == "4000", "it is found")
    github.end(4000, "success")
    assert running.ended(workshop).outcome == "succeeded"


def test_a_lost_answer_is_searched(workshop: InProcess, github: GitHub) -> None:
    github.goes_wrong("POST", DISPATCHES, 502, "lose")
    begun(workshop, github)
    running.in_state(workshop, "started")
    assert (github.count("POST", DISPATCHES), len(github.runs)) == (2, 1)


def test_a_run_that_may_be_the_lost_one_keeps_another_from_being_started(workshop: InProcess, github: GitHub) -> None:
    github.title = "Deploy"
    github.goes_wrong("POST", DISPATCHES, "lose")
    begun(workshop, github)
    failure = running.ended(workshop).failure
    assert failure.endswith("is its run is unknown: put DEPLOYDB_COMMAND into the run-name of the workflow")
    assert github.count("POST", f"{REPOSITORY}/actions") == 1
