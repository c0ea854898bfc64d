"""What a service is asked about that was left unanswered, on every database."""

from collections.abc import Iterator
from dataclasses import replace as replace_catalog
from datetime import timedelta

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.model.catalog import Catalog, Incomplete, Service
from deploydb.store.catalog_listings import _SINCE, ROLLOUT, answer, enter
from deploydb.store.engine import reading
from deploydb.store.tables import artifact, flow
from tests.contract.test_set_aside import allow, refuse
from tests.scenario import Scenario, catalog

FOO = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
BAR = replace(FOO, ident="bar")


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url, catalog(FOO)) as world:
        yield world


def take(world: Scenario, known: Catalog) -> int:
    """Take a catalog, as a worker does. How many flows it opens at once."""
    enter(world.engine, known, world.now)
    return answered(world, known)


def lacking(*, prod: bool = True) -> Catalog:
    """A catalog in which bar lacks an environment, or no more."""
    if not prod:
        return catalog(FOO, BAR)
    known = catalog(FOO)
    return replace_catalog(known, incomplete={"bar": Incomplete(service=BAR, lacks=("environment prod",))})


def answered(world: Scenario, known: Catalog) -> int:
    before = len(world.rows(flow))
    answer(world.engine, known, world.now)
    other, world.catalog = world.catalog, known
    world.evaluate()
    world.catalog = other
    return len(world.rows(flow)) - before


def flows(world: Scenario, service: str) -> list[str]:
    named = sa.select(artifact.c.version).join(flow, flow.c.artifact_id == artifact.c.id)
    with reading(world.engine) as connection:
        return sorted(connection.execute(named.where(flow.c.service == service)).scalars())


def test_a_new_service_of_a_module_with_a_past_opens_the_newest_release_alone(world: Scenario) -> None:
    take(world, catalog(FOO))
    for number in range(5):
        world.publish(f"1.{number}")
    world.evaluate()
    assert take(world, catalog(FOO, BAR)) == 1
    assert (flows(world, "bar"), len(flows(world, "foo"))) == (["1.4"], 5)
    assert take(world, catalog(FOO, BAR)) == 0


def test_the_newest_is_that_by_the_services_order(world: Scenario) -> None:
    for version in ("2.0", "10.0", "3.0"):
        world.publish(version)
        world.now += timedelta(minutes=1)
    world.evaluate()
    take(world, catalog(FOO, replace(BAR, order="version")))
    assert flows(world, "bar") == ["10.0"]


def test_what_a_worker_left_unanswered_is_opened_from_there_on(world: Scenario) -> None:
    take(world, catalog(FOO, BAR))
    world.publish("0.9")
    world.catalog = catalog(FOO, BAR)
    world.evaluate()
    world.catalog = catalog(FOO)
    for version in ("1.0", "1.1"):
        world.publish(version)
        world.evaluate(minutes=1)
    assert flows(world, "bar") == ["0.9"]
    assert answered(world, catalog(FOO, BAR)) == 2
    assert flows(world, "bar") == ["0.9", "1.0", "1.1"]


def test_a_service_that_comes_back_after_long_does_not_get_all_that_it_missed(world: Scenario) -> None:
    take(world, catalog(FOO, BAR))
    for version in ("1.0", "1.1", "1.2"):
        world.publish(version)
        world.evaluate(hours=10)
    world.now += ROLLOUT
    take(world, catalog(FOO, BAR))
    assert flows(world, "bar") == ["1.2"]


def test_of_equal_versions_the_last_published_is_the_newest(world: Scenario) -> None:
    for version in ("2.0", "v2.0", "2.0.0", "1.0"):
        world.publish(version)
        world.now += timedelta(minutes=1)
    world.evaluate()
    take(world, catalog(FOO, replace(BAR, order="version")))
    assert flows(world, "bar") == ["2.0.0"]


def test_a_service_whose_flow_cannot_be_opened_holds_up_no_other(world: Scenario) -> None:
    world.publish("1.0")
    refuse(world, flow, "INSERT", service="bar")
    take(world, catalog(FOO, BAR, replace(FOO, ident="baz")))
    assert [flows(world, service) for service in ("foo", "bar", "baz")] == [["1.0"], [], ["1.0"]]
    allow(world, flow)
    world.evaluate(seconds=2)
    assert flows(world, "bar") == [], "a worker that does not know the service gives its request back"
    assert answered(world, catalog(FOO, BAR)) == 1


def test_a_worker_that_does_not_know_the_service_gives_its_request_back(world: Scenario) -> None:
    enter(world.engine, catalog(FOO, BAR), world.now)
    world.publish("1.0")
    for _ in range(3):
        answer(world.engine, catalog(FOO, BAR), world.now)
        world.evaluate()
    assert (flows(world, "foo"), flows(world, "bar")) == (["1.0"], [])
    assert answered(world, catalog(FOO, BAR)) == 1


@pytest.mark.parametrize("complete_before", [False, True])
@pytest.mark.parametrize("later", [timedelta(hours=1), ROLLOUT + timedelta(hours=1), timedelta(days=40)])
def test_no_release_is_lost_while_a_service_lacks_a_file(
    world: Scenario, complete_before: bool, later: timedelta
) -> None:
    before = []
    if complete_before:
        take(world, lacking(prod=False))
        world.publish("0.9")
        before = ["0.9"]
        answered(world, lacking(prod=False))
        world.now += timedelta(days=30)
    take(world, lacking())
    world.catalog = lacking()
    for version in ("1.0", "1.1", "1.2"):
        world.publish(version)
        world.evaluate(minutes=1)
        assert answered(world, lacking()) == 0
    world.now += later
    assert take(world, lacking(prod=False)) == 3
    assert flows(world, "bar") == [*before, "1.0", "1.1", "1.2"]
    assert take(world, lacking(prod=False)) == 0


def test_what_a_service_missed_before_it_became_incomplete_stays_its_past(world: Scenario) -> None:
    take(world, lacking(prod=False))
    world.publish("1.0")
    world.evaluate(days=2)
    take(world, lacking())
    world.catalog = lacking()
    for version in ("1.1", "1.2"):
        world.publish(version)
        world.evaluate(days=2)
    assert take(world, lacking(prod=False)) == 2
    assert flows(world, "bar") == ["1.1", "1.2"]


def test_more_releases_than_are_opened_at_once_wait(world: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploydb.store.catalog_listings._SINCE", _SINCE.limit(2))
    monkeypatch.setattr("deploydb.store.catalog_listings.LOOKED_BACK", 2)
    take(world, lacking())
    world.catalog = lacking()
    for number in range(5):
        world.publish(f"1.{number}")
        world.evaluate(minutes=1)
    assert take(world, lacking(prod=False)) == 5
