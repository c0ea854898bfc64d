"""A database with rows, as an older DeployDB left it, is brought up to what its log adds up to."""

from datetime import timedelta
from importlib.resources import files
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from deploydb.domain.model.catalog import Stage
from deploydb.store.schema import migrate
from deploydb.store.tables import incident, metadata
from tests.contract.folding import differences
from tests.scenario import Scenario, catalog


def lived(world: Scenario) -> None:
    """What a store of every release can have."""
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    lane = {"service": "foo", "environment": "prod"}
    world.tell("verification.finished", **lane, version="1.0", promotion="smoke", outcome="passed", url="https://ci/1")
    for reason in ("5xx", "still"):
        world.evaluate(minutes=1)
        world.tell("incident.detected", **lane, incident="INC-7", reason=reason)
    for what in ("detected", "resolved", "resolved"):
        world.evaluate(minutes=1)
        world.tell(f"incident.{what}", service="foo", environment="dev", incident="INC-8", version="1.0", reason=what)
    world.tell("hold.placed", kind="pin", **lane, version="1.0", by="ann", reason="fair")
    for historical in (None, True):
        early = {"service": "bar", "environment": "dev", "version": "2.0", "historical": historical}
        world.tell("verification.finished", **early, promotion="smoke", outcome="passed")
        world.tell("deployment.finished", **early, outcome="succeeded")
    world.tell("hold.placed", kind="freeze", environment="dev", by="bob", reason="audit")


def downgrade(world: Scenario, revision: str) -> None:
    """Make the tables again as they were at the revision, and copy the rows of the columns that there were."""
    with world.engine.begin() as connection:
        after = sa.MetaData()
        after.reflect(connection)
        rows: dict[str, list[dict[str, Any]]] = {
            table.name: [dict(row._mapping) for row in connection.execute(sa.select(table))]
            for table in after.sorted_tables
        }
        for row in rows["event"]:
            if row["type"] == "verdict.changed":
                row["body"].pop("since", None)  # which came with revision 0010
        after.drop_all(connection)
        configuration = Config()
        configuration.set_main_option("script_location", str(files("deploydb.store") / "migrations"))
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, revision)
        before = sa.MetaData()
        before.reflect(connection)
        for table in before.sorted_tables:
            for row in rows[table.name] if table.name != "alembic_version" else ():
                kept = {name: row[name] for name in map(str, table.c.keys()) if row.get(name) is not None}
                connection.execute(table.insert().values(kept))


def test_a_store_of_the_second_revision_adds_up_to_its_log_after_migrating(database_url: str) -> None:
    with Scenario(database_url) as world:
        lived(world)
        found = {
            name: world.rows(metadata.tables[name]) for name in ("incident", "hold", "verification", "unmatched_fact")
        }
        assert [row.began_at is None for row in found["incident"]] == [False, False]
        assert differences(world.engine) == {}
        downgrade(world, "0002")
        with world.engine.begin() as connection:
            for number, key in connection.execute(
                sa.text("SELECT max(number), environment FROM event WHERE type LIKE 'incident.%' GROUP BY environment")
            ).all():
                row = {"event": number, "environment": key}
                connection.execute(sa.text("UPDATE incident SET event = :event WHERE environment = :environment"), row)
        migrate(world.engine)
        assert differences(world.engine) == {}
        for name, rows in found.items():
            assert world.rows(metadata.tables[name]) == rows
        assert all(row.recorded_at is not None for row in world.rows(incident))


def test_what_ran_again_and_what_failed_later_is_taken_in_from_the_log(database_url: str) -> None:
    """A store of revision 0017 had one interval for each deployment."""
    stages = (Stage(environment="dev", while_verifying="replace"),)
    with Scenario(database_url, catalog(stages=stages)) as world:
        deployed = []
        for version in ("1.0", "1.1", "1.2"):
            world.publish(version)
            world.evaluate(minutes=1)
            deployed += [command.deployment for command in world.deploy()]
        first, second, last = deployed
        world.tell("verification.finished", deployment=last, promotion="smoke", outcome="passed")
        world.evaluate()
        for id_, outcome in ((first, "succeeded"), (second, "succeeded"), (last, "failed")):
            world.now += timedelta(minutes=10)
            world.tell("deployment.finished", deployment=id_, outcome=outcome)
            world.evaluate()
        found = {name: world.rows(metadata.tables[name]) for name in ("live_interval", "live_status")}
        assert [row.deployment_id for row in found["live_interval"]] == [first, first, second, second, last]
        assert [row.status for row in found["live_status"]] == ["SUCCESS", "FAILED"]
        again = sa.text(
            "DELETE FROM live_interval WHERE EXISTS (SELECT 1 FROM live_interval AS earlier WHERE "
            "earlier.deployment_id = live_interval.deployment_id AND earlier.live_at < live_interval.live_at)"
        )
        with world.engine.begin() as connection:
            connection.execute(again)
        downgrade(world, "0017")
        migrate(world.engine)
        for name, rows in found.items():
            assert world.rows(metadata.tables[name]) == rows
        assert not {*found, "current_version"} & differences(world.engine).keys()
