"""An environment gets another name: its lanes, holds, orders and history have it from then on."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from deploydb.domain.model.catalog import Catalog
from deploydb.store.promotion import evaluate
from deploydb.store.tables import (
    current_version,
    deployment,
    environment_name,
    event,
    hold,
    hotfix,
    live_interval,
    promotion_request,
    unmatched_fact,
)
from tests.contract.folding import differences
from tests.contract.renames import apart, configure, through
from tests.scenario import Scenario

BEFORE = through("dev", "prod")
AFTER = through("dev", "production", renamed={"production": ("prod",)})
FILE = {"group": "com.example", "name": "foo", "version": "0.1"}


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url, BEFORE) as world:
        configure(world, BEFORE)
        yield world


def released(world: Scenario, version: str) -> None:
    """The version is deployed everywhere."""
    world.publish(version)
    world.evaluate(minutes=1)
    world.deploy()
    world.deploy()


def places(world: Scenario, table: sa.Table) -> list[str]:
    return sorted({row.environment for row in world.rows(table)})


def test_what_runs_there_and_what_is_on_its_way_goes_on_under_the_new_name(world: Scenario) -> None:
    released(world, "1.0")
    world.publish("1.1")
    world.evaluate()
    world.deploy()
    (command,) = world.commands()
    assert command.environment == "prod"
    configure(world, AFTER)
    assert world.statuses("1.0") == {"dev": "SUCCESS", "production": "SUCCESS"}
    assert world.statuses("1.1") == {"dev": "SUCCESS", "production": "CREATED"}
    assert world.commands() == [], "what is deployed already is not deployed again"
    for table in (deployment, current_version, live_interval):
        assert places(world, table) == ["dev", "production"]
    assert "prod" not in {row.environment for row in world.rows(event)}
    world.tell("deployment.finished", command=command.id, outcome="succeeded")
    world.evaluate()
    assert world.statuses("1.1")["production"] == "SUCCESS"
    world.publish("1.2")
    world.evaluate()
    world.deploy()
    (command,) = world.commands()
    assert (command.environment, command.previous.version if command.previous else None) == ("production", "1.1")
    assert differences(world.engine) == {}


def test_holds_and_orders_stand_under_the_new_name(world: Scenario) -> None:
    released(world, "1.0")
    world.publish("1.1")
    world.evaluate()
    world.tell("hold.placed", kind="freeze", environment="prod", by="alice", reason="a fair", hold="fair")
    world.tell("hold.placed", kind="pin", service="foo", environment="prod", version="1.0", by="bob")
    world.tell("hotfix.declared", service="foo", version="9.0", by="alice", reason="it burns", skip=["prod"])
    world.tell("promotion.requested", service="foo", environment="prod", version="9.0", by="bob", reason="it burns")
    world.tell("incident.detected", service="foo", environment="prod", incident="INC-1")
    world.tell("rollback.requested", service="foo", environment="prod", by="bob", reason="slow")
    world.tell("retry.requested", service="foo", environment="prod", version="1.1", by="bob", reason="slow")
    configure(world, AFTER)
    assert {(row.kind, row.environment) for row in world.rows(hold)} == {
        ("freeze", "production"),
        ("pin", "production"),
    }
    assert [row.skip for row in world.rows(hotfix)] == [["production"]]
    assert places(world, promotion_request) == ["production"]
    assert differences(world.engine) == {}
    world.deploy()
    assert world.statuses("1.1")["production"] == "NOT_STARTED", "it is frozen"
    world.now += timedelta(minutes=1)
    world.tell("hold.lifted", kind="freeze", environment="prod", by="alice", hold="fair")
    world.tell("hold.lifted", kind="pin", service="foo", environment="production", by="bob", hold="bob")
    world.tell("incident.resolved", service="foo", environment="prod", incident="INC-1")
    world.evaluate()
    assert not [row for row in world.rows(hold) if row.placed and row.hold]
    assert world.statuses("1.1")["production"] == "CREATED"
    assert differences(world.engine) == {}


def test_who_still_names_it_as_before_means_it_also_without_the_key(world: Scenario) -> None:
    configure(world, AFTER)
    configure(world, through("dev", "production"))
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    world.tell("deployment.started", service="foo", environment="prod", version="1.0")
    world.tell("deployment.finished", service="foo", environment="prod", version="1.0", outcome="succeeded")
    world.evaluate()
    assert world.statuses("1.0") == {"dev": "SUCCESS", "production": "SUCCESS"}
    heard = next(row for row in reversed(world.rows(event)) if row.type == "deployment.finished")
    assert (heard.environment, heard.body["environment"]) == ("production", "prod"), "the log has it as it came"
    assert differences(world.engine) == {}


def test_what_had_the_new_name_before_is_set_aside_and_comes_back(world: Scenario) -> None:
    released(world, "1.0")
    world.tell("deployment.observed", service="foo", environment="production", artifact=FILE)
    world.tell("hold.placed", kind="pin", service="foo", environment="production", version="0.1", by="bob")
    world.tell("hold.placed", kind="pin", service="foo", environment="prod", version="1.0", by="bob")
    world.tell("deployment.finished", service="foo", environment="production", version="0.2", outcome="succeeded")
    world.evaluate()
    before = {row.id: row.environment for row in world.rows(deployment)}
    configure(world, AFTER)
    assert places(world, deployment) == ["dev", "production", "production~1"]
    assert {(row.environment, row.version) for row in world.rows(hold)} == {
        ("production", "1.0"),
        ("production~1", "0.1"),
    }
    assert places(world, unmatched_fact) == ["production~1"]
    assert differences(world.engine) == {}
    configure(world, BEFORE)
    assert {row.id: row.environment for row in world.rows(deployment)} == before
    assert {(row.environment, row.version) for row in world.rows(hold)} == {("prod", "1.0"), ("production", "0.1")}
    assert places(world, unmatched_fact) == ["production"]
    assert differences(world.engine) == {}


def test_a_report_that_came_under_the_new_name_before_it_was_one_is_taken_in(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    world.tell("deployment.finished", service="foo", environment="production", version="1.0", outcome="succeeded")
    world.evaluate()
    assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "CREATED"}
    configure(world, AFTER)
    assert world.statuses("1.0") == {"dev": "SUCCESS", "production": "SUCCESS"}
    assert differences(world.engine) == {}


def test_renames_follow_each_other_and_are_taken_back_at_once(world: Scenario) -> None:
    released(world, "1.0")
    configure(world, AFTER)
    configure(world, through("dev", "live", renamed={"live": ("production", "prod")}))
    for name in ("prod", "production", "live"):
        world.tell("incident.detected", service="foo", environment=name, incident=name)
    assert {row.environment for row in world.rows(event) if row.type == "incident.detected"} == {"live"}
    configure(world, BEFORE)
    assert places(world, deployment) == ["dev", "prod"]
    world.tell("incident.detected", service="foo", environment="live", incident="again")
    assert {row.environment for row in world.rows(event) if row.type == "incident.detected"} == {"prod"}
    assert differences(world.engine) == {}


def test_a_name_that_was_given_up_can_be_that_of_another_environment(world: Scenario) -> None:
    released(world, "1.0")
    configure(world, AFTER)
    configure(world, through("dev", "production", "prod"))
    assert places(world, current_version) == ["dev", "production"]
    (command,) = world.deploy()
    assert (command.environment, command.previous) == ("prod", None)
    assert places(world, current_version) == ["dev", "prod", "production"]
    assert differences(world.engine) == {}


def test_two_environments_are_never_made_one(world: Scenario) -> None:
    configure(world, through("dev", "prod", "production"))
    released(world, "1.0")
    world.deploy()
    configure(world, AFTER)
    assert places(world, current_version) == ["dev", "prod", "production"]
    assert world.rows(environment_name) == []
    world.tell("incident.detected", service="foo", environment="prod", incident="1")
    assert {row.environment for row in world.rows(event) if row.type == "incident.detected"} == {"prod"}
    assert differences(world.engine) == {}


@pytest.mark.parametrize("old", [BEFORE, AFTER], ids=["older", "newer"])
def test_a_worker_with_another_catalog_means_the_same_environment(world: Scenario, old: Catalog) -> None:
    """As in a rolling restart: one of them has the file as it was, or as it will be again."""
    released(world, "1.0")
    configure(world, AFTER)
    if old is AFTER:
        configure(world, BEFORE)
    now = world.catalog
    world.publish("1.1")
    for step in range(6):
        world.now += timedelta(minutes=1)
        evaluate(world.engine, (old, now)[step % 2], world.now)
        for command in world.commands():
            assert command.environment in now.environments
            world.tell("deployment.finished", command=command.id, outcome="succeeded")
    assert set(world.statuses("1.1").items()) == {(name, "SUCCESS") for name in now.environments}
    assert differences(world.engine) == {}


def test_a_process_that_remembers_other_names_does_its_work_again(world: Scenario, database_url: str) -> None:
    with apart(database_url, BEFORE) as other:
        other.publish("1.0")
        other.evaluate()
        configure(world, AFTER)
        other.tell("incident.detected", service="foo", environment="prod", incident="1")
        assert places(world, deployment) == ["dev", "production"]
        (heard,) = [row for row in world.rows(event) if row.type == "incident.detected"]
        assert heard.environment == "production"
        other.publish("1.1")
        other.evaluate()
        assert other.statuses("1.1") == {"dev": "NOT_STARTED", "production": "NOT_STARTED"}
    assert differences(world.engine) == {}


def test_a_database_without_a_rename_reads_no_names(world: Scenario) -> None:
    statements: list[str] = []
    sa.event.listen(world.engine, "before_cursor_execute", lambda *found: statements.append(found[2]))
    released(world, "1.0")
    assert statements
    assert not [one for one in statements if "environment_name" in one]
