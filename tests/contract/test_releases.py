"""2,221 real releases of 15 projects through the store: backports, re-tags and zones, in their order and shuffled."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from deploydb.domain.model.catalog import Catalog, Order, Service
from deploydb.store.record import record
from deploydb.store.tables import artifact, current_version, deployment, evaluation_request, event
from tests.scenario import Scenario, catalog

RELEASES = Path(__file__).parents[3] / "shared/samples/releases.jsonl"

pytestmark = pytest.mark.skipif(not RELEASES.exists(), reason="the samples are not beside this clone")


def lines() -> list[bytes]:
    return RELEASES.read_bytes().splitlines()


def services_of(facts: list[dict[str, Any]], order: Order) -> Catalog:
    modules = sorted({(fact["artifact"]["group"], fact["artifact"]["name"]) for fact in facts})
    return catalog(
        *(
            Service(ident=name, artifacts=(f"{group}:{name}",), pipelines=("main",), order=order)
            for group, name in modules
        )
    )


def walk(world: Scenario, bodies: list[bytes]) -> None:
    """Ingest in batches, with promotion and an orchestrator at work in between, until every flow has ended."""
    for start in range(0, len(bodies), 100):
        recorded = record(world.engine, [world.arrival(body) for body in bodies[start : start + 100]], world.now)
        assert recorded.refusals == ()
        world.evaluate(seconds=1)
        world.deploy()
    while world.deploy() or world.rows(evaluation_request):
        pass


@pytest.mark.parametrize("seed", [None, 1, 2], ids=["in order", "shuffled", "shuffled again"])
def test_the_newest_release_of_each_project_ends_in_prod_and_every_other_says_why_not(
    sqlite_url: str, seed: int | None
) -> None:
    bodies = lines()
    facts = [json.loads(body) for body in bodies]
    if seed is not None:
        random.Random(seed).shuffle(bodies)
    with Scenario(sqlite_url, services_of(facts, "published")) as world:
        walk(world, bodies)
        runs = versions_in_prod(world)
        ended = {row.status for row in world.rows(deployment)}
        unexplained = [row.id for row in world.rows(deployment) if not row.status_reason]
        still_open = [row.id for row in world.rows(deployment) if row.needs_evaluation]
    newest: dict[str, tuple[Any, str]] = {}
    for fact in facts:
        name, version = fact["artifact"]["name"], fact["artifact"]["version"]
        newest[name] = max(newest.get(name, ("", "")), (utc(fact["time"]), version))
    assert runs == {name: version for name, (_, version) in newest.items()}
    assert ended == {"SUCCESS", "SKIPPED"}
    assert unexplained == still_open == []


def test_by_version_the_highest_ends_in_prod_whatever_was_backported_later(sqlite_url: str) -> None:
    bodies = [body for body in lines() if json.loads(body)["artifact"]["name"] in ("starlette", "kombu", "msgspec")]
    facts = [json.loads(body) for body in bodies]
    with Scenario(sqlite_url, services_of(facts, "version")) as world:
        walk(world, bodies)
        runs = versions_in_prod(world)
    highest: dict[str, str] = {}
    for fact in facts:
        name, version = fact["artifact"]["name"], fact["artifact"]["version"]
        highest[name] = max(highest.get(name, "0"), version, key=Version)
    assert runs == highest


def test_another_order_in_another_database_gives_the_same_artifacts_and_the_same_log(
    sqlite_url: str, postgresql_url: str
) -> None:
    bodies = lines()
    shuffled = random.Random(3).sample(bodies, len(bodies))
    kept = []
    for url, batch in ((sqlite_url, bodies), (postgresql_url, shuffled + shuffled[:500])):
        with Scenario(url) as world:
            for start in range(0, len(batch), 500):
                record(world.engine, [world.arrival(body) for body in batch[start : start + 500]], world.now)
            facts = {
                (row.source, row.id, row.type, row.time, json.dumps(row.body, sort_keys=True))
                for row in world.rows(event)
            }
            artifacts = {tuple(row[1:]) for row in world.rows(artifact)}
            assert (len(world.rows(event)), len(world.rows(artifact))) == (2221, 2221)
            kept.append((facts, artifacts))
    assert kept[0] == kept[1]


def versions_in_prod(world: Scenario) -> dict[str, str]:
    versions = {row.id: row.version for row in world.rows(artifact)}
    return {row.service: versions[row.artifact_id] for row in world.rows(current_version) if row.environment == "prod"}


def utc(text: str) -> Any:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat()
