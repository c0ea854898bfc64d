"""2,221 real releases through the whole house: the command line, RabbitMQ, PostgreSQL, worker processes, a deployer."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pika
import psycopg
import pytest

from deploydb.broker.topology import INGEST_QUEUE
from deploydb.domain.model.artifact import order_key
from tests.cluster import Cluster, write_config
from tests.servers import until

RELEASES = Path(__file__).parents[3] / "shared/samples/releases.jsonl"

pytestmark = pytest.mark.skipif(not RELEASES.exists(), reason="the samples are not beside this clone")

IN_PROD = """
    SELECT service, version FROM current_version WHERE environment = 'prod'
"""
FACTS: list[dict[str, Any]] = (
    [json.loads(line) for line in RELEASES.read_text(encoding="utf-8").splitlines()] if RELEASES.exists() else []
)


def config(folder: Path) -> Path:
    """The 15 projects as services on dev → staging → prod, with a soak and with no people."""
    files = {
        "pipelines/main.yml": "environments:\n  dev:\n  staging:\n    promotions: [soak]\n  prod:\n",
        "environments/dev.yml": "description: first\n",
        "environments/staging.yml": "description: second\n",
        "environments/prod.yml": "description: last\n",
        "promotions/soak.yml": "type: SoakPromotion\nduration: 1s\n",
    }
    for group, name in {(fact["artifact"]["group"], fact["artifact"]["name"]) for fact in FACTS}:
        files[f"services/{name}.yml"] = f"artifacts: [{group}:{name}]\npipelines: [main]\n"
    return write_config(folder, files)


@pytest.fixture
def house(amqp_url: str, postgresql_url: str, tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(amqp_url, postgresql_url, config(tmp_path / "config")) as house:
        house.furnish()
        for worker in ("ingest", "ingest", "promote", "promote", "relay"):
            house.start(worker)
        house.deployer("true", concurrency=4, state=tmp_path / "deployer.db")
        yield house


def test_every_release_is_stored_once_and_the_newest_of_each_project_ends_in_prod(house: Cluster) -> None:
    published = house.deploydb("publish", "--file", str(RELEASES))
    assert published.returncode == 0, published.stderr
    assert "2221 published, 0 not" in published.stderr
    with psycopg.connect(house.database_url, autocommit=True) as database:

        def count(rows: str) -> int:
            row = database.execute(f"SELECT count(*) FROM {rows}").fetchone()  # type: ignore[call-overload]
            return int(row[0])

        until(lambda: count("flow") == 2221, what="a flow for every release")
        until(lambda: count("deployment WHERE needs_evaluation") == 0, what="every flow to end")
        assert count("event WHERE source LIKE 'git/%'") == count("artifact") == 2221
        statuses = {row[0] for row in database.execute("SELECT DISTINCT status FROM deployment")}
        assert statuses == {"SUCCESS", "SKIPPED"}
        assert count("deployment WHERE status_reason IS NULL") == 0
        assert (
            count("deployment WHERE command IS NOT NULL")
            == count("outbox")
            == count("outbox WHERE sent_at IS NOT NULL")
        )
        assert dict(database.execute(IN_PROD).fetchall()) == newest()
        before = [count(table) for table in ("event", "artifact", "flow", "deployment", "outbox")]
        again = house.deploydb("publish", "--file", str(RELEASES))
        assert again.returncode == 0
        until(lambda: queue_is_empty(house), what="the repeated events to be taken")
        assert [count(table) for table in ("event", "artifact", "flow", "deployment", "outbox")] == before


def test_shuffled_the_releases_give_the_same_artifacts_and_log(house: Cluster, tmp_path: Path) -> None:
    lines = RELEASES.read_bytes().splitlines()
    random.Random(5).shuffle(lines)
    shuffled = tmp_path / "shuffled.jsonl"
    shuffled.write_bytes(b"\n".join(lines))
    assert house.deploydb("publish", "--file", str(shuffled)).returncode == 0
    with psycopg.connect(house.database_url, autocommit=True) as database:

        def rows(query: str) -> list[Any]:
            return database.execute(query).fetchall()  # type: ignore[call-overload]

        until(lambda: len(rows("SELECT FROM flow")) == 2221, what="a flow for every release")
        until(lambda: not rows("SELECT FROM deployment WHERE needs_evaluation"), what="every flow to end")
        log = rows("SELECT source, id, type, time, body FROM event WHERE source LIKE 'git/%'")
        artifacts = rows('SELECT "group", name, version, url, commit, published_at FROM artifact')
        in_prod = dict(rows(IN_PROD))
    assert {(*row[:4], canonical(row[4])) for row in log} == {
        (fact["source"], fact["id"], fact["type"], moment(fact), canonical(fact)) for fact in FACTS
    }
    assert set(artifacts) == {
        (one["group"], one["name"], one["version"], one["url"], one["commit"], moment(fact))
        for fact in FACTS
        for one in (fact["artifact"],)
    }
    assert in_prod == newest()


def newest() -> dict[str, str]:
    """The highest version of each project."""
    last: dict[str, tuple[tuple[object, ...], str]] = {}
    for fact in FACTS:
        name, version = fact["artifact"]["name"], fact["artifact"]["version"]
        mine = (order_key("version", version, moment(fact)), version)
        last[name] = max(last.get(name, mine), mine)
    return {name: version for name, (_, version) in last.items()}


def moment(fact: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(fact["time"]).astimezone(UTC)


def canonical(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True)


def queue_is_empty(house: Cluster) -> bool:
    with pika.BlockingConnection(pika.URLParameters(house.broker_url)) as connection:
        declared = connection.channel().queue_declare(INGEST_QUEUE, passive=True)
        return int(declared.method.message_count) == 0
