"""What runs where, and what is on its way."""

from datetime import timedelta
from typing import Any, Literal

import pytest

from deploydb.domain.model.catalog import After, Catalog, Environment, Pipeline, Stage
from deploydb.domain.model.catalog import Service as ConfiguredService
from deploydb.query.environment_sequence import environments_in_order
from tests.query.client import Service
from tests.scenario import Scenario, catalog

DEV_TO_PROD = (
    Stage(environment="dev"),
    Stage(environment="staging", after=After(environments=("dev",))),
    Stage(environment="prod", after=After(environments=("staging",))),
)


def passed(world: Scenario, deployment: int) -> None:
    world.tell("verification.finished", deployment=deployment, promotion="smoke", outcome="passed")
    world.evaluate()


def lanes(service: Service, query: str = "") -> dict[tuple[str, str], dict[str, Any]]:
    return {(lane["service"], lane["environment"]): lane for lane in service.get(f"/api/status{query}")["lanes"]}


def versions(views: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(view["version"], view["status"]) for view in views]


def test_nothing_runs_yet_and_every_lane_is_there_in_the_order_of_the_pipeline(service: Service) -> None:
    service.world.catalog = catalog(stages=DEV_TO_PROD)
    assert service.ask("/api/status").text == (
        '{"environments":["dev","staging","prod"],"lanes":['
        '{"service":"foo","environment":"dev","running":[],"pending":[],"holds":[],"drift":[]},'
        '{"service":"foo","environment":"staging","running":[],"pending":[],"holds":[],"drift":[]},'
        '{"service":"foo","environment":"prod","running":[],"pending":[],"holds":[],"drift":[]}],"at":null,"knownAt":null}'
    )


