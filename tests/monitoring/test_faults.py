"""Each fault fires the alert that describes it, and no other: /metrics of workers in trouble, read by Prometheus."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploydb.orchestrators.tools.jenkins import JenkinsOrchestrator
from deploydb.store.tables import deployment, external_check, outbox
from tests.cluster import write_config
from tests.contract.test_set_aside import refuse
from tests.monitoring.house import House
from tests.orchestrators.jenkins import TOKEN, Jenkins
from tests.orchestrators.server import serving
from tests.orchestrators.test_jenkins import BUILD, VARIABLE, described
from tests.scenario import Scenario
from tests.web import Web, web
from tests.workers.in_process import InProcess, fact, published, until

OFTEN_SECONDS = 0.05


@pytest.fixture
def house(embedded_url: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    for interval in ("findings._LOOK_EVERY_SECONDS", "command_queues.LOOK_EVERY_SECONDS"):
        monkeypatch.setattr(f"workers.{interval}", OFTEN_SECONDS)
    for module in ("relay", "verify", "notify", "orchestrate"):
        monkeypatch.setattr(f"workers.{module}.COUNT_EVERY_SECONDS", OFTEN_SECONDS)
    with InProcess(embedded_url, sqlite_url, tmp_path) as workshop, House(workshop, tmp_path) as made:
        yield made


@pytest.fixture
def endpoint() -> Iterator[Web]:
    with web() as made:
        yield made


def is_one(value: float) -> bool:
    return value == 1


def test_a_message_that_cannot_be_read(house: House) -> None:
    house.start("ingest")
    house.workshop.publish(b"no fact")
    house.fires("deploydb_ingest_events_total", is_one, "DeployDBMessagesRefused", label="refused")


def test_a_service_whose_evaluation_fails(house: House) -> None:
    with Scenario(house.workshop.settings.database_url) as world:
        refuse(world, deployment, "UPDATE")
    house.start("ingest", "promote")
    house.workshop.publish(published("1.0"))
    house.fires("deploydb_evaluation_set_aside_services", is_one, "DeployDBNotReady", "DeployDBServicesSetAside")


def test_an_error_in_the_configuration(house: House) -> None:
    house.start("promote")
    write_config(house.workshop.config, {"environments/dev.yml": "descriptoin: typing error\n"})
    house.fires("deploydb_configuration_problems", is_one, "DeployDBConfigurationBroken")


def test_a_lane_that_gets_releases_faster_than_its_gate_answers(house: House) -> None:
    house.configure(
        {
            "promotions/smoke.yml": "type: JenkinsPromotion\n",
            "environments/dev.yml": "entry: [smoke]\nstarved_releases: 2\n",
        }
    )
    house.start("ingest", "promote")
    house.workshop.publish(*(published(f"1.{number}") for number in range(3)))
    house.fires("deploydb_starved_lanes", is_one, "DeployDBLaneStarved")


def test_a_fact_about_a_deployment_that_does_not_exist(house: House) -> None:
    house.start("ingest", "promote")
    house.workshop.publish(fact("deployment.finished", "f", command="no such command", outcome="succeeded"))
    house.fires("deploydb_unmatched_facts", is_one, "DeployDBFactsUnmatched")


def test_a_source_whose_clock_is_ahead(house: House) -> None:
    house.start("ingest", "promote")
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    house.workshop.publish(published("1.0", time=ahead))
    house.fires("deploydb_skewed_clocks_most_ahead_seconds", lambda seconds: seconds > 3000, "DeployDBClockAhead")


def test_a_command_queue_without_a_consumer(house: House) -> None:
    house.start("ingest", "promote", "relay")
    house.workshop.publish(published("1.0"))
    house.fires("deploydb_command_queue_ready_messages", is_one, "DeployDBCommandsNotConsumed")


def test_an_outbox_that_does_not_drain_since_a_queue_is_missing(house: House) -> None:
    new = {"environments/new.yml": "description: New\n", "pipelines/main.yml": "environments:\n  new:\n"}
    write_config(house.workshop.config, new)  # and nothing is provisioned
    house.start("ingest", "promote", "relay")
    house.workshop.publish(published("1.0"))
    sent_late = sa.update(outbox).values(created_at=datetime.now(UTC) - timedelta(minutes=2))
    until(lambda: house.execute(sent_late.where(outbox.c.problem.is_not(None))), "the command to come back")
    house.fires(
        "deploydb_outbox_oldest_message_age_seconds", lambda age: age > 60, "DeployDBNotReady", "DeployDBOutboxWaits"
    )


def test_an_endpoint_that_fails(house: House, endpoint: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploydb.domain.webhook_attempts.FIRST_PAUSE", timedelta(seconds=0.01))
    endpoint.reply("/hook", 503)
    house.configure({"webhook/all.yml": f"deployment:\n  created: [{endpoint.url}/hook]\n"})
    house.start("ingest", "promote", "relay", "notify")
    house.workshop.publish(published("1.0"))
    house.shows("deploydb_command_queue_ready_messages", is_one)
    house.fires("deploydb_notify_failing_endpoints", is_one, "DeployDBCommandsNotConsumed", "DeployDBWebhooksFail")


def test_a_call_of_a_webhook_that_is_given_up(house: House, endpoint: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploydb.domain.webhook_attempts.MOST_ATTEMPTS", 1)
    endpoint.reply("/hook", 400)
    house.configure({"webhook/all.yml": f"deployment:\n  created: [{endpoint.url}/hook]\n"})
    house.start("ingest", "promote", "relay", "notify")
    house.workshop.publish(published("1.0"))
    house.shows("deploydb_command_queue_ready_messages", is_one)
    expected = ("DeployDBCommandsNotConsumed", "DeployDBWebhooksDead")
    house.fires("deploydb_notify_attempts_total", is_one, *expected, label="dead")


def test_a_tool_that_does_not_answer_well(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setattr("deploydb.orchestrators.attempts.FIRST_PAUSE", timedelta(seconds=0.01))
    monkeypatch.setattr(JenkinsOrchestrator, "settles", timedelta(0))
    with serving(Jenkins()) as jenkins:
        jenkins.goes_wrong("POST", BUILD, *[503] * 1000)
        house.configure({"orchestrators/default.yml": described(jenkins)})
        house.start("ingest", "promote", "relay", "orchestrate")
        house.workshop.publish(published("1.0"))
        house.fires("deploydb_orchestrate_failing_commands", is_one, "DeployDBToolsFail")


def test_endpoints_that_hang_and_keep_other_checks_waiting(
    house: House, endpoint: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.verify.CONCURRENCY", 1)
    gate = f"type: WebhookPromotion\nurl: {endpoint.url}/wait\ntimeout: 1m\n"
    house.configure(
        {
            "promotions/first.yml": gate,
            "promotions/second.yml": gate,
            "environments/dev.yml": "entry: [first, second]\n",
        }
    )
    house.start("ingest", "promote", "verify")
    house.workshop.publish(published("1.0"))
    until(endpoint.paths, "a check to hang")
    waited = sa.update(external_check).values(due_at=datetime.now(UTC) - timedelta(minutes=2))
    house.execute(waited.where(external_check.c.due_at < datetime.now(UTC)))
    house.fires("deploydb_verify_late_seconds", lambda seconds: seconds > 60, "DeployDBChecksLate")
