"""Promotion beside other transactions: several workers, and reports in the middle of an evaluation."""

import threading
from datetime import timedelta

import sqlalchemy as sa

from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.model.catalog import After, Service, Stage
from deploydb.store.promotion import evaluate, mark_open
from deploydb.store.snapshot import snapshots
from deploydb.store.tables import deployment, evaluation_request, event, outbox, service_schedule
from tests.history import fill
from tests.scenario import NOON, Scenario, catalog
from tests.servers import until


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
                until(lambda: not late.is_alive() or is_waiting(world.engine), what="the report to be in, or to wait")

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
                found.extend(snapshots(promote, ["foo"], catalog(), NOON))

        evaluation = threading.Thread(target=look)
        evaluation.start()
        until(lambda: is_waiting(world.engine), what="the evaluation to wait")
        ingest.commit()
        evaluation.join()
    seen = [(one.environment, one.started_url) for one in found[0].deployments]
    assert seen == [("dev", "http://ci/1"), ("prod", None)]


def is_waiting(engine: sa.Engine) -> bool:
    """Whether somebody waits for a lock."""
    with engine.connect() as connection:
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
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
