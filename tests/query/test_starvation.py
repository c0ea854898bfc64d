"""Starved lanes: releases come, and none passes."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.catalog import Service as ConfiguredService
from deploydb.store.promotion import mark_open
from tests.query.client import Service
from tests.query.why_steps import world as world
from tests.scenario import Scenario, catalog

STARVED = "foo in prod is starved: 10 releases have come, and none has passed since 2026-11-22 12:"


def starve(world: Scenario, **environment: object) -> None:
    """1.0 has passed prod; then a release comes there each 15 minutes, and each is replaced before its smoke test."""
    stages = (
        Stage(environment="dev"),
        Stage(environment="prod", after=After(environments=("dev",)), promotions=("smoke",), while_verifying="replace"),
    )
    foo = ConfiguredService(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
    world.catalog = catalog(foo, stages=stages)
    prod = world.catalog.environments["prod"]
    world.catalog.environments["prod"] = replace(prod, **environment)
    release(world, "1.0")
    world.tell(
        "verification.finished", promotion="smoke", outcome="passed", service="foo", environment="prod", version="1.0"
    )
    world.evaluate()
    for number in range(10):
        release(world, f"1.{number + 1}")


def release(world: Scenario, version: str) -> None:
    world.publish(version, time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate(minutes=15)
    world.deploy()
    world.deploy()


def test_a_lane_in_which_none_of_ten_releases_has_passed_is_named_everywhere(world: Scenario, service: Service) -> None:
    starve(world)
    assert STARVED in service.get("/api/why/foo/prod")["answer"]
    (lane,) = service.get("/api/status")["starved"]
    assert (lane["service"], lane["environment"], lane["releases"]) == ("foo", "prod", 10)
    assert lane == service.get("/api/operations")["starved"][0] == service.get("/api/why/foo/prod")["starved"][0]
    assert "starved" not in service.get("/api/status?environment=dev")


def test_a_lane_is_starved_by_time_as_well(world: Scenario, service: Service) -> None:
    starve(world, starved_releases=100)
    assert "starved" not in service.get("/api/operations")
    world.now += timedelta(days=3)
    (lane,) = service.get("/api/operations")["starved"]
    assert lane["text"].startswith(STARVED)


def test_a_lane_that_starves_by_time_alone_is_in_the_next_status_and_on_its_page(
    world: Scenario, service: Service
) -> None:
    starve(world, starved_releases=100)
    first = service.ask("/api/status")
    assert "starved" not in first.json()
    world.now += timedelta(days=3)
    again = service.ask("/api/status", **{"if-none-match": first.headers["etag"]})
    assert again.json()["starved"][0]["text"].startswith(STARVED)
    assert STARVED in service.ask("/status", accept="text/html").text


def test_one_that_passes_ends_it(world: Scenario, service: Service) -> None:
    starve(world)
    lane = {"service": "foo", "environment": "prod", "version": "1.10"}
    world.tell("verification.finished", promotion="smoke", outcome="passed", **lane)
    world.evaluate()
    assert "starved" not in service.get("/api/status")


@pytest.mark.parametrize("kind", ["pin", "freeze", "pause"])
def test_a_lane_that_people_hold_is_not_starved(world: Scenario, service: Service, kind: str) -> None:
    starve(world)
    version = {"version": "1.0"} if kind == "pin" else {}
    world.tell("hold.placed", kind=kind, service="foo", environment="prod", by="sue", reason="audit", **version)
    assert "starved" not in service.get("/api/status")


def test_what_waits_upstream_starves_no_lane_downstream(world: Scenario, service: Service) -> None:
    stages = (
        Stage(environment="dev", promotions=("smoke",), while_verifying="replace"),
        Stage(environment="prod", after=After(environments=("dev",))),
    )
    world.catalog = catalog(stages=stages)
    for number in range(12):
        world.publish(f"2.{number}", time=(world.now + timedelta(seconds=1)).isoformat())
        world.evaluate(minutes=15)
        world.deploy()
    assert [one["environment"] for one in service.get("/api/status")["starved"]] == ["dev"]
    assert "foo in dev is starved" in service.get("/api/why/foo/prod")["answer"]


def test_a_vetoed_release_starves_no_lane(world: Scenario, service: Service) -> None:
    veto = {"kind": "veto", "service": "foo", "environment": "dev", "version": "1.0", "by": "sue"}
    world.tell("hold.placed", **veto, reason="bug")
    release(world, "1.0")
    world.now += timedelta(days=4)
    assert "starved" not in service.get("/api/status")
    world.tell("hold.lifted", **veto)
    world.evaluate()
    world.now += timedelta(days=4)
    assert [one["releases"] for one in service.get("/api/status")["starved"]] == [1]


def test_a_release_of_a_removed_module_starves_no_lane(world: Scenario, service: Service) -> None:
    world.catalog = catalog(stages=(Stage(environment="dev"),), entry={"dev": ("manual",)})
    release(world, "1.0")
    world.now += timedelta(days=4)
    assert [one["environment"] for one in service.get("/api/status")["starved"]] == ["dev"]
    moved = ConfiguredService(ident="foo", artifacts=("com.example:other",), pipelines=("main",))
    world.catalog = catalog(moved, stages=(Stage(environment="dev"),))
    mark_open(world.engine, world.now)
    world.evaluate(minutes=2)
    assert "starved" not in service.get("/api/status")
