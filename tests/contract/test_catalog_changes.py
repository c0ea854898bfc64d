"""A change of the catalog on a database: flows follow it, and the log has what they got."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from deploydb.domain.model.catalog import After, Catalog, Service, Stage
from deploydb.store.engine import reading
from deploydb.store.promotion import mark_open
from deploydb.store.queries.flows import flow_by_id
from deploydb.store.tables import deployment, evaluation_request, event, service_schedule
from tests.contract.folding import differences
from tests.scenario import Scenario, catalog


def through(*environments: str) -> Catalog:
    """Foo on a pipeline of these environments, one after the other, with no gates."""
    before = ((), *((name,) for name in environments))
    stages = [
        Stage(environment=name, after=After(environments=after))
        for name, after in zip(environments, before, strict=False)
    ]
    return catalog(Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",)), stages=tuple(stages))


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url, through("dev", "prod")) as world:
        yield world


def change(world: Scenario, known: Catalog) -> int:
    """Another catalog comes into force, as in a worker. How many services were marked."""
    world.catalog = known
    marked = mark_open(world.engine, world.now, known)
    world.evaluate()
    return marked


def test_a_stage_that_is_inserted_is_passed_through_and_one_that_is_taken_back_waits(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    change(world, through("dev", "canary", "prod"))
    assert world.statuses("1.0") == {"dev": "CREATED", "canary": "NOT_STARTED", "prod": "NOT_STARTED"}
    change(world, through("dev", "prod"))
    (waits,) = [row for row in world.rows(deployment) if row.environment == "canary"]
    assert (waits.status, waits.needs_evaluation) == ("NOT_STARTED", True)
    change(world, through("dev", "canary", "prod"))
    world.deploy()
    assert world.statuses("1.0") == {"dev": "SUCCESS", "canary": "CREATED", "prod": "NOT_STARTED"}
    with reading(world.engine) as connection:
        found = flow_by_id(connection, world.catalog, 1)
    assert found is not None
    assert [view.environment for view in found.deployments] == ["dev", "canary", "prod"]
    assert differences(world.engine) == {}


def test_a_flow_is_shown_in_the_order_of_a_pipeline_that_was_reordered(world: Scenario) -> None:
    world.catalog = through("dev", "qa", "staging", "prod")
    world.publish("1.0")
    world.evaluate()
    change(world, through("dev", "staging", "qa"))
    with reading(world.engine) as connection:
        found = flow_by_id(connection, world.catalog, 1)
    assert found is not None
    assert [view.environment for view in found.deployments] == ["dev", "staging", "qa", "prod"]


def test_a_stage_that_is_appended_gets_what_runs_and_is_over(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    world.deploy()
    assert set(world.statuses("1.0").values()) == {"SUCCESS"}
    assert change(world, through("dev", "prod")) == 0
    assert change(world, through("dev", "prod", "asia")) == 1
    (command,) = world.commands()
    assert (command.environment, command.artifact.version) == ("asia", "1.0")
    assert world.rows(evaluation_request) == []
    assert differences(world.engine) == {}


def test_a_report_that_came_before_the_stage_is_its(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.tell("deployment.finished", service="foo", environment="canary", version="1.0", outcome="succeeded")
    change(world, through("dev", "canary", "prod"))
    assert world.statuses("1.0")["canary"] == "SUCCESS"
    assert differences(world.engine) == {}


def test_a_service_without_stages_digest_is_looked_at_once(world: Scenario) -> None:
    """As after a migration."""
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    world.deploy()
    assert change(world, world.catalog) == 0
    with world.engine.begin() as connection:
        connection.execute(sa.update(service_schedule).values(stages=None))
    assert [change(world, world.catalog) for _ in range(2)] == [1, 0]
    (row,) = world.rows(service_schedule)
    assert row.stages == world.catalog.stages_digest("foo")
    assert not [row for row in world.rows(event) if row.type == "flow.extended"]
