"""An environment is renamed while others write: nothing keeps the old name, and nothing is lost."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from deploydb.domain.model.environment_names import Renaming
from deploydb.domain.model.errors import Forbidden
from deploydb.store import configurations
from deploydb.store.arrival import Arrival
from deploydb.store.promotion import evaluate
from deploydb.store.record import record
from deploydb.store.tables import deployment, event
from tests.contract.folding import differences
from tests.contract.renames import apart, configure, through
from tests.scenario import NOON, Scenario
from tests.servers import until

BEFORE = through("dev", "prod")
AFTER = through("dev", "production", renamed={"production": ("prod",)})


def test_a_fact_is_refused_by_the_names_of_now_where_nothing_else_is_stored(database_url: str) -> None:
    with Scenario(database_url, BEFORE) as world, apart(database_url, BEFORE) as other:
        configure(world, BEFORE)
        configure(world, AFTER)
        body = b'{"type":"incident.detected","id":"1","source":"s","service":"foo","environment":"prod","incident":"1"}'

        def judge(arrival: Arrival, *_: object) -> Forbidden | None:
            named = getattr(arrival.fact, "environment", None)
            return None if named == "production" else Forbidden("no", path="$", lacks="environments", data="{}")

        recorded = record(other.engine, [other.arrival(body)], NOON, judge)
        assert (recorded.stored, recorded.refusals) == (1, ())


def waits(engine: sa.Engine) -> bool:
    """Whether a session waits for a lock of another one."""
    with engine.connect() as connection:
        found = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return connection.execute(sa.text(found)).scalar_one() > 0


def started(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_fact_that_is_written_meanwhile_has_the_new_name(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once where it is about a deployment, so that each waits for the other."""
    with Scenario(postgresql_url, BEFORE) as world, apart(postgresql_url, BEFORE) as other:
        configure(world, BEFORE)
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        (command,) = world.commands()
        rename, meanwhile = configurations.rename, list[threading.Thread]()

        def renamed(connection: sa.Connection, plan: Renaming) -> None:
            if not meanwhile:
                facts = (
                    lambda: other.tell("incident.detected", service="foo", environment="prod", incident="1"),
                    lambda: other.tell("deployment.finished", command=command.id, outcome="succeeded"),
                )
                for fact in facts:
                    meanwhile.append(started(fact))
                    until(lambda: waits(world.engine), what="a fact waits for the renaming")
            rename(connection, plan)

        monkeypatch.setattr(configurations, "rename", renamed)
        configure(world, AFTER)
        for thread in meanwhile:
            thread.join(timeout=60)
            assert not thread.is_alive()
        heard = [row for row in world.rows(event) if row.type in ("incident.detected", "deployment.finished")]
        assert {row.environment for row in heard} == {"dev", "production"}
        world.evaluate(minutes=1)
        assert world.statuses("1.0") == {"dev": "SUCCESS", "production": "SUCCESS"}
        assert differences(world.engine) == {}


def test_what_was_written_before_is_renamed_though_it_is_committed_later(postgresql_url: str) -> None:
    with Scenario(postgresql_url, BEFORE) as world:
        configure(world, BEFORE)
        committed = threading.Event()

        def hold_back(_connection: sa.Connection) -> None:
            until(lambda: waits(world.engine), what="the renaming waits for the fact")
            committed.set()

        with apart(postgresql_url, BEFORE) as other:
            sa.event.listen(other.engine, "commit", hold_back)
            late = started(lambda: other.tell("incident.detected", service="foo", environment="prod", incident="1"))
            until(lambda: _is_idle_in_transaction(world.engine), what="the fact is written")
            configure(world, AFTER)
            late.join(timeout=60)
        assert committed.is_set()
        (heard,) = [row for row in world.rows(event) if row.type == "incident.detected"]
        assert heard.environment == "production"
        assert differences(world.engine) == {}


@pytest.mark.parametrize("one", [apart, Scenario], ids=["processes", "threads"])
def test_workers_with_either_catalog_go_on_while_names_change_to_and_fro(
    postgresql_url: str, one: Callable[[str], Scenario]
) -> None:
    """As in rolling restarts, one after the other: each lane is in one state, by one name, at the end. Threads share
    what they remember."""
    with Scenario(postgresql_url, BEFORE) as world:
        for known in (BEFORE, AFTER):  # a worker looks at the configuration before it evaluates
            configure(world, known)
        stop, errors = threading.Event(), list[BaseException]()

        def promote(which: int) -> None:
            engine = one(postgresql_url).engine
            try:
                while not stop.is_set():
                    evaluate(engine, (BEFORE, AFTER)[which % 2], world.now, limit=5)
            except BaseException as error:
                errors.append(error)
                raise
            finally:
                if engine is not world.engine:
                    engine.dispose()

        workers = [threading.Thread(target=promote, args=(number,)) for number in range(3)]
        for worker in workers:
            worker.start()
        try:
            for version in range(6):
                world.now += timedelta(minutes=1)
                world.publish(f"1.{version}")
                configure(world, (BEFORE, AFTER)[version % 2])
                for _ in range(3):
                    for command in world.commands():
                        world.tell("deployment.finished", command=command.id, outcome="succeeded")
                    world.evaluate()
            configure(world, BEFORE)

            def is_deployed() -> bool:
                world.deploy()
                return set(world.statuses("1.5").values()) == {"SUCCESS"}

            until(is_deployed, what="the last release to be everywhere")
        finally:
            stop.set()
            for worker in workers:
                worker.join()
        assert errors == []
        assert {row.environment for row in world.rows(deployment)} == {"dev", "prod"}
        assert differences(world.engine) == {}


def _is_idle_in_transaction(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        found = (
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
            " AND query LIKE '%revision%'"
        )
        return connection.execute(sa.text(found)).scalar_one() > 0
