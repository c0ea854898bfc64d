"""The fact of several Eiffel events, from any publisher and in any order, on every database."""

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from deploydb.domain.access import refusal
from deploydb.domain.model.access import Access, Grant
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.environment_names import EnvironmentNames
from deploydb.domain.model.errors import Forbidden
from deploydb.domain.model.trace import TraceContext
from deploydb.store.arrival import Arrival
from deploydb.store.record import Recorded, record
from deploydb.store.tables import event, unmatched_fact
from tests.contract.test_promotion_concurrency import is_waiting
from tests.scenario import Scenario, catalog
from tests.servers import until
from tests.wire.eiffel import created, deployed, eiffel, published

_UNUSED = Grant(facts=("event.unused",))
KNOWN = catalog(access=Access(publishers={"team": (Grant(),), "evil": (_UNUSED,), "x": (_UNUSED,), "y": (_UNUSED,)}))
PROD = eiffel("EnvironmentDefined", "e-1", {"name": "prod"})


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url, KNOWN) as made:
        yield made


def judge(arrival: Arrival, deployment: Deployment | None, names: EnvironmentNames) -> Forbidden | None:
    senders = [(arrival.publisher, KNOWN.access.granted(arrival.publisher or ""))]
    return refusal(KNOWN, senders, arrival.fact, deployment)


def say(world: Scenario, publisher: str, *bodies: bytes) -> Recorded:
    return record(world.engine, [world.arrival(body, publisher) for body in bodies], world.now, judge)


def facts(world: Scenario) -> list[tuple[str, str, str | None]]:
    """Type, id and publisher of the facts that events are together."""
    rows = [row for row in world.rows(event) if row.source == "eiffel" and row.type != "event.unused"]
    return [(row.type, row.id, row.publisher) for row in rows]


def whys(world: Scenario) -> list[str]:
    return [row.why for row in world.rows(unmatched_fact)]


def test_the_fact_of_several_events_continues_the_trace_of_the_one_that_links(world: Scenario) -> None:
    begun: list[tuple[str, TraceContext | None]] = []

    def traced(arrival: Arrival, trace: TraceContext | None) -> TraceContext | None:
        begun.append((arrival.fact.id, arrival.trace))
        return arrival.trace

    place = TraceContext(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate="ci=7")
    root = Arrival.of(
        deployed("d-1", "a-1", "e-1", service="foo"), arrived_at=world.now, publisher="team", headers=place.headers()
    )
    record(world.engine, [root], world.now, judge, traced)
    record(
        world.engine, [world.arrival(one, "team") for one in (PROD, created("a-1", "1.0"))], world.now, judge, traced
    )
    (fact,) = (row for row in world.rows(event) if row.type == "deployment.observed")
    assert (fact.traceparent, fact.tracestate) == (place.traceparent, place.tracestate)
    assert (fact.id, place) in begun


@pytest.mark.parametrize("order", [("evil", "team"), ("team", "evil")])
def test_each_publisher_answers_for_its_own_event_where_two_have_one_id(
    world: Scenario, order: tuple[str, str]
) -> None:
    own = {"team": {"service": "foo"}, "evil": {"service": "foo", "environment": "prod"}}
    for publisher in order:
        say(world, publisher, deployed("d-1", "a-1", "e-1", **own[publisher]))
    say(world, "team", PROD, created("a-1", "1.0"))
    assert facts(world) == [("deployment.observed", "d-1/a-1", "team")]
    (why,) = whys(world)
    assert "evil may not publish deployment.observed" in why


def test_two_workers_that_each_bring_what_an_event_waits_for_make_its_fact(postgresql_url: str) -> None:
    with Scenario(postgresql_url, KNOWN) as world:
        say(world, "team", deployed("d-1", "a-1", "e-1", service="foo"))
        second = threading.Thread(target=say, args=(world, "team", PROD))

        def come_before_the_end(_: sa.Connection) -> None:
            if second.ident is None:
                second.start()
                until(lambda: not second.is_alive() or is_waiting(world.engine), what="the second to be in, or to wait")

        sa.event.listen(world.engine, "commit", come_before_the_end)
        say(world, "team", created("a-1", "1.0"))
        second.join()
        assert facts(world) == [("deployment.observed", "d-1/a-1", "team")]
        assert whys(world) == []


def test_an_event_of_another_publisher_stops_no_fact_for_good(world: Scenario) -> None:
    say(world, "team", published("p-1", "a-1"))
    say(world, "evil", created("a-1", "6.6.6"))
    (why,) = whys(world)
    assert "evil may not publish artifact.published" in why
    say(world, "team", created("a-1", "1.0"))
    assert facts(world) == [("artifact.published", "p-1/a-1", "team")]
    assert whys(world) == []


def test_of_several_events_with_one_id_the_one_of_the_same_publisher_counts(world: Scenario) -> None:
    for publisher in ("x", "y"):
        say(world, publisher, created("a-1", f"6.6.{publisher}"))
    say(world, "team", published("p-1", "a-1"))
    assert whys(world) == ["several events have the id a-1, and not one is of its publisher"]
    say(world, "team", created("a-1", "1.0"))
    assert facts(world) == [("artifact.published", "p-1/a-1", "team")]


def test_only_the_publishers_of_what_a_fact_is_made_of_need_the_right(world: Scenario) -> None:
    say(world, "evil", created("b-1", "1.0", "bar"))
    change = eiffel("SourceChangeSubmitted", "s-1", {"submitter": {"id": "ann"}})
    composition = eiffel("CompositionDefined", "c-1", element=["b-1", "s-1"])
    say(world, "team", change, composition, created("a-1", "1.0", composition="c-1"), published("p-1", "a-1"))
    (row,) = [row for row in world.rows(event) if row.type == "artifact.published"]
    assert row.body["events"] == ["p-1", "a-1", "c-1", "s-1"]
