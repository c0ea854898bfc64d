"""Servers that are away, a broker that refuses, and processes that end: each fires its alerts, and no others."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from deploydb.broker.open import open_outbound
from deploydb.broker.port import Message
from deploydb.broker.topology import COMMANDS, command_queue
from deploydb.store.tables import deployment, evaluation_request, ingest_watermark
from tests.cluster import Cluster, write_config
from tests.faults.proxy import Proxy
from tests.monitoring.house import House
from tests.monitoring.prometheus import Scrape, assert_fires, scrape
from tests.servers import PostgreSQL, RabbitMQ
from tests.servers.ports import free_port
from tests.workers.in_process import CONFIG, InProcess, fact, published, until

REPORT = {"version": "1.0", "promotion": "smoke", "outcome": "passed"}


@pytest.mark.parametrize("server", ["database", "broker"])
def test_a_server_that_is_away(
    postgresql: PostgreSQL, postgresql_url: str, rabbitmq: RabbitMQ, amqp_url: str, tmp_path: Path, server: str
) -> None:
    with ExitStack() as stack:
        proxies = {"database": Proxy(postgresql.port), "broker": Proxy(rabbitmq.port)}
        for proxy in proxies.values():
            stack.enter_context(proxy)
        url = sa.make_url(postgresql_url).set(port=proxies["database"].port).render_as_string(hide_password=False)
        broker = amqp_url.replace(f":{rabbitmq.port}/", f":{proxies['broker'].port}/")
        house = stack.enter_context(House(stack.enter_context(InProcess(broker, url, tmp_path)), tmp_path))
        house.start("relay")
        proxies[server].close()
        house.fires("deploydb_ready", lambda ready: ready == 0, "DeployDBNotReady")


def test_a_broker_that_refuses_commands_since_their_queue_is_full(
    amqp_url: str, sqlite_url: str, rabbitmq: RabbitMQ, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.command_queues.LOOK_EVERY_SECONDS", 3600)
    with InProcess(amqp_url, sqlite_url, tmp_path) as workshop, House(workshop, tmp_path) as house:
        house.start("ingest", "promote", "relay")
        vhost = amqp_url.rpartition("/")[2]
        full = {"pattern": command_queue("default"), "definition": {"max-length": 0, "overflow": "reject-publish"}}
        rabbitmq.api("PUT", f"policies/{vhost}/full", full)
        filler = Message(exchange=COMMANDS, routing_key="dev.foo.deploy", body=b"filler", message_id="m")
        with open_outbound(amqp_url, name="tests") as outbound:
            until(lambda: outbound.publish([filler])[0].state == "refused", "the queue to be full")
        workshop.publish(published("1.0"))
        house.fires("deploydb_ready", lambda ready: ready == 0, "DeployDBBrokerRefuses", "DeployDBNotReady")


def test_a_command_that_is_none_and_then_a_process_that_is_killed(tmp_path: Path) -> None:
    config = write_config(tmp_path / "config", CONFIG)
    ports = {"deployer": free_port()}
    with Cluster(f"embedded:{tmp_path}/broker.db", f"sqlite:///{tmp_path}/deploydb.db", config) as cluster:
        cluster.furnish()
        process = cluster.deployer("true", state=tmp_path / "runs.db", port=ports["deployer"])
        before = until(lambda: found if _value(found := scrape(ports), "deploydb_ready") else None, "it to be ready")
        with open_outbound(cluster.broker_url, name="tests") as outbound:
            outbound.publish([Message(exchange=COMMANDS, routing_key="dev.foo.deploy", body=b"none", message_id="m")])
        after = until(lambda: found if (found := scrape(ports)) != before else None, "the command to be refused")
        assert_fires(before, after, "DeployDBCommandsRefused", folder=tmp_path)
        cluster.kill(process)
        assert_fires(before, scrape(ports), "DeployDBProcessDown", folder=tmp_path)


def _value(samples: Scrape, metric: str) -> float:
    return next((value for series, value in samples.items() if series.startswith(metric)), 0)


def test_an_ingest_that_ends_while_promote_goes_on(
    embedded_url: str, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.backlog.LOOK_EVERY_SECONDS", 0.05)
    with InProcess(embedded_url, sqlite_url, tmp_path) as workshop, House(workshop, tmp_path) as house:
        (ingest,) = workshop.start("ingest")
        until(lambda: workshop.rows(sa.select(ingest_watermark)), "ingest to have read")
        ingest.stop()
        house.start("promote")
        an_hour = sa.update(ingest_watermark).values(read_until=datetime.now(UTC) - timedelta(hours=1))
        assert house.execute(an_hour)
        house.fires("deploydb_ingest_lag_seconds", lambda lag: lag > 3000, "DeployDBIngestLags")


def test_rows_that_another_session_has_locked(
    embedded_url: str, postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.backlog.LOOK_EVERY_SECONDS", 0.05)
    with InProcess(embedded_url, postgresql_url, tmp_path) as workshop, House(workshop, tmp_path) as house:
        _, promote = house.start("ingest", "promote")
        workshop.publish(published("1.0"))
        until(lambda: workshop.rows(sa.select(deployment)), "a deployment")
        until(lambda: not workshop.rows(sa.select(evaluation_request)), "no request")
        with psycopg.connect(postgresql_url) as other:
            other.execute("SELECT * FROM service_schedule FOR UPDATE")
            workshop.publish(fact("verification.finished", "v", service="foo", environment="dev", **REPORT))
            an_hour = sa.update(evaluation_request).values(created_at=datetime.now(UTC) - timedelta(hours=1))
            until(lambda: house.execute(an_hour), "a request that is not taken")
            until(lambda: not promote.health.ready().ready, "promote to see the lock")
            expected = ("DeployDBEvaluationStuck", "DeployDBNotReady")
            house.fires("deploydb_evaluation_oldest_request_age_seconds", lambda age: age > 3000, *expected)
            other.rollback()
