"""What a tool answers that it should not: refusals, lost answers, hostile texts; and a database that is away."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from deploydb.domain.model.errors import Transient
from deploydb.orchestrators.tools.http import HttpOrchestrator
from deploydb.orchestrators.tools.jenkins import JenkinsOrchestrator
from deploydb.store import orchestrator_runs
from deploydb.store.clock import DatabaseClock
from deploydb.store.engine import open_engine
from deploydb.store.orchestrator_runs import TakenCommand
from deploydb.store.tables import deployment
from tests.orchestrators import jenkins as ci
from tests.orchestrators import running, test_jenkins
from tests.orchestrators.jenkins import Jenkins
from tests.orchestrators.paas import TOKEN, Paas
from tests.orchestrators.server import serving
from tests.orchestrators.test_http import VARIABLE, begun, by_run
from tests.orchestrators.test_jenkins import BUILD
from tests.workers.in_process import InProcess, published, until


@pytest.fixture
def paas(monkeypatch: pytest.MonkeyPatch) -> Iterator[Paas]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setattr(HttpOrchestrator, "settles", timedelta(seconds=0.1))
    with serving(Paas()) as tool:
        tool.heeds = False
        yield tool


@pytest.fixture
def jenkins(monkeypatch: pytest.MonkeyPatch) -> Iterator[Jenkins]:
    monkeypatch.setenv(test_jenkins.VARIABLE, ci.TOKEN)
    monkeypatch.setattr(JenkinsOrchestrator, "settles", timedelta(seconds=0.1))
    with serving(Jenkins()) as tool:
        yield tool


def test_a_start_that_is_refused_for_now_is_asked_again(workshop: InProcess, paas: Paas) -> None:
    paas.retry_after = "1"
    paas.goes_wrong("POST", "/deployments", 429, 429)
    begun(workshop, paas, by_run(paas))
    running.in_state(workshop, "started")
    assert (paas.count("POST", "/deployments"), len(paas.deployments)) == (3, 1)


def test_a_start_that_is_refused_fails_with_the_answer(
    workshop: InProcess, paas: Paas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.run_step.MOST_REFUSALS", 2)
    paas.goes_wrong("POST", "/deployments", *[400] * 9)
    begun(workshop, paas, by_run(paas))
    assert running.ended(workshop).failure == f"not started: POST {paas.url}/deployments answered 400"


@pytest.mark.parametrize(
    ("url", "problem"),
    [("http://127.0.0.1:9/", "connection refused"), ("http://10.0.0.1/", "10.0.0.1 is a private address")],
)
def test_a_start_that_is_never_sent_is_not_lost(workshop: InProcess, url: str, problem: str) -> None:
    running.configured(workshop, f"type: http\nurl: {url}\n")
    workshop.start("orchestrate")
    workshop.publish(published("1.0"))
    row = until(lambda: next((one for one in running.rows(workshop) if one.failures > 1), None), "two attempts")
    assert problem in row.problem


def test_a_start_that_is_answered_by_a_redirect_may_be_taken(workshop: InProcess, paas: Paas) -> None:
    paas.goes_wrong("POST", "/deployments", 303)
    begun(workshop, paas, by_run(paas))
    assert running.ended(workshop).failure.startswith("the answer to the start was lost")
    assert paas.count("POST", "/deployments") == 1


def test_what_a_tool_says_is_kept_as_plain_text(workshop: InProcess, paas: Paas) -> None:
    paas.page = "javascript:alert"
    begun(workshop, paas, by_run(paas) + "log: $.message\n")
    row = running.in_state(workshop, "started")
    assert row.run_url is None
    paas.end("1", "failed", f"a\0b\x1b[2J\n{'x' * 5000}\n{'y' * 195}{TOKEN}")
    failure = running.ended(workshop).failure
    assert failure.startswith("it is failed: a\\x00b\\x1b[2J")
    assert "\0" not in failure
    assert failure.endswith("y***")
    assert "paas-" not in failure


@pytest.mark.parametrize("page", ["https://paas.test/" + "x" * 9000, "https://paas.test/\0"])
def test_an_address_that_cannot_be_shown_is_none(workshop: InProcess, paas: Paas, page: str) -> None:
    paas.page = page
    begun(workshop, paas, by_run(paas))
    assert running.in_state(workshop, "started").run_url is None


def test_a_credential_in_the_page_is_hidden(workshop: InProcess, paas: Paas) -> None:
    paas.page = f"https://paas.test/?key={TOKEN}&run="
    begun(workshop, paas, by_run(paas))
    assert running.in_state(workshop, "started").run_url == "https://paas.test/?key=***&run=1"


def test_a_reason_is_cut_behind_the_credential(workshop: InProcess, paas: Paas) -> None:
    begun(workshop, paas, by_run(paas))
    running.in_state(workshop, "started")
    paas.end("1", "failed", "x" * 982 + TOKEN)
    assert "paas" not in running.ended(workshop).failure


def test_the_credential_in_base64_is_hidden(workshop: InProcess, jenkins: Jenkins) -> None:
    basic = base64.b64encode(f"{ci.USER}:{ci.TOKEN}".encode()).decode()
    test_jenkins.begun(workshop, jenkins)
    until(lambda: jenkins.items, "the item")
    jenkins.end(jenkins.begin(1), "FAILURE", log=f"curl with {basic}\n")
    assert running.ended(workshop).failure == "the build has failed\ncurl with ***"


def test_an_answer_of_great_depth_is_a_trouble_like_others(workshop: InProcess, paas: Paas) -> None:
    begun(workshop, paas, by_run(paas))
    running.in_state(workshop, "started")
    paas.says = "[" * 60_000
    until(lambda: running.row(workshop).failures, "a trouble")
    paas.says = None
    paas.end("1", "success")
    assert running.ended(workshop).outcome == "succeeded"


def test_a_command_that_cannot_be_read_delays_no_other(workshop: InProcess, paas: Paas) -> None:
    engine = open_engine(workshop.settings.database_url, name="tests")
    bad = TakenCommand(command="bad", orchestrator="default", deployment=99, body="{}")
    orchestrator_runs.add(engine, [bad], DatabaseClock(engine)())
    engine.dispose()
    begun(workshop, paas, by_run(paas))
    found = until(
        lambda: seen if (seen := {row.command: row for row in running.rows(workshop)})["bad"].failures else None, "both"
    )
    assert found["bad"].problem == "an error of DeployDB, MessageRejected: see the log of orchestrate"
    until(lambda: paas.deployments, "the other one")


def test_a_page_is_not_needed_for_a_start(workshop: InProcess, paas: Paas) -> None:
    paas.says = "Created"
    begun(workshop, paas, f"run_url: $.page\nstatus_url: '{paas.url}/commands/{{command}}'\n")
    assert running.in_state(workshop, "started").attempts == 1


def test_a_run_that_is_found_by_the_command_needs_no_id(workshop: InProcess, paas: Paas) -> None:
    paas.goes_wrong("POST", "/deployments", "lose")
    begun(workshop, paas, f"run: $.no\nstatus_url: '{paas.url}/commands/{{command}}'\n")
    assert running.in_state(workshop, "started").attempts == 1


@pytest.mark.parametrize("trouble", ["lose", 500])
def test_a_failure_is_reported_without_its_log(workshop: InProcess, jenkins: Jenkins, trouble: Any) -> None:
    jenkins.goes_wrong("GET", "logText", *[trouble] * 9)
    jenkins.at_once = "FAILURE"
    test_jenkins.begun(workshop, jenkins)
    assert running.ended(workshop).failure == "the build has failed"


def test_a_state_is_read_again_by_another_configuration(workshop: InProcess, paas: Paas) -> None:
    begun(workshop, paas, by_run(paas))
    running.in_state(workshop, "started")
    paas.end("1", "live")
    until(lambda: paas.asked[-1].headers.get("if-none-match") == '"live"', "it is known as running")
    described = f"type: http\nurl: {paas.url}/deployments\ntoken_from: {VARIABLE}\n{by_run(paas)}poll_every: 1s\n"
    (workshop.config / "orchestrators/default.yml").write_text(f"{described}succeeded: [live]\n")
    assert running.ended(workshop).outcome == "succeeded"


@pytest.mark.parametrize(
    ("trouble", "state"), [("lose", "started"), (500, "finished")], ids=["was taken", "was not taken"]
)
def test_a_start_that_may_be_taken_is_searched_after_the_deadline(
    workshop: InProcess, jenkins: Jenkins, trouble: Any, state: str
) -> None:
    jenkins.goes_wrong("POST", BUILD, trouble)
    jenkins.goes_wrong("GET", "/queue/api", *[503] * 50)
    late = {"environments/dev.yml": "deadline: 8s\nretry: {retries: 0}\n"}
    running.configured(workshop, test_jenkins.described(jenkins), others=late)
    workshop.start("orchestrate")
    workshop.publish(published("1.0"))
    expired = sa.select(deployment.c.id).where(deployment.c.expired_at.is_not(None))
    until(lambda: workshop.rows(expired), "the deadline has passed")
    jenkins.goes_wrong("GET", "/queue/api")
    row = running.in_state(workshop, state)
    assert (row.problem or "").startswith("not started by its deadline" if state == "finished" else "")
    assert jenkins.count("POST", BUILD) == 1


def test_the_id_of_a_run_is_kept_though_the_database_was_away(
    workshop: InProcess, paas: Paas, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, away = orchestrator_runs.change, [1, 2]

    def busy(*given: Any, **values: Any) -> bool:
        if values.get("run_id") and away:
            away.pop()
            raise Transient("the database is away")
        return change(*given, **values)

    monkeypatch.setattr(orchestrator_runs, "change", busy)
    begun(workshop, paas, by_run(paas))
    assert running.in_state(workshop, "started").run_id == "1"
    assert (away, paas.count("POST", "/deployments")) == ([], 1)
