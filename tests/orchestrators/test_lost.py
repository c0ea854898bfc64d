"""Starts whose answer is lost, and what becomes of them by later answers, refusals and searches that see a part."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from deploydb.store import orchestrator_runs
from deploydb.store.tables import event
from tests.orchestrators import running, test_github, test_gitlab, test_heroku, test_jenkins, test_rundeck
from tests.orchestrators.github import DISPATCHES, GitHub
from tests.orchestrators.gitlab import GitLab
from tests.orchestrators.heroku import APP, Heroku
from tests.orchestrators.jenkins import Jenkins
from tests.orchestrators.paas import Paas
from tests.orchestrators.rundeck import JOB, Rundeck
from tests.orchestrators.test_github import github
from tests.orchestrators.test_gitlab import gitlab
from tests.orchestrators.test_heroku import heroku
from tests.orchestrators.test_http import VARIABLE, begun, by_run, paas
from tests.orchestrators.test_jenkins import BUILD, jenkins
from tests.orchestrators.test_rundeck import rundeck
from tests.workers.in_process import InProcess, published, until

__all__ = ["github", "gitlab", "heroku", "jenkins", "paas", "rundeck"]

OTHER = "6c1f0000-0000-4000-8000-000000000001"
NEWER, OLDER = 4_000_000_000_000, 1_000
"""Milliseconds, of what has begun after the command was taken, and before."""
ANOTHER = {"actions": [{"parameters": [{"name": "DEPLOYDB_COMMAND", "value": OTHER}]}], "number": 1, "url": None}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploydb.orchestrators.attempts.FIRST_PAUSE", timedelta(milliseconds=20))
    monkeypatch.setattr("deploydb.orchestrators.attempts.LONGEST_PAUSE", timedelta(milliseconds=50))


@pytest.mark.parametrize("later", [409, 401])
def test_a_start_that_may_be_repeated_stays_lost_whatever_the_next_one_is_answered(
    workshop: InProcess, paas: Paas, later: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploydb.orchestrators.attempts.LONGEST_PAUSE", timedelta(seconds=1))
    paas.goes_wrong("POST", "/deployments", "lose", *[later] * 50)
    described = f"type: http\nurl: {paas.url}/deployments\ntoken_from: {VARIABLE}\n{by_run(paas)}idempotent: true\n"
    late = {"environments/dev.yml": "deadline: 8s\nretry: {retries: 0}\n"}
    running.configured(workshop, described, others=late)
    workshop.start("orchestrate")
    workshop.publish(published("1.0"))
    row = running.in_state(workshop, "finished")
    assert row.problem.startswith(
        "the answer to the start was lost, and no later one was answered well by its deadline: "
    )
    assert row.problem.endswith(f"answered {later}")


def test_a_start_that_may_be_repeated_is_repeated_after_a_conflict(workshop: InProcess, paas: Paas) -> None:
    paas.goes_wrong("POST", "/deployments", "lose", 409)
    begun(workshop, paas, f"{by_run(paas)}idempotent: true\n")
    running.in_state(workshop, "started")
    assert (paas.count("POST", "/deployments"), len(paas.deployments)) == (3, 1)


def test_a_conflict_takes_nothing_and_is_no_refusal(
    workshop: InProcess, paas: Paas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.run_step.MOST_REFUSALS", 1)
    paas.goes_wrong("POST", "/deployments", 409, 409)
    begun(workshop, paas, by_run(paas))
    running.in_state(workshop, "started")
    assert paas.count("POST", "/deployments") == 3


def test_refusals_of_a_search_do_not_count_against_the_start(
    workshop: InProcess, jenkins: Jenkins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.run_step.MOST_REFUSALS", 2)
    jenkins.goes_wrong("POST", BUILD, 500, 400)
    jenkins.goes_wrong("GET", "/queue/api", 401, 401)
    test_jenkins.begun(workshop, jenkins)
    running.in_state(workshop, "started")
    assert jenkins.count("POST", BUILD) == 3


@pytest.mark.parametrize(
    ("started", "end"),
    [(True, "its run can no longer be looked at: "), (False, "whether it has started cannot be found out: ")],
)
def test_a_run_is_given_up_after_some_refusals(
    workshop: InProcess, jenkins: Jenkins, monkeypatch: pytest.MonkeyPatch, started: bool, end: str
) -> None:
    monkeypatch.setattr("workers.run_step.MOST_REFUSED_LOOKS", 3)
    if not started:
        jenkins.goes_wrong("POST", BUILD, 500)
    searched = "/queue/item" if started else "/queue/api"
    jenkins.goes_wrong("GET", searched, *[403] * 99)
    test_jenkins.begun(workshop, jenkins)
    assert running.in_state(workshop, "finished").problem.startswith(end)
    assert jenkins.count("GET", searched) == 3
    assert [kind for kind, _ in running.reported(workshop, 1)] == ["deployment.finished"]


def test_the_start_is_that_of_the_run_and_not_of_its_item(workshop: InProcess, jenkins: Jenkins) -> None:
    test_jenkins.begun(workshop, jenkins)
    until(lambda: jenkins.count("GET", "/queue/item/1/") > 1, "it waits")
    jenkins.begin(1)
    running.reported(workshop, 1)
    started_at = running.row(workshop).started_at
    time = workshop.rows(sa.select(event.c.time).where(event.c.type == "deployment.started"))[0].time
    assert time > started_at


def test_an_item_that_is_cancelled_has_not_started(workshop: InProcess, jenkins: Jenkins) -> None:
    test_jenkins.begun(workshop, jenkins)
    until(lambda: jenkins.items, "the item")
    jenkins.items[1]["cancelled"] = True
    assert "cancelled" in running.ended(workshop).failure
    assert [kind for kind, _ in running.reported(workshop, 1)] == ["deployment.finished"]


def test_an_event_whose_run_has_no_title_yet_is_searched_again(workshop: InProcess, github: GitHub) -> None:
    github.title = "Deploy"
    test_github.begun(workshop, github, "event: deploy\n")
    row = until(lambda: next((row for row in running.rows(workshop) if row.failures), None), "a run without an id")
    page = github.runs[4000]["html_url"]
    assert (
        row.problem == f"whether {page} is its run is unknown: put DEPLOYDB_COMMAND into the run-name of the workflow"
    )
    github.runs[4000]["display_title"] = row.command
    github.end(4000, "success")
    assert running.ended(workshop).outcome == "succeeded"


def test_a_search_of_github_that_sees_a_part_starts_nothing(
    workshop: InProcess, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploydb.orchestrators.tools.github._RUNS", 1)
    github.runs[3999] = {"id": 3999, "event": "workflow_dispatch", "display_title": f"Deploy {OTHER}"}
    github.goes_wrong("POST", DISPATCHES, 500)
    test_github.begun(workshop, github)
    starts_nothing(workshop)
    assert github.count("POST", DISPATCHES) == 1


def test_a_search_of_gitlab_that_sees_a_part_starts_nothing(
    workshop: InProcess, gitlab: GitLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploydb.orchestrators.tools.gitlab._SEARCHED", 0)
    gitlab.pipelines[60] = {"id": 60, "status": "success"}
    gitlab.goes_wrong("POST", "/pipeline", 500)
    test_gitlab.begun(workshop, gitlab)
    starts_nothing(workshop)


@pytest.mark.parametrize("timestamp", [NEWER, OLDER])
def test_a_search_of_jenkins_that_sees_a_part_starts_nothing(
    workshop: InProcess, jenkins: Jenkins, monkeypatch: pytest.MonkeyPatch, timestamp: int
) -> None:
    monkeypatch.setattr("deploydb.orchestrators.tools.jenkins._BUILDS", 1)
    jenkins.builds[1] = {**ANOTHER, "timestamp": timestamp}
    jenkins.goes_wrong("POST", BUILD, 500)
    test_jenkins.begun(workshop, jenkins)
    starts_nothing(workshop, but=timestamp == OLDER)


@pytest.mark.parametrize("timestamp", [NEWER, OLDER])
def test_a_search_of_rundeck_that_sees_a_part_starts_nothing(
    workshop: InProcess, rundeck: Rundeck, monkeypatch: pytest.MonkeyPatch, timestamp: int
) -> None:
    monkeypatch.setattr("deploydb.orchestrators.tools.rundeck._EXECUTIONS", 1)
    rundeck.add({})["date-started"] = {"unixtime": timestamp}
    rundeck.goes_wrong("POST", f"{JOB}/run", 500)
    test_rundeck.begun(workshop, rundeck)
    starts_nothing(workshop, but=timestamp == OLDER)


@pytest.mark.parametrize("created", ["2096-10-02T07:06:40Z", "1970-01-01T00:00:01Z"])
def test_a_search_of_heroku_that_sees_a_part_starts_nothing(
    workshop: InProcess, heroku: Heroku, monkeypatch: pytest.MonkeyPatch, created: str
) -> None:
    monkeypatch.setattr("deploydb.orchestrators.tools.heroku._BUILDS", 1)
    heroku.builds["build-0"] = {"id": "build-0", "created_at": created, "source_blob": {}}
    heroku.goes_wrong("POST", f"{APP}/builds", 500)
    test_heroku.begun(workshop, heroku, url=test_heroku.SOURCE)
    starts_nothing(workshop, but=created.startswith("1970"))


def starts_nothing(workshop: InProcess, *, but: bool = False) -> None:
    """The command ends, since its run may be among those that the search does not see; `but`: none can be."""
    if but:
        running.in_state(workshop, "started")
        return
    assert (
        running.in_state(workshop, "finished").problem
        == "the answer to the start was lost, and one of at least 1 runs since may be its own"
    )


def test_a_step_waits_for_its_turn_to_write_no_longer_than_its_lease(
    workshop: InProcess, paas: Paas, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, free = orchestrator_runs.change, threading.Event()

    def slow(*given: Any, **values: Any) -> bool:
        assert free.wait(30)
        return change(*given, **values)

    monkeypatch.setattr(orchestrator_runs, "change", slow)
    monkeypatch.setattr("workers.orchestrate.STEPPING", 1)
    monkeypatch.setattr("workers.run_step.LEASE", timedelta(seconds=3))
    running.configured(workshop, f"type: http\nurl: {paas.url}/deployments\ntoken_from: {VARIABLE}\n{by_run(paas)}")
    [working] = workshop.start("orchestrate")
    workshop.publish(published("1.0"))
    until(lambda: working.metric("deploydb_orchestrate_step_duration_seconds_count"), "a step that gives up")
    monkeypatch.setattr("workers.run_step.LEASE", timedelta(seconds=15))
    free.set()
    running.in_state(workshop, "started")
    assert len(paas.deployments) == 1
