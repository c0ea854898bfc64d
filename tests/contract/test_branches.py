"""Pipelines that take some versions alone, on a database: each release goes its way, and none is lost."""

from collections.abc import Iterator

import pytest

from deploydb.domain.model.admission_reasons import BranchElsewhere
from deploydb.domain.model.catalog import Catalog, Environment, Pipeline, Service
from deploydb.store.engine import reading
from deploydb.store.queries.starvation import starved_lanes
from deploydb.store.snapshot import snapshots
from deploydb.store.tables import deployment, event, flow, promotion_request
from deploydb.store.unplaced_flows import mark_untaken
from tests.contract.folding import differences
from tests.contract.test_catalog_changes import change
from tests.domain.given import chain
from tests.scenario import Scenario

MAIN, BACKPORTS = chain("dev", "prod"), chain("dev-19", "prod-19")


def lanes(main: tuple[str, ...] = ("!1.9.*",), backports: tuple[str, ...] | None = ("1.9.*",)) -> Catalog:
    """Foo on `main`, and on `maintenance` where `backports` names its branches."""
    pipelines = [Pipeline(ident="main", stages=MAIN, branches=main)]
    if backports is not None:
        pipelines.append(Pipeline(ident="maintenance", stages=BACKPORTS, branches=backports))
    known = Service(ident="foo", artifacts=("com.example:foo",), pipelines=tuple(one.ident for one in pipelines))
    return Catalog(
        services={"foo": known},
        environments={stage.environment: Environment(ident=stage.environment) for stage in (*MAIN, *BACKPORTS)},
        pipelines={one.ident: one for one in pipelines},
        digest=f"{main} {backports}",
    )


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url, lanes()) as world:
        yield world


def release(world: Scenario, *versions: str) -> None:
    for version in versions:
        world.publish(version)
        world.evaluate(minutes=1)


def promote(world: Scenario, environment: str, version: str, *skip: str) -> None:
    lane = {"service": "foo", "environment": environment, "version": version}
    world.tell("promotion.requested", **lane, by="ann", reason="it burns", skip=skip)


def test_each_release_goes_through_the_pipelines_that_take_it(world: Scenario) -> None:
    release(world, "1.10.7", "1.9.9")
    world.deploy()
    world.deploy()
    assert world.statuses("1.10.7") == {"dev": "SUCCESS", "prod": "SUCCESS"}
    assert world.statuses("1.9.9") == {"dev-19": "SUCCESS", "prod-19": "SUCCESS"}
    assert not [row for row in world.rows(deployment) if row.needs_evaluation]
    assert differences(world.engine) == {}


def test_a_release_that_no_pipeline_takes_is_kept_and_deployed_once_one_does(world: Scenario) -> None:
    change(world, lanes(main=("1.10.*",)))
    release(world, "1.8.2", "1.8.3")
    assert (world.statuses("1.8.3"), len(world.rows(flow))) == ({}, 2)
    assert differences(world.engine) == {}
    assert change(world, world.catalog) == 0
    assert change(world, lanes(main=("1.10.*", ">=1.8,<1.9"))) == 1
    assert world.statuses("1.8.3") == {"dev": "CREATED", "prod": "NOT_STARTED"}
    assert world.statuses("1.8.2") == {"dev": "SKIPPED", "prod": "SKIPPED"}
    assert differences(world.engine) == {}


def test_branches_that_are_taken_away_again_lose_nothing(world: Scenario) -> None:
    change(world, lanes(main=("1.10.*",), backports=None))
    release(world, "1.9.9")
    assert change(world, lanes(main=(), backports=None)) == 1
    assert world.statuses("1.9.9") == {"dev": "CREATED", "prod": "NOT_STARTED"}
    assert change(world, world.catalog) == 1
    assert differences(world.engine) == {}


def test_what_is_on_its_way_waits_while_its_pipeline_takes_other_versions(world: Scenario) -> None:
    change(world, lanes(main=(), backports=None))
    release(world, "1.9.9")
    world.deploy()
    change(world, lanes(main=("1.10.*",), backports=None))
    world.commands()
    (waits,) = [row for row in world.rows(deployment) if row.environment == "prod"]
    assert (waits.status, waits.needs_evaluation) == ("CREATED", True)  # what is commanded goes on
    release(world, "1.9.10")
    assert world.statuses("1.9.10") == {}
    change(world, lanes(main=(), backports=None))
    assert world.statuses("1.9.10")["dev"] == "CREATED"
    assert differences(world.engine) == {}


def test_what_waits_for_its_branch_starves_no_lane(world: Scenario) -> None:
    change(world, lanes(main=(), backports=None))
    world.tell("hold.placed", kind="freeze", environment="dev", by="ann", reason="fire")
    release(world, "1.9.9")
    world.tell("hold.lifted", kind="freeze", environment="dev", by="ann")
    change(world, lanes(backports=None))
    (waits,) = [row for row in world.rows(deployment) if row.environment == "dev"]
    assert waits.status_reason == BranchElsewhere(pipeline="main", branches=("!1.9.*",), version="1.9.9")
    world.evaluate(days=30)
    with reading(world.engine) as connection:
        assert starved_lanes(connection, world.catalog, world.now) == []


@pytest.mark.parametrize("version", ["1.9.9", "1.8.3"])
def test_a_person_promotes_a_version_to_a_lane_of_another_branch(world: Scenario, version: str) -> None:
    change(world, lanes(main=("1.10.*",)))
    release(world, version)
    world.commands()
    promote(world, "prod", version, "dev")
    world.evaluate()
    assert [command.environment for command in world.commands()] == ["prod"]
    assert "dev" not in world.statuses(version)
    assert differences(world.engine) == {}


def test_a_version_that_was_promoted_before_it_came_gets_there(world: Scenario) -> None:
    promote(world, "prod", "1.9.9", "dev")
    world.evaluate(hours=1)
    assert [row.settled_at is not None for row in world.rows(promotion_request)] == [True]
    release(world, "1.9.9")
    assert world.statuses("1.9.9") == {"dev-19": "CREATED", "prod-19": "NOT_STARTED", "prod": "CREATED"}
    assert differences(world.engine) == {}


@pytest.mark.parametrize(
    "new", [lanes(main=("1.10.*", "1.11.*")), lanes(main=(), backports=None)], ids=["widened", "removed"]
)
def test_a_release_that_a_worker_with_an_older_catalog_took_is_not_lost(world: Scenario, new: Catalog) -> None:
    old = lanes(main=("1.10.*",))
    change(world, old)
    change(world, new)
    assert mark_untaken(world.engine, new, world.now) == 0
    world.catalog = old
    release(world, "1.11.0")
    assert world.statuses("1.11.0") == {}
    assert mark_untaken(world.engine, old, world.now) == 0
    assert mark_untaken(world.engine, new, world.now) == 1
    world.catalog = new
    world.evaluate()
    assert world.statuses("1.11.0") == {"dev": "CREATED", "prod": "NOT_STARTED"}
    world.catalog = old
    release(world, "1.10.0")
    assert [mark_untaken(world.engine, known, world.now) for known in (new, old)] == [0, 0]


def test_a_snapshot_costs_nothing_more_where_pipelines_take_all_versions(world: Scenario) -> None:
    world.catalog = lanes(main=(), backports=None)
    promote(world, "prod", "1.9.9", "dev")
    release(world, "1.9.9")
    with reading(world.engine) as connection:
        (snapshot,) = snapshots(connection, ["foo"], world.catalog, world.now, lock=False)
    assert snapshot.unplaced == ()
    assert not [row for row in world.rows(event) if row.type == "flow.extended"]
