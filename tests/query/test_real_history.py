"""15 services in five environments, 2,221 real releases that went through them as they came, and every question."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.catalog import Service as ConfiguredService
from deploydb.store.engine import reading
from deploydb.store.record import record
from deploydb.store.tables import event
from tests.query.client import Service
from tests.scenario import Scenario, catalog

RELEASES = Path(__file__).parents[3] / "shared/samples/releases.jsonl"
ENVIRONMENTS = ("dev", "test", "staging", "preprod", "prod")
MINUTE = timedelta(minutes=1)
THEN = datetime(2022, 3, 1, tzinfo=UTC)

pytestmark = [
    pytest.mark.skipif(not RELEASES.exists(), reason="the samples are not beside this clone"),
    pytest.mark.servers,
]


def batches(releases: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The releases in the order of their times, those of three weeks together."""
    ordered = sorted(releases, key=moment)
    for _, batch in groupby(ordered, key=lambda one: (moment(one) - moment(ordered[0])) // timedelta(days=21)):
        yield list(batch)


def moment(fact: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(fact["time"])


def deploy(world: Scenario) -> bool:
    """Report whatever is commanded as done, a minute later. Whether anything was."""
    world.now += MINUTE
    done = [
        {"type": "deployment.finished", "id": one.id, "source": "cd", "time": world.now.isoformat()}
        | {"command": one.id, "outcome": "succeeded"}
        for one in world.commands()
    ]
    record(world.engine, [world.arrival(json.dumps(one).encode()) for one in done], world.now)
    world.evaluate()
    return bool(done)


@contextmanager
def real_history(database_url: str) -> Iterator[Scenario]:
    """A store that the releases went through."""
    releases = [json.loads(line) for line in RELEASES.read_text(encoding="utf-8").splitlines()]
    modules = sorted({(one["artifact"]["group"], one["artifact"]["name"]) for one in releases})
    services = [
        ConfiguredService(ident=name, artifacts=(f"{group}:{name}",), pipelines=("main",)) for group, name in modules
    ]
    before = (After(), *(After(environments=(name,)) for name in ENVIRONMENTS))
    stages = tuple(Stage(environment=name, after=after) for name, after in zip(ENVIRONMENTS, before, strict=False))
    with Scenario(database_url, catalog(*services, stages=stages)) as world:
        for batch in batches(releases):
            world.now = moment(batch[-1])
            record(world.engine, [world.arrival(json.dumps(one).encode()) for one in batch], world.now)
            deploy(world)  # whatever is under way gets one stage further
        while deploy(world):
            pass
        yield world


@pytest.fixture(scope="module")
def service(shared_postgresql_url: str) -> Iterator[Service]:
    with real_history(shared_postgresql_url) as world, Service(world) as service:
        yield service


def ran(world: Scenario, at: datetime) -> dict[tuple[str, str], str]:
    """What ran where, from nothing but the log: which command was for what, and when it was reported as done."""
    with reading(world.engine) as connection:
        log = connection.execute(event.select().order_by(event.c.time)).all()
    commanded = {row.body["command"]["id"]: row.body["command"] for row in log if row.type == "deployment.requested"}
    found = {}
    for row in log:
        if row.type == "deployment.finished" and row.time <= at:
            command = commanded[row.body["command"]]
            found[command["service"], command["environment"]] = command["artifact"]["version"]
    return found


def shown(service: Service, query: str = "") -> dict[tuple[str, str], str]:
    lanes = service.get(f"/api/status{query}")["lanes"]
    return {(lane["service"], lane["environment"]): one["version"] for lane in lanes for one in lane["running"]}


def test_what_ran_at_any_time_is_what_the_raw_events_say_and_every_question_is_answered(service: Service) -> None:
    # one test: under xdist, each of several would have the releases go through again
    for at in (THEN, THEN - timedelta(days=900), THEN + timedelta(days=900), service.world.now):
        answer = shown(service, f"?at={quote(at.isoformat())}")
        assert answer == ran(service.world, at)
    then = quote(THEN.isoformat())
    assert len(shown(service, f"?at={then}")) >= 5 * 10
    assert shown(service) == ran(service.world, service.world.now)
    assert shown(service, f"?known_at={then}") == shown(service, f"?at={then}")  # nothing was heard of late
    newest = service.get("/api/status?service=datasette&environment=prod")["lanes"][0]["running"][0]
    for path in (
        "/api/why/datasette/prod",
        "/api/history/datasette",
        "/api/history/datasette/prod?perPageSize=5",
        f"/api/where/{newest['version']}",
        "/api/diff?from=staging&to=prod",
        f"/api/diff?from=staging&to=prod&at={then}",
        f"/api/blame?environment=prod&at={then}&hours=744",
        "/api/events",
        "/api/dora?window=52w",
        "/api/holds",
        f"/api/plan/datasette?version={newest['version']}",
        "/api/rollback/datasette/prod",
        f"/api/deployments/{newest['deployment']}",
        "/api/flows/1",
        "/api/operations",
    ):
        assert service.ask(path).status_code == 200, path