def test_what_runs_and_what_comes(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    passed(world, 1)
    assert service.ask("/api/status?environment=dev").text == (
        '{"environments":["dev"],"lanes":[{"service":"foo","environment":"dev","running":[{"module":"com.example:foo",'
        '"version":"1.0","deployment":1,"status":"SUCCESS","since":"2026-11-22T12:00:00+00:00",'
        '"triggerReason":{"code":"admitted","params":{"published_by":"tests"},"text":"published by tests"},'
        '"reason":{"code":"gates_passed","params":{"reasons":[{"code":"jobs_passed","reports":[{"job":"smoke"}]}]},'
        '"text":"smoke passed"},"previous":null}],'
        '"pending":[],"holds":[],"drift":[]}],"at":null,"knownAt":null}'
    )
    assert service.ask("/api/status?environment=prod").text == (
        '{"environments":["prod"],"lanes":[{"service":"foo","environment":"prod","running":[],"pending":['
        '{"module":"com.example:foo","version":"1.0","deployment":2,"kind":"deploy","attempt":1,"status":"CREATED",'
        '"reason":{"code":"admitted","params":{"promoted_from":[{"environment":"dev","reason":{"code":"gates_passed",'
        '"reasons":[{"code":"jobs_passed","reports":[{"job":"smoke"}]}]}}]},"text":'
        '"promoted from dev: smoke passed","short":"promoted from dev"}}],'
        '"holds":[],"drift":[]}],"at":null,"knownAt":null}'
    )


def test_of_what_waits_only_the_newest_of_each_module_is_reported(world: Scenario, service: Service) -> None:
    world.catalog = catalog(stages=DEV_TO_PROD)
    for version in ("1.0", "1.1", "1.2"):
        world.publish(version)
        world.evaluate(minutes=1)
    answer = lanes(service)
    assert versions(answer["foo", "dev"]["pending"]) == [("1.0", "CREATED"), ("1.2", "NOT_STARTED")]
    assert versions(answer["foo", "prod"]["pending"]) == [("1.2", "NOT_STARTED")]
    assert answer["foo", "prod"]["pending"][0]["reason"] == {
        "code": "awaiting_stages",
        "params": {"environments": ["staging"], "all": True},
        "text": "waits for staging",
    }


def test_the_newest_is_the_highest_where_the_service_goes_by_version(world: Scenario, service: Service) -> None:
    by_version = ConfiguredService(
        ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("smoke",), order="version"
    )
    world.catalog = catalog(by_version, stages=DEV_TO_PROD)
    for version in ("1.0", "2.0", "1.0.1"):
        world.publish(version)
    world.evaluate()
    assert versions(lanes(service)["foo", "prod"]["pending"]) == [("2.0", "NOT_STARTED")]


def test_what_failed_is_pending_beside_what_still_runs(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    passed(world, 1)
    world.publish("1.1", time=(world.now + timedelta(minutes=1)).isoformat())
    world.evaluate(minutes=1)
    (prod, dev) = world.commands()
    world.tell("deployment.finished", command=dev.id, outcome="failed", reason="disk full")
    world.evaluate()
    lane = lanes(service)["foo", "dev"]
    assert versions(lane["running"]) == [("1.0", "SUCCESS")]
    assert [(one["version"], one["status"], one["reason"]["params"]) for one in lane["pending"]] == [
        ("1.1", "FAILED", {"text": "disk full"})
    ]
    assert prod.environment == "prod"


def test_the_modules_of_a_service_run_side_by_side(world: Scenario, service: Service) -> None:
    both = ConfiguredService(ident="shop", artifacts=("com.example:web", "com.example:theme"), pipelines=("main",))
    world.catalog = catalog(both)
    for name in ("web", "theme"):
        world.publish("1.0", name=name)
        world.evaluate()
        world.deploy()
        world.deploy()
    running = lanes(service)["shop", "prod"]["running"]
    assert [one["module"] for one in running] == ["com.example:theme", "com.example:web"]


def test_what_runs_where_nothing_is_configured_is_reported_last(world: Scenario, service: Service) -> None:
    seen = {"group": "com.example", "name": "foo", "version": "0.9"}
    world.tell("deployment.observed", service="foo", environment="basement", artifact=seen)
    world.tell("deployment.observed", service="legacy", environment="basement", artifact=seen)
    world.evaluate()
    answer = service.get("/api/status")
    assert answer["environments"] == ["dev", "prod", "basement"]
    assert [(lane["service"], lane["environment"]) for lane in answer["lanes"]] == [
        ("foo", "dev"),
        ("foo", "prod"),
        ("foo", "basement"),
        ("legacy", "basement"),
    ]
    assert list(lanes(service, "?service=legacy")) == [("legacy", "basement")]
    assert list(lanes(service, "?environment=basement")) == [("foo", "basement"), ("legacy", "basement")]
    assert lanes(service, "?service=foo&environment=basement")["foo", "basement"]["running"][0]["version"] == "0.9"


def test_a_service_that_is_configured_no_more_is_reported_while_something_of_it_is_there(
    world: Scenario, service: Service
) -> None:
    world.publish("1.0")
    world.evaluate()
    world.catalog = catalog(ConfiguredService(ident="bar", artifacts=("com.example:bar",), pipelines=("main",)))
    assert list(lanes(service, "?service=foo")) == [("foo", "dev"), ("foo", "prod")]


def test_a_filter_that_matches_no_lane_of_what_exists_is_an_empty_answer(world: Scenario, service: Service) -> None:
    world.catalog = catalog(stages=DEV_TO_PROD[:1])
    world.catalog.environments["unused"] = Environment(ident="unused")
    assert service.get("/api/status?service=foo&environment=unused")["lanes"] == []
    assert service.get("/api/status?service=&environment=")["environments"] == ["dev"]


def test_environments_come_after_those_before_them_in_any_pipeline() -> None:
    def pipeline(ident: str, *names: str) -> Pipeline:
        stages = tuple(
            Stage(environment=name, after=After(environments=names[index - 1 : index]))
            for index, name in enumerate(names)
        )
        return Pipeline(ident=ident, stages=stages)

    def order(*pipelines: Pipeline) -> list[str]:
        return environments_in_order(Catalog(pipelines={one.ident: one for one in pipelines}))

    assert order(pipeline("a", "dev", "prod"), pipeline("b", "dev", "staging", "prod")) == ["dev", "staging", "prod"]
    assert order(pipeline("a", "x"), pipeline("b", "dev", "prod")) == ["x", "dev", "prod"]
    assert order(pipeline("a", "one", "two"), pipeline("b", "two", "one")) == ["one", "two"]
    assert order() == []


@pytest.mark.parametrize("order", ["version", "published"])
def test_a_version_that_was_skipped_for_a_higher_one_in_line_is_not_expected(
    world: Scenario, service: Service, order: Literal["version", "published"]
) -> None:
    world.catalog = catalog(
        ConfiguredService(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), order=order)
    )
    world.tell("hold.placed", kind="pause", service="foo", by="alice", reason="migration")
    for version in ("2.0", "1.9.1"):
        world.publish(version)
        world.evaluate(minutes=1)
    first = "2.0" if order == "version" else "1.9.1"
    dev = service.get("/api/status?environment=dev")["lanes"][0]
    assert ([one["version"] for one in dev["pending"]], dev["drift"]) == ([first], [])
