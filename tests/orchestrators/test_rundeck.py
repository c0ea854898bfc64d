"""Deployments by Rundeck: job run → execution → status."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploydb.orchestrators.tools.rundeck import RundeckOrchestrator
from tests.orchestrators import running
from tests.orchestrators.rundeck import JOB, TOKEN, Rundeck
from tests.orchestrators.server import serving
from tests.workers.in_process import InProcess, published, until

VARIABLE = "DEPLOYDB_ORCHESTRATOR_RUNDECK"


@pytest.fixture
def rundeck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rundeck]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setattr(RundeckOrchestrator, "settles", timedelta(seconds=0.1))
    with serving(Rundeck()) as tool:
        yield tool


def begun(workshop: InProcess, rundeck: Rundeck, job: str = JOB) -> None:
    described = f"type: rundeck\nurl: {rundeck.url}\njob: {job}\ntoken_from: {VARIABLE}\n"
    running.configured(workshop, described)
    workshop.start("orchestrate")
    workshop.publish(published("1.0"))


def test_an_execution_is_started_and_followed(workshop: InProcess, rundeck: Rundeck) -> None:
    begun(workshop, rundeck)
    command = running.in_state(workshop, "started").command
    assert rundeck.executions[1]["job"]["options"] == {
        "DEPLOYDB_COMMAND": command,
        "DEPLOYDB_SERVICE": "foo",
        "DEPLOYDB_ENVIRONMENT": "dev",
        "DEPLOYDB_VERSION": "1.0",
        "DEPLOYDB_TYPE": "deploy",
    }
    until(lambda: running.deployments(workshop)[0].started_url == rundeck.executions[1]["permalink"], "its page")
    rundeck.end(1, "succeeded")
    assert running.ended(workshop).outcome == "succeeded"


def test_a_failure_that_is_retried_ends_with_the_retry(workshop: InProcess, rundeck: Rundeck) -> None:
    begun(workshop, rundeck)
    running.in_state(workshop, "started")
    rundeck.executions[1]["retriedExecution"] = rundeck.add({})
    rundeck.end(1, "failed-with-retry")
    rundeck.end(2, "timedout", *["line"] * 20, "no answer of node 3")
    failure = running.ended(workshop).failure
    assert failure.startswith("the execution has timed out")
    assert failure.endswith("line\nno answer of node 3")


def test_a_lost_answer_is_searched(workshop: InProcess, rundeck: Rundeck) -> None:
    rundeck.goes_wrong("POST", "/run", 500, "lose")
    begun(workshop, rundeck)
    running.in_state(workshop, "started")
    assert (rundeck.count("POST", "/run"), len(rundeck.executions)) == (2, 1)


def test_an_unknown_job_fails_with_the_answer(
    workshop: InProcess, rundeck: Rundeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.run_step.MOST_REFUSALS", 1)
    begun(workshop, rundeck, job="other")
    assert running.ended(workshop).failure.endswith("answered 404: no such job")
