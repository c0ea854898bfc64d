"""Deployments by Jenkins: queue item → build → result, whatever goes wrong on the way."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from deploydb.orchestrators.tools.jenkins import JenkinsOrchestrator
from deploydb.store.tables import deployment
from tests.orchestrators import running
from tests.orchestrators.jenkins import JOB, ROOT, TOKEN, USER, Jenkins
from tests.orchestrators.server import serving
from tests.workers.in_process import InProcess, published, until

VARIABLE = "DEPLOYDB_ORCHESTRATOR_JENKINS"
BUILD = f"{JOB}/buildWithParameters"


@pytest.fixture
def jenkins(monkeypatch: pytest.MonkeyPatch) -> Iterator[Jenkins]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setattr(JenkinsOrchestrator, "settles", timedelta(seconds=0.1))
    with serving(Jenkins()) as tool:
        yield tool


def described(jenkins: Jenkins) -> str:
    return (
        f"type: jenkins\nurl: {jenkins.url}\njob: acme/deploy\nuser: {USER}\ntoken_from: {VARIABLE}\n"
        'parameters: {VERSION: "{version}", STAGE: "{environment} & {service}"}\n'
    )


def begun(workshop: InProcess, jenkins: Jenkins) -> None:
    """One release is published, and orchestrate runs."""
    running.configured(workshop, described(jenkins))
    workshop.start("orchestrate")
    workshop.publish(published("1.0"))


def test_a_build_is_started_followed_and_reported(workshop: InProcess, jenkins: Jenkins) -> None:
    begun(workshop, jenkins)
    until(lambda: jenkins.items, "the item")
    command = running.row(workshop).command
    assert jenkins.parameters(1) == {"DEPLOYDB_COMMAND": command, "VERSION": "1.0", "STAGE": "dev & foo"}
    until(lambda: jenkins.count("GET", "/queue/item/1/"), "a look at the item")
    assert running.deployments(workshop)[0].started_url is None
    number = jenkins.begin(1)
    assert running.reported(workshop, 1) == [("deployment.started", f"{command}/started")]
    until(lambda: running.deployments(workshop)[0].started_url == f"{ROOT}{JOB}/{number}/", "the build's page")
    jenkins.end(number)
    assert running.reported(workshop, 2)[1:] == [("deployment.finished", f"{command}/finished")]
    until(lambda: len(running.deployments(workshop)) == 2, "the next stage follows")
    assert running.deployments(workshop)[0].outcome == "succeeded"
    assert running.in_state(workshop, "finished").outcome == "succeeded"
    until(lambda: len(jenkins.items) == 2, "its item")
    assert jenkins.parameters(2)["STAGE"] == "prod & foo"


@pytest.mark.parametrize(
    ("result", "reason"),
    [("FAILURE", "the build has failed"), ("UNSTABLE", "the build is unstable"), ("ABORTED", "the build was aborted")],
)
def test_a_build_that_fails_is_reported_with_the_end_of_its_log(
    workshop: InProcess, jenkins: Jenkins, result: str, reason: str
) -> None:
    begun(workshop, jenkins)
    until(lambda: jenkins.items, "the item")
    jenkins.end(jenkins.begin(1), result, log="x" * 20_000 + "\nDeploying\nERROR: no space left\n")
    failure = running.ended(workshop).failure
    assert failure.startswith(reason)
    assert failure.endswith("Deploying\nERROR: no space left")


def test_an_item_that_is_cancelled_has_failed(workshop: InProcess, jenkins: Jenkins) -> None:
    begun(workshop, jenkins)
    until(lambda: jenkins.items, "the item")
    jenkins.items[1]["cancelled"] = True
    assert "cancelled" in running.ended(workshop).failure


def test_an_item_that_jenkins_forgets_is_found_as_a_build(workshop: InProcess, jenkins: Jenkins) -> None:
    begun(workshop, jenkins)
    until(lambda: jenkins.items, "the item")
    jenkins.end(jenkins.begin(1))
    del jenkins.items[1]
    assert running.ended(workshop).outcome == "succeeded"
    assert jenkins.count("POST", BUILD) <= 2  # the second one is that of the next stage


@pytest.mark.parametrize("left", [True, False], ids=["a build by then", "still an item"])
def test_a_start_whose_answer_is_lost_is_found_and_not_repeated(
    workshop: InProcess, jenkins: Jenkins, left: bool
) -> None:
    jenkins.goes_wrong("POST", BUILD, "lose")
    if left:
        jenkins.at_once = "FAILURE"
    begun(workshop, jenkins)
    running.in_state(workshop, "started" if not left else "finished")
    assert jenkins.count("POST", BUILD) == 1
    assert len(jenkins.items) == 1


def test_a_tool_that_is_busy_or_broken_is_asked_again(workshop: InProcess, jenkins: Jenkins) -> None:
    jenkins.retry_after = "1"
    jenkins.goes_wrong("POST", BUILD, 503, 500, 429)
    begun(workshop, jenkins)
    until(lambda: jenkins.items, "the item")
    assert jenkins.count("POST", BUILD) == 4
    assert len(jenkins.items) == 1


def test_a_look_that_fails_is_repeated(workshop: InProcess, jenkins: Jenkins) -> None:
    jenkins.at_once = "SUCCESS"
    jenkins.goes_wrong("GET", f"{JOB}/1/api", 500, "lose", 401)
    begun(workshop, jenkins)
    assert running.ended(workshop).outcome == "succeeded"


def test_a_wrong_credential_fails_after_some_attempts(
    workshop: InProcess, jenkins: Jenkins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "wrong")
    monkeypatch.setattr("workers.run_step.MOST_REFUSALS", 2)
    begun(workshop, jenkins)
    failure = running.ended(workshop).failure
    assert failure.startswith("not started: GET http://127.0.0.1")
    assert failure.endswith("answered 401")
    assert jenkins.count("POST", BUILD) == 0


def test_a_job_without_the_parameter_is_not_started(
    workshop: InProcess, jenkins: Jenkins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.run_step.MOST_REFUSALS", 2)
    jenkins.declared = ("VERSION",)
    begun(workshop, jenkins)
    message = "the job acme/deploy has no parameter DEPLOYDB_COMMAND: add it as a string parameter"
    assert message in running.ended(workshop).failure
    assert jenkins.items == {}


def test_nothing_starts_after_the_deadline(workshop: InProcess, jenkins: Jenkins) -> None:
    running.configured(workshop, described(jenkins), others={"environments/dev.yml": "deadline: 1s\n"})
    workshop.publish(published("1.0"))
    expired = sa.select(deployment.c.id).where(deployment.c.expired_at.is_not(None))
    until(lambda: workshop.rows(expired), "the deadline has passed")
    workshop.start("orchestrate")
    ended = running.in_state(workshop, "finished")
    assert ended.problem.startswith(("not started by its deadline", "another deployment was commanded"))
    assert jenkins.count("POST", BUILD) == 0


def test_what_others_report_as_finished_is_not_started(workshop: InProcess, jenkins: Jenkins) -> None:
    jenkins.goes_wrong("GET", f"{JOB}/api", *[503] * 50)
    begun(workshop, jenkins)
    command = until(lambda: running.rows(workshop), "it is taken")[0].command
    workshop.publish(
        b'{"type":"deployment.finished","id":"by-hand","source":"tests","command":"%s","outcome":"succeeded"}'
        % command.encode()
    )
    ended = running.in_state(workshop, "finished")
    assert (ended.outcome, ended.problem) == (None, "its deployment was reported as finished")
    assert jenkins.count("POST", BUILD) == 0
