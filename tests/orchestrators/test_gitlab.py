"""Deployments by GitLab: pipeline → status."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploydb.orchestrators.tools.gitlab import GitLabOrchestrator
from tests.orchestrators import running
from tests.orchestrators.gitlab import PROJECT, TOKEN, GitLab
from tests.orchestrators.server import serving
from tests.workers.in_process import InProcess, published, until

VARIABLE = "DEPLOYDB_ORCHESTRATOR_GITLAB"


@pytest.fixture
def gitlab(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLab]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setattr(GitLabOrchestrator, "settles", timedelta(seconds=0.1))
    with serving(GitLab()) as tool:
        yield tool


def begun(workshop: InProcess, gitlab: GitLab) -> None:
    described = f"type: gitlab\nurl: {gitlab.url}\nproject: acme/{{service}}\nref: 'v{{version}}'\n"
    running.configured(workshop, f"{described}token_from: {VARIABLE}\nparameters: {{STAGE: '{{environment}}'}}\n")
    workshop.start("orchestrate")
    workshop.publish(published("1.0"))


def test_a_pipeline_is_run_and_followed(workshop: InProcess, gitlab: GitLab) -> None:
    begun(workshop, gitlab)
    command = running.in_state(workshop, "started").command
    assert gitlab.pipelines[70]["ref"] == "v1.0"
    stage, ours = gitlab.variables[70]
    assert (stage, ours) == ({"key": "STAGE", "value": "dev"}, {"key": "DEPLOYDB_COMMAND", "value": command})
    until(lambda: gitlab.count("GET", f"{PROJECT}/pipelines/70"), "a look")
    assert running.deployments(workshop)[0].started_url is None
    gitlab.pipelines[70]["status"] = "running"
    until(lambda: running.deployments(workshop)[0].started_url == gitlab.pipelines[70]["web_url"], "its page")
    gitlab.pipelines[70]["status"] = "success"
    assert running.ended(workshop).outcome == "succeeded"


def test_a_failure_names_the_jobs_and_has_the_end_of_a_log(workshop: InProcess, gitlab: GitLab) -> None:
    begun(workshop, gitlab)
    running.in_state(workshop, "started")
    gitlab.jobs = [{"id": 9, "name": "rollout"}, {"id": 10, "name": "smoke"}]
    gitlab.trace = "$ helm upgrade\nError: timed out\n"
    gitlab.pipelines[70]["status"] = "failed"
    expected = "the pipeline has failed: rollout, smoke\n$ helm upgrade\nError: timed out"
    assert running.ended(workshop).failure == expected


def test_a_lost_answer_is_searched(workshop: InProcess, gitlab: GitLab) -> None:
    gitlab.pipelines[60] = {"id": 60, "status": "success", "web_url": "https://gitlab.test/60"}
    gitlab.variables[60] = [{"key": "DEPLOYDB_COMMAND", "value": "another"}]
    gitlab.goes_wrong("POST", "/pipeline", 503, "lose")
    begun(workshop, gitlab)
    running.in_state(workshop, "started")
    assert (gitlab.count("POST", "/pipeline"), len(gitlab.pipelines)) == (2, 2)
