"""Deployments by a tool that its file describes: by looks, by a report of its own, with and without a search."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploydb.orchestrators.tools.http import HttpOrchestrator
from tests.orchestrators import running
from tests.orchestrators.paas import TOKEN, Paas
from tests.orchestrators.server import serving
from tests.workers.in_process import InProcess, fact, published, until
from tests.workers.traces import PARENT, TRACE, Spans, parent_id, span_id, trace_id

VARIABLE = "DEPLOYDB_ORCHESTRATOR_PAAS"


@pytest.fixture
def paas(monkeypatch: pytest.MonkeyPatch) -> Iterator[Paas]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setattr(HttpOrchestrator, "settles", timedelta(seconds=0.1))
    with serving(Paas()) as tool:
        yield tool


def begun(workshop: InProcess, paas: Paas, more: str = "") -> None:
    described = f"type: http\nurl: {paas.url}/deployments\ntoken_from: {VARIABLE}\n{more}"
    running.configured(workshop, described)
    workshop.start("orchestrate")
    workshop.publish(published("1.0"))


def by_run(paas: Paas) -> str:
    return f"run: $.id\nrun_url: $.page\nreason: $.message\nstatus_url: '{paas.url}/deployments/{{run}}'\n"


def test_a_run_is_started_and_followed_by_its_id(workshop: InProcess, paas: Paas) -> None:
    begun(workshop, paas, f"{by_run(paas)}succeeded: [live]\n")
    command = running.in_state(workshop, "started").command
    made = paas.deployments["1"]
    assert made["given"] == {"command": command, "service": "foo", "environment": "dev", "version": "1.0"}
    assert made["key"] == command
    until(lambda: running.deployments(workshop)[0].started_url == "https://paas.test/1", "its page")
    until(lambda: "if-none-match" in paas.asked[-1].headers, "a look by the etag")
    paas.end("1", "live")
    assert running.ended(workshop).outcome == "succeeded"


def test_the_requests_to_a_tool_and_its_reports_are_in_the_trace_of_the_command(
    workshop: InProcess, paas: Paas
) -> None:
    spans = Spans()
    workshop.tracer = spans.tracer
    paas.page = f"https://paas.test/?key={TOKEN}&run="
    described = f"type: http\nurl: {paas.url}/deployments\ntoken_from: {VARIABLE}\n{by_run(paas)}"
    running.configured(workshop, described)
    workshop.start("orchestrate")
    workshop.publish(published("1.0"), headers={"traceparent": PARENT})
    command = running.in_state(workshop, "started").command
    paas.end("1", "success")
    running.ended(workshop)
    start, took = spans.one("start default"), spans.message("process deploydb.commands.default", command)
    assert parent_id(start) == span_id(took)
    assert (start.attributes or {})["cicd.pipeline.run.url.full"] == "https://paas.test/?key=***&run=1"
    assert parent_id(took) == span_id(spans.message("send deploydb.commands", command))
    asked = {one.method: one.headers["traceparent"] for one in paas.asked}
    assert asked == {"POST": f"00-{TRACE}-{span_id(start)}-01", "GET": f"00-{TRACE}-{span_id(took)}-01"}
    back = spans.event(f"{command}/finished")
    sent = spans.message("send deploydb.events", f"{command}/finished")
    assert (parent_id(back), parent_id(sent)) == (span_id(sent), span_id(took))
    assert {trace_id(span) for span in spans.all()} == {TRACE}


def test_a_failure_has_the_reason_of_the_answer(workshop: InProcess, paas: Paas) -> None:
    begun(workshop, paas, by_run(paas))
    running.in_state(workshop, "started")
    paas.end("1", "failed", f"no quota for {TOKEN}")
    assert running.ended(workshop).failure == "it is failed: no quota for ***"


def test_a_lost_answer_is_repeated_where_the_tool_heeds_the_key(workshop: InProcess, paas: Paas) -> None:
    paas.goes_wrong("POST", "/deployments", "lose", 500)
    begun(workshop, paas, f"{by_run(paas)}idempotent: true\n")
    running.in_state(workshop, "started")
    assert (paas.count("POST", "/deployments"), len(paas.deployments)) == (3, 1)


def test_a_lost_answer_is_searched_by_the_command(workshop: InProcess, paas: Paas) -> None:
    paas.heeds = False
    paas.goes_wrong("POST", "/deployments", "lose")
    begun(workshop, paas, f"status_url: '{paas.url}/commands/{{command}}'\n")
    running.in_state(workshop, "started")
    assert (paas.count("POST", "/deployments"), len(paas.deployments)) == (1, 1)
    paas.end("1", "success")
    assert running.ended(workshop).outcome == "succeeded"


def test_a_lost_answer_that_cannot_be_searched_is_a_failure(workshop: InProcess, paas: Paas) -> None:
    paas.heeds = False
    paas.goes_wrong("POST", "/deployments", "lose")
    begun(workshop, paas, by_run(paas))
    assert running.ended(workshop).failure.startswith("the answer to the start was lost, and the tool cannot be asked")
    assert paas.count("POST", "/deployments") == 1


def test_without_a_state_to_ask_for_the_tool_reports_the_end(workshop: InProcess, paas: Paas) -> None:
    begun(workshop, paas)
    command = running.in_state(workshop, "started").command
    workshop.publish(fact("deployment.finished", "f", command=command, outcome="succeeded"))
    ended = running.in_state(workshop, "finished")
    assert (ended.outcome, ended.problem) == (None, "its deployment was reported as finished")
    assert running.deployments(workshop)[0].outcome == "succeeded"
    assert next(kind for kind, _ in running.reported(workshop, 1)) == "deployment.started"


def test_a_tool_that_hangs_delays_no_other(workshop: InProcess, paas: Paas) -> None:
    described = f"type: http\nurl: {{url}}/deployments\ntoken_from: {VARIABLE}\n"
    with serving(Paas()) as other:
        files = {
            "orchestrators/other.yml": described.format(url=other.url),
            "environments/dev.yml": "orchestrator: other\n",
            "environments/prod.yml": "",
            "pipelines/main.yml": "environments:\n  dev:\n",
            "pipelines/direct.yml": "environments:\n  prod:\n",
            "services/bar.yml": "artifacts: [com.example:bar]\npipelines: [direct]\n",
        }
        paas.goes_wrong("POST", "/deployments", *["hang"] * 20)
        running.configured(workshop, described.format(url=paas.url), others=files)
        workshop.start("orchestrate")
        workshop.publish(published("1.0", name="bar"))
        until(lambda: paas.count("POST", "/deployments"), "it hangs")
        workshop.publish(published("1.0"))
        until(lambda: other.deployments, "the other one is started")
        assert paas.deployments["1"]["given"]["environment"] == "prod"
        paas.released.set()


def test_two_commands_are_two_runs(workshop: InProcess, paas: Paas) -> None:
    other = {"services/bar.yml": "artifacts: [com.example:bar]\npipelines: [main]\n"}
    described = f"type: http\nurl: {paas.url}/deployments\ntoken_from: {VARIABLE}\n{by_run(paas)}"
    running.configured(workshop, described, others=other)
    workshop.start("orchestrate", "orchestrate")
    workshop.publish(published("1.0"), published("2.0", name="bar"))
    until(lambda: len(paas.deployments) == 2, "both")
    versions = {each["given"]["service"]: (ident, each) for ident, each in paas.deployments.items()}
    paas.end(versions["bar"][0], "failed", "of bar")
    until(lambda: any(one.outcome for one in running.deployments(workshop)), "the report")
    found = {one.service: one.outcome for one in reversed(running.deployments(workshop))}  # a retry follows
    assert found == {"foo": None, "bar": "failed"}
