"""What promotion's transaction promises, on every database; what only PostgreSQL can show, on PostgreSQL."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.model.admission_reasons import Superseded
from deploydb.domain.model.catalog import (
    After,
    Catalog,
    Service,
    Stage,
)
from deploydb.domain.model.gate_reasons import AwaitingJobs
from deploydb.domain.model.reasons import Expired
from deploydb.store.promotion import evaluate, mark_open, next_due
from deploydb.store.snapshot import snapshots
from deploydb.store.tables import (
    current_version,
    deployment,
    evaluation_request,
    event,
    flow,
    outbox,
    service_schedule,
    verdict,
)
from tests.history import fill
from tests.scenario import (
    NOON,
    Scenario,
    catalog,
)
from tests.servers import until


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as world:
        yield world


def test_an_artifact_opens_a_flow_with_a_deployment_for_every_stage_and_commands_the_first(world: Scenario) -> None:
    world.publish("1.0")
    evaluated = world.evaluate()
    assert (evaluated.flows, evaluated.commands, evaluated.more) == (1, 1, False)
    assert world.statuses("1.0") == {"dev": "CREATED", "prod": "NOT_STARTED"}
    (command,) = world.commands()
    assert (command.type, command.service, command.environment) == ("deploy", "foo", "dev")
    assert command.routing_key == "dev.foo.deploy"
    assert command.deadline == NOON + timedelta(hours=1)
    assert [str(artifact) for artifact in command.manifest] == ["com.example:foo 1.0"]
    assert world.rows(evaluation_request) == []


def test_a_release_walks_to_the_end_as_facts_come(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    for environment in ("dev", "prod"):
        (command,) = world.deploy()
        assert command.environment == environment
        assert world.statuses("1.0")[environment] == "COMPLETED"
        world.tell("verification.finished", deployment=command.deployment, promotion="smoke", outcome="passed")
        world.evaluate()
        assert world.statuses("1.0")[environment] == "SUCCESS"
    assert world.commands() == []
    assert {(row.environment, row.live_at) for row in world.rows(current_version)} == {("dev", NOON), ("prod", NOON)}


def test_an_artifact_of_no_service_is_stored_and_forgotten_by_promotion(world: Scenario) -> None:
    world.publish("1.0", name="nobodys")
    assert world.evaluate().flows == 0
    assert world.rows(evaluation_request) == []
    assert world.rows(flow) == []


def test_evaluating_again_decides_nothing_again(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    before = len(world.rows(event))
    mark_open(world.engine, world.now)
    world.evaluate()
    assert len(world.rows(event)) == before
    assert len(world.rows(outbox)) == 1


def test_every_decision_is_in_the_log_with_its_reason_and_its_catalog(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy(outcome="failed")
    ours = [row for row in world.rows(event) if row.source == "deploydb"]
    assert [row.type for row in ours] == ["flow.opened", "deployment.requested", "failure.counted"]
    requested = ours[1].body
    assert requested["reason"] == {"code": "admitted", "published_by": "tests"}
    assert requested["catalog"] == "test"
    assert requested["command"]["id"] == world.rows(outbox)[0].message_id


def test_a_soak_is_a_row_that_wakes_promotion_to_the_second(world: Scenario) -> None:
    world.catalog = catalog(
        Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("soak",))
    )
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    assert next_due(world.engine) == NOON + timedelta(hours=2)
    assert world.evaluate(hours=1, minutes=59, seconds=59).commands == 0
    assert world.evaluate(seconds=1).commands == 1
    assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "CREATED"}


def test_no_answer_by_the_deadline_fails_the_deployment_with_that_reason(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.evaluate(hours=1)
    row = world.rows(deployment)[0]
    assert (row.status, row.status_reason) == ("FAILED", Expired(deadline=NOON + timedelta(hours=1), started=False))


def test_backdated_news_does_not_shorten_a_soak(world: Scenario) -> None:
    world.catalog = catalog(
        Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("soak",))
    )
    world.publish("1.0")
    world.evaluate()
    (command,) = world.commands()
    world.tell("deployment.finished", command=command.id, outcome="succeeded", time="2020-01-01T00:00:00Z")
    world.evaluate()
    assert world.statuses("1.0")["dev"] == "COMPLETED"
    assert next_due(world.engine) == NOON + timedelta(hours=2)


def test_a_service_that_is_configured_no_more_waits_until_it_comes_back(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    known, world.catalog = world.catalog, Catalog(digest="empty")
    world.tell(
        "verification.finished", service="foo", environment="dev", version="1.0", promotion="smoke", outcome="passed"
    )
    world.evaluate()
    assert world.statuses("1.0")["dev"] == "COMPLETED"
    world.catalog = known
    assert mark_open(world.engine, world.now) == 1
    world.evaluate()
    assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "CREATED"}


def test_verdicts_are_there_from_the_start_and_judged_once_it_runs(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    assert [(row.promotion, row.outcome) for row in world.rows(verdict)] == [("smoke", None), ("smoke", None)]
    world.deploy()
    assert [(row.outcome, row.reason) for row in world.rows(verdict)] == [
        ("PENDING", AwaitingJobs(missing=("smoke",))),
        (None, None),
    ]


def test_many_releases_at_once_end_skipped_but_the_newest(world: Scenario) -> None:
    for number in range(60):
        world.publish(f"1.{number}", time=(NOON - timedelta(minutes=60 - number)).isoformat())
    world.evaluate()
    statuses = Counter(row.status for row in world.rows(deployment))
    assert statuses == {"SKIPPED": 118, "CREATED": 1, "NOT_STARTED": 1}
    (command,) = world.commands()
    assert command.artifact.version == "1.59"
    reasons = {row.status_reason for row in world.rows(deployment) if row.version == "1.3" and row.environment == "dev"}
    assert reasons == {Superseded(version="1.59", higher=False)}


def test_the_database_holds_that_a_lane_has_one_active_deployment(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    row = world.rows(deployment)[0]
    again = {column.name: getattr(row, column.name) for column in deployment.c if column.name not in ("id", "command")}
    with (
        pytest.raises(IntegrityError, match=r"active|service, deployment\.environment"),
        world.engine.begin() as connection,
    ):
        connection.execute(sa.insert(deployment).values(again | {"attempt": 2}))


def test_eight_promotion_workers_give_each_lane_one_active_deployment_and_each_decision_one_command(
    postgresql_url: str,
) -> None:
    stages = (Stage(environment="dev"), Stage(environment="eu", after=After(environments=("dev",))))
    services = [
        Service(ident=f"s{number}", artifacts=(f"com.example:s{number}", "com.example:shared"), pipelines=("main",))
        for number in range(12)
    ]
    known = catalog(*services, stages=stages)
    with Scenario(postgresql_url, known) as world:
        stop = threading.Event()
        errors: list[BaseException] = []

        def promote() -> None:
            try:
                while not stop.is_set():
                    evaluate(world.engine, known, world.now, limit=5)
            except BaseException as error:
                errors.append(error)
                raise

        workers = [threading.Thread(target=promote) for _ in range(8)]
        for worker in workers:
            worker.start()
        try:
            for version in range(10):
                world.now += timedelta(seconds=1)
                world.publish(f"{version}", name="shared")
                for number in range(12):
                    world.publish(f"{version}", name=f"s{number}")
                for command in world.commands():
                    world.tell("deployment.finished", command=command.id, outcome="succeeded")
            _settle(world)
        finally:
            stop.set()
            for worker in workers:
                worker.join()
        assert errors == []
        commanded = [row for row in world.rows(deployment) if row.requested_at is not None]
        assert len(commanded) == len({row.command for row in commanded}) == len(world.rows(outbox))
        assert {row.status for row in world.rows(deployment)} <= {"SUCCESS", "SKIPPED", "COMPLETED"}
        newest = {
            (row.service, row.environment): row.version for row in world.rows(deployment) if row.status == "SUCCESS"
        }
        assert len(newest) == 24
        assert len(world.rows(service_schedule)) == 12
        overlaps = _overlapping(world)
        assert overlaps == []


def test_a_report_that_opens_a_deployment_again_in_the_middle_of_an_evaluation_hides_it_from_no_one(
    postgresql_url: str,
) -> None:
    with Scenario(postgresql_url, catalog(entry={"prod": ("manual",)})) as world:
        world.publish("1.0")
        world.evaluate()
        (command,) = world.deploy()
        world.tell("verification.finished", deployment=command.deployment, promotion="smoke", outcome="passed")
        world.evaluate()
        assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "NOT_STARTED"}
        again = {"command": command.id, "time": (world.now + timedelta(seconds=1)).isoformat()}
        late = threading.Thread(target=lambda: world.tell("deployment.started", **again))

        def come_late(_c: object, _cursor: object, statement: str, *_: object) -> None:
            if "FOR UPDATE OF deployment" in statement and late.ident is None:
                late.start()
                until(lambda: not late.is_alive() or _is_waiting(world.engine), what="the report to be in, or to wait")

        mark_open(world.engine, world.now)
        sa.event.listen(world.engine, "after_cursor_execute", come_late)
        world.evaluate()
        late.join()
        world.evaluate()
        assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "NOT_STARTED"}


def test_a_report_that_an_evaluation_has_to_wait_for_does_not_hide_its_deployment(postgresql_url: str) -> None:
    # PostgreSQL plans with indexes only where there is more than a handful of rows
    fill(postgresql_url, ends_at=NOON, services=100, events=20_000, environments=("dev", "prod"))
    with Scenario(postgresql_url, catalog()) as world, world.engine.connect() as ingest:
        world.publish("1.0")
        world.evaluate()
        reported = sa.update(deployment).where(deployment.c.status == "CREATED").values(started_url="http://ci/1")
        assert ingest.execute(reported).rowcount == 1
        found: list[ServiceSnapshot] = []

        def look() -> None:
            with world.engine.connect() as promote:
                found.extend(snapshots(promote, ["foo"], catalog()))

        evaluation = threading.Thread(target=look)
        evaluation.start()
        until(lambda: _is_waiting(world.engine), what="the evaluation to wait")
        ingest.commit()
        evaluation.join()
    seen = [(one.environment, one.started_url) for one in found[0].deployments]
    assert seen == [("dev", "http://ci/1"), ("prod", None)]


def _is_waiting(engine: sa.Engine) -> bool:
    """Whether somebody waits for a lock."""
    with engine.connect() as connection:
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return bool(connection.exec_driver_sql(waits).scalar())


def _settle(world: Scenario) -> None:
    """Answer commands until there are none and nothing is marked or open."""
    for _ in range(2000):
        for command in world.commands():
            world.tell("deployment.finished", command=command.id, outcome="succeeded")
        if not world.rows(evaluation_request) and not any(row.needs_evaluation for row in world.rows(deployment)):
            return
    raise AssertionError("flows did not end")


def _overlapping(world: Scenario) -> list[tuple[str, str, list[str]]]:
    """Lanes in which, by the log's own order, a deployment was requested while another one was not finished."""
    active: dict[tuple[str, str], set[int]] = {}
    lane_of = {row.command: (row.service, row.environment, row.id) for row in world.rows(deployment) if row.command}
    found = []
    for row in world.rows(event):
        if row.type == "deployment.requested":
            lane = active.setdefault((row.service, row.environment), set())
            lane.add(row.body["deployment"])
            if len(lane) > 1:
                found.append((row.service, row.environment, sorted(map(str, lane))))
        elif row.type == "deployment.finished":
            service, environment, ident = lane_of[row.body["command"]]
            active[service, environment].discard(ident)
    return found
