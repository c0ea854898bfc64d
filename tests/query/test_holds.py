"""`/api/holds`, and the holds of each lane in `/api/status`."""

from datetime import timedelta
from typing import Any

from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.catalog import Service as ConfiguredService
from tests.query.client import Service
from tests.scenario import Scenario, catalog

DEV_TO_PROD = (
    Stage(environment="dev"),
    Stage(environment="staging", after=After(environments=("dev",))),
    Stage(environment="prod", after=After(environments=("staging",))),
)


def place(world: Scenario, kind: str, **fields: Any) -> None:
    world.tell("hold.placed", kind=kind, by="ann", **fields)


def over(service: Service, lane: str) -> list[str]:
    """What the holds of foo's lane in the status say."""
    (found,) = service.get(f"/api/status?service=foo&environment={lane}")["lanes"]
    return [hold["text"] for hold in found["holds"]]


def listed(service: Service, query: str = "") -> list[tuple[str, str | None, str | None]]:
    return [(hold["kind"], hold["service"], hold["environment"]) for hold in service.get(f"/api/holds{query}")["holds"]]


def test_a_hold_says_what_it_is_over_by_whom_why_and_until_when(world: Scenario, service: Service) -> None:
    place(world, "pin", service="foo", environment="prod", version="1.0", reason="a fair", until="2199-01-01T00:00:00Z")
    assert service.ask("/api/holds").text == (
        '{"holds":[{"id":"ann","kind":"pin","service":"foo","environment":"prod","version":"1.0",'
        '"text":"pinned to 1.0 by ann: a fair (until 2199-01-01 00:00:00 UTC)","by":"ann","reason":"a fair",'
        '"since":"2026-11-22T12:00:00+00:00","from":null,"until":"2199-01-01T00:00:00+00:00"}]}'
    )
    assert over(service, "prod") == ["pinned to 1.0 by ann: a fair (until 2199-01-01 00:00:00 UTC)"]
    assert over(service, "dev") == []


def test_what_is_lifted_or_over_stands_no_more(world: Scenario, service: Service) -> None:
    place(world, "freeze", environment="prod")
    place(world, "pause", service="foo", until="2020-01-01T00:00:00Z")
    assert listed(service) == [("freeze", None, "prod")]
    world.tell("hold.lifted", kind="freeze", environment="prod", by="bob", time="2026-11-22T12:01:00Z")
    assert listed(service) == []
    assert over(service, "prod") == []


def test_a_hold_of_a_long_source_and_id_is_lifted_by_the_id_that_is_listed(world: Scenario, service: Service) -> None:
    place(world, "freeze", environment="prod", source="s" * 255, id="1" * 255)
    (hold,) = service.get("/api/holds")["holds"]
    world.tell("hold.lifted", kind="freeze", environment="prod", by="bob", hold=hold["id"])
    assert listed(service) == []


def test_a_hold_that_begins_later_is_listed_and_stands_over_nothing_yet(world: Scenario, service: Service) -> None:
    begins = (world.now + timedelta(hours=1)).isoformat()
    place(world, "freeze", environment="prod", hold="fair", **{"from": begins})
    (hold,) = service.get("/api/holds")["holds"]
    assert (hold["id"], hold["from"]) == ("fair", begins)
    assert over(service, "prod") == []
    world.now += timedelta(hours=1)
    assert over(service, "prod") == ["prod is frozen by ann (from 2026-11-22 13:00:00 UTC)"]


def test_holds_are_narrowed_to_a_service_and_an_environment(world: Scenario, service: Service) -> None:
    bar = ConfiguredService(ident="bar", artifacts=("com.example:bar",), pipelines=("main",))
    foo = ConfiguredService(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
    world.catalog = catalog(foo, bar, stages=DEV_TO_PROD)
    place(world, "freeze")
    place(world, "freeze", environment="dev")
    place(world, "pause", service="bar")
    place(world, "veto", service="foo", version="1.0", environment="staging")
    everywhere, dev = ("freeze", None, None), ("freeze", None, "dev")
    bars, foos = ("pause", "bar", None), ("veto", "foo", "staging")
    assert listed(service) == [everywhere, dev, bars, foos]
    assert listed(service, "?service=foo") == [everywhere, dev, foos]
    assert listed(service, "?service=foo&environment=dev") == [everywhere, dev]
    assert listed(service, "?environment=prod") == [everywhere, bars, foos]
    assert service.refusal("/api/holds?service=baz") == (404, "there is no service baz; did you mean bar?")
    assert service.refusal("/api/holds?environment=mars")[0] == 404


def test_a_veto_stands_over_a_lane_where_its_version_runs_or_comes_and_downstream(
    world: Scenario, service: Service
) -> None:
    world.catalog = catalog(stages=DEV_TO_PROD)
    place(world, "veto", service="foo", version="1.0", environment="staging", reason="wait for legal")
    place(world, "veto", service="foo", version="0.9")
    assert over(service, "prod") == []
    world.publish("1.0")
    world.evaluate()
    answer = ["1.0 is vetoed from staging on by ann: wait for legal"]
    assert over(service, "dev") == []
    assert over(service, "staging") == answer
    assert over(service, "prod") == answer


def test_a_rollback_that_waits_is_reported_beside_the_newest_that_does(world: Scenario, service: Service) -> None:
    for version in ("1.0", "1.1"):
        world.publish(version)
        world.evaluate(minutes=1)
        world.deploy()
        world.tell(
            "verification.finished",
            service="foo",
            environment="dev",
            version=version,
            promotion="smoke",
            outcome="passed",
        )
        world.evaluate(minutes=1)
    place(world, "freeze", environment="dev")
    world.tell("rollback.requested", service="foo", environment="dev", by="ann", reason="loses orders")
    world.publish("1.2")
    world.evaluate(minutes=1)
    (lane,) = service.get("/api/status?service=foo&environment=dev")["lanes"]
    answer = [(one["version"], one["kind"], one["attempt"], one["status"]) for one in lane["pending"]]
    assert sorted(answer) == [("1.0", "rollback", 1, "NOT_STARTED"), ("1.2", "deploy", 1, "NOT_STARTED")]
