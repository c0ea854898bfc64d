"""Gates that ask outside, through the whole house: RabbitMQ, PostgreSQL, worker processes, a deployer, a web server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster, write_config
from tests.servers import until
from tests.servers.ports import free_port
from tests.web import Web, web


@pytest.fixture
def server() -> Iterator[Web]:
    with web() as made:
        yield made


@pytest.fixture
def house(amqp_url: str, postgresql_url: str, server: Web, tmp_path: Path) -> Iterator[Cluster]:
    files = {
        "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main]\n",
        "pipelines/main.yml": "environments:\n  dev:\n    promotions: [ready]\n  prod:\n    promotions: [errors]\n",
        "environments/dev.yml": "description: first\n",
        "environments/prod.yml": "description: last\n",
        "promotions/ready.yml": (
            f'type: WebhookPromotion\nurl: "{server.url}/ready/{{service}}/{{version}}"\ninterval: 1s\nretries: 60\n'
        ),
        "promotions/errors.yml": (
            f"type: MetricPromotion\nprometheus: {server.url}\nbelow: 0.01\nfor: 1s\ninterval: 1s\n"
            "query: 'sum(errors{service=\"{service}\"})'\n"
        ),
    }
    config = write_config(tmp_path / "config", files)
    listen = f"127.0.0.1:{free_port()}"
    settings = {
        "DEPLOYDB_OUTGOING_ALLOW": "127.0.0.1",
        "DEPLOYDB_LISTEN": listen,
        "DEPLOYDB_URL": f"http://{listen}",
    }
    with Cluster(amqp_url, postgresql_url, config, **settings) as house:
        house.furnish()
        for worker in ("ingest", "promote", "verify", "verify", "relay", "query"):
            house.start(worker)
        house.deployer("true", state=tmp_path / "deployer.db")
        yield house


def test_a_webhook_and_a_metric_let_a_version_through_and_why_tells_it(house: Cluster, server: Web) -> None:
    server.reply("/ready/foo/1.0", 503)
    server.vector("0.5", "0.001")
    artifact = {"group": "com.example", "name": "foo", "version": "1.0"}
    house.publish(
        [json.dumps({"type": "artifact.published", "id": "1", "source": "ci", "artifact": artifact}).encode()]
    )

    def why(environment: str) -> str:
        return house.deploydb("why", "foo", environment, "1.0").stdout

    until(lambda: "ready: not yet: 503, expected 200" in why("dev"))
    server.reply("/ready/foo/1.0", 200)
    until(lambda: "ready passed: 200" in why("dev"), what="the webhook to pass")
    until(lambda: "errors passed: 0.001, below 0.01 for 1s" in why("prod"), what="the metric to pass")
    assert house.deploydb("status").stdout.count("1.0 SUCCESS") == 2
    assert set(server.queries()) == {'sum(errors{service="foo"})'}
