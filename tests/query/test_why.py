"""Why a version is, or is not, in an environment, as somebody asks at three in the morning."""

from datetime import timedelta

from msgspec.structs import replace

from deploydb.domain.gates.depends import DependsOnPromotion
from deploydb.domain.model.catalog import After, Catalog, Stage
from deploydb.domain.model.catalog import Service as ConfiguredService
from tests.query.client import Service
from tests.query.why_steps import GO, STAGES, answer, smoke, to_prod, to_staging
from tests.query.why_steps import world as world
from tests.scenario import Scenario, catalog


def test_it_waits_for_an_approval_upstream(world: Scenario, service: Service) -> None:
    to_staging(world)
    smoke(world, 2)
    world.evaluate(hours=2)
    assert answer(service) == "1.4.0 is not in prod: in staging it waits for 1 approval (go)"


def test_a_gate_is_not_looked_at_again_at_a_time_that_is_past(world: Scenario, service: Service) -> None:
    to_staging(world)
    smoke(world, 2)
    due = world.now + timedelta(hours=2)

    def again(query: str = "") -> str | None:
        (_, staging, _) = service.get(f"/api/why/foo/prod{query}")["stages"]
        return next(gate["recheckAt"] for gate in staging["gates"] if gate["promotion"] == "soak")

    then = world.now.strftime("?version=1.4.0&at=%Y-%m-%dT%H:%M:%SZ")
    assert again() == due.isoformat()
    world.now = due
    assert (again(), again(then)) == (None, due.isoformat())


def test_it_waits_for_several_gates(world: Scenario, service: Service) -> None:
    to_staging(world)
    output = "it waits for smoke to report; soaks once smoke passed (soak)"
    assert answer(service) == f"1.4.0 is not in prod: in staging {output}"


def test_it_is_being_deployed(world: Scenario, service: Service) -> None:
    world.publish("1.4.0")
    world.evaluate()
    deadline = "counts as failed from 2026-11-22 13:00:00 UTC on"
    output = "its deployment in dev (1) is commanded and not begun"
    assert answer(service) == f"1.4.0 is not in prod: {output} and {deadline}"
    output = "its deployment there (1) is commanded and not begun"
    assert answer(service, "dev") == f"1.4.0 is not in dev: {output} and {deadline}"
    (command,) = world.commands()
    world.tell("deployment.started", command=command.id)
    world.evaluate()
    output = "its deployment there (1) has begun at 2026-11-22 12:00:00 UTC and is not finished"
    assert answer(service, "dev") == f"1.4.0 is not in dev: {output}"


def test_it_failed_upstream(world: Scenario, service: Service) -> None:
    world.publish("1.4.0")
    world.evaluate()
    world.deploy("failed")
    assert answer(service) == "1.4.0 is not in prod: it failed in dev: its orchestrator gave no reason"
    assert answer(service, "dev") == "1.4.0 is not in dev: it failed there: its orchestrator gave no reason"


def test_a_gate_failed(world: Scenario, service: Service) -> None:
    to_staging(world)
    smoke(world, 2, "failed", reason="3 of 40 checks")
    assert answer(service) == "1.4.0 is not in prod: it failed in staging: smoke failed: 3 of 40 checks"
    output = "runs in staging since 2026-11-22 12:00:00 UTC and failed there: smoke failed: 3 of 40 checks"
    assert answer(service, "staging") == f"1.4.0 {output}"


def test_it_was_never_answered(world: Scenario, service: Service) -> None:
    world.publish("1.4.0")
    world.evaluate()
    world.evaluate(hours=1)
    output = "failed in dev: did not start by its deadline 2026-11-22 13:00:00 UTC"
    assert answer(service) == f"1.4.0 will not come to prod: {output}"


def test_it_is_there_and_verified(world: Scenario, service: Service) -> None:
    to_prod(world)
    assert answer(service) == "1.4.0 is in prod since 2026-11-22 14:00:00 UTC: smoke passed"


def test_it_is_there_and_not_verified_yet(world: Scenario, service: Service) -> None:
    to_staging(world)
    output = "waits for smoke to report; soaks once smoke passed (soak)"
    since = "1.4.0 is in staging since 2026-11-22 12:00:00 UTC and is not verified yet"
    assert answer(service, "staging") == f"{since}: {output}"


def test_its_report_is_not_evaluated_yet(world: Scenario, service: Service) -> None:
    world.publish("1.4.0")
    world.evaluate()
    (command,) = world.commands()
    world.tell("deployment.finished", command=command.id, outcome="succeeded")
    missing = "its deployment was reported, and has not been evaluated yet"
    assert answer(service, "dev") == f"1.4.0 is in dev and is not verified yet: {missing}"
    assert answer(service) == f"1.4.0 is not in prod: in dev {missing}"
    world.evaluate()
    since = "since 2026-11-22 12:00:00 UTC"
    assert answer(service, "dev") == f"1.4.0 is in dev {since} and is not verified yet: waits for smoke to report"


def test_another_version_has_taken_its_place(world: Scenario, service: Service) -> None:
    to_prod(world)
    world.now += timedelta(hours=1)
    to_prod(world, "1.5.0")
    assert answer(service, version="1.4.0") == "1.4.0 was in prod; 1.5.0 runs there since 2026-11-22 17:00:00 UTC"


def test_without_a_version_the_newest_that_is_not_there_is_meant_and_else_what_runs(
    world: Scenario, service: Service
) -> None:
    to_prod(world)
    assert answer(service).startswith("1.4.0 is in prod")
    world.now += timedelta(hours=1)
    for version in ("1.5.0", "1.6.0"):
        world.publish(version)
        world.evaluate(seconds=1)
    assert answer(service).startswith("1.6.0 is not in prod: at the door of dev 1.5.0 is being deployed")
    assert answer(service).endswith("; prod runs 1.4.0")
    assert answer(service, version="1.5.0").startswith("1.5.0 is not in prod: its deployment in dev")


def test_the_newest_goes_by_version_where_the_service_does(world: Scenario, service: Service) -> None:
    world.catalog.services["foo"] = replace(world.catalog.services["foo"], order="version")
    world.publish("2.0")
    world.now += timedelta(minutes=1)
    world.publish("1.9.1")
    world.evaluate()
    assert service.get("/api/why/foo/prod")["version"] == "2.0"


def test_it_was_superseded(world: Scenario, service: Service) -> None:
    to_staging(world)
    world.now += timedelta(minutes=1)
    for version in ("1.5.0", "1.6.0"):
        world.publish(version)
        world.now += timedelta(minutes=1)
    world.evaluate()
    output = "1.5.0 will not come to prod: skipped in dev: superseded by 1.6.0, a higher version"
    assert answer(service, version="1.5.0") == output


def test_the_lane_is_taken(world: Scenario, service: Service) -> None:
    to_staging(world)
    world.now += timedelta(minutes=1)
    world.publish("1.5.0")
    world.evaluate()
    (command,) = world.deploy()
    smoke(world, command.deployment)
    output = "at the door of staging 1.4.0 is being verified (deployment 2)"
    assert answer(service) == f"1.5.0 is not in prod: {output}"
    assert answer(service, "staging") == (
        "1.5.0 is not in staging: at its door 1.4.0 is being verified (deployment 2); staging runs 1.4.0"
    )


def test_an_entry_gate_holds_it_at_the_door(world: Scenario, service: Service) -> None:
    environments = dict(world.catalog.environments)
    environments["dev"] = replace(environments["dev"], entry=("go",))
    world.catalog = Catalog(
        services=world.catalog.services,
        environments=environments,
        pipelines=world.catalog.pipelines,
        promotions=world.catalog.promotions,
        digest="entry",
    )
    world.publish("1.4.0")
    world.evaluate()
    assert answer(service) == "1.4.0 is not in prod: at the door of dev it waits for 1 approval"
    assert answer(service, "dev") == "1.4.0 is not in dev: at its door it waits for 1 approval"
    gates = service.get("/api/why/foo/dev")["stages"][0]["gates"]
    assert [(gate["promotion"], gate["verdict"]) for gate in gates] == [("go", "PENDING"), ("smoke", "PENDING")]
    assert [gate["reason"]["code"] for gate in gates] == ["awaiting_approval", "not_asked"]


def test_a_fan_in_names_each_branch_that_is_not_through(world: Scenario, service: Service) -> None:
    world.catalog = catalog(
        ConfiguredService(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("smoke",)),
        stages=(
            Stage(environment="dev"),
            Stage(environment="eu", after=After(environments=("dev",))),
            Stage(environment="us", after=After(environments=("dev",))),
            Stage(environment="prod", after=After(environments=("eu", "us"))),
        ),
    )
    world.publish("1.4.0")
    world.evaluate()
    world.deploy()
    smoke(world, 1)
    world.deploy()
    output = "in eu it waits for smoke to report; in us it waits for smoke to report"
    assert answer(service) == f"1.4.0 is not in prod: {output}"
    assert [stage["environment"] for stage in service.get("/api/why/foo/prod")["stages"]] == ["dev", "eu", "us", "prod"]
    assert [stage["environment"] for stage in service.get("/api/why/foo/us")["stages"]] == ["dev", "us"]


def test_a_service_that_is_configured_no_more_can_still_be_asked_about(world: Scenario, service: Service) -> None:
    to_staging(world)
    world.catalog = Catalog(digest="nothing")
    answer = service.get("/api/why/foo/prod")
    assert [stage["environment"] for stage in answer["stages"]] == ["dev", "staging", "prod"]
    assert answer["answer"].startswith("1.4.0 is not in prod: in staging it waits for smoke to report")
    assert {gate["type"] for stage in answer["stages"] for gate in stage["gates"]} == {None}


def test_a_promotion_that_was_configured_later_is_not_asked_of_what_is_over(world: Scenario, service: Service) -> None:
    to_staging(world)
    world.catalog.services["foo"] = replace(world.catalog.services["foo"], promotions=("smoke", "manual"))
    dev, staging, _ = service.get("/api/why/foo/prod")["stages"]
    assert [gate["promotion"] for gate in dev["gates"]] == ["smoke"]
    assert [gate["promotion"] for gate in staging["gates"]] == ["smoke", "manual", "soak", "go"]
    assert staging["gates"][1]["reason"]["code"] == "not_asked"


def test_a_version_that_has_no_way_there(world: Scenario, service: Service) -> None:
    world.catalog = catalog(stages=STAGES[:2], promotions=(GO,))
    world.publish("1.4.0")
    world.evaluate()
    world.catalog = catalog(stages=STAGES, promotions=(GO,))
    answer = "1.4.0 of foo was published, and has no way to prod"
    assert service.refusal("/api/why/foo/prod?version=1.4.0") == (404, answer)
    assert service.refusal("/api/why/foo/prod?version=9") == (404, "there is no version 9 of foo")


def test_a_circular_wait_is_named(world: Scenario, service: Service) -> None:
    needs_bar = DependsOnPromotion(ident="needs-bar", service="bar", environment="dev")
    needs_foo = DependsOnPromotion(ident="needs-foo", service="foo", environment="dev")
    services = [
        ConfiguredService(ident=one, artifacts=(f"com.example:{one}",), pipelines=("main",), promotions=(gate,))
        for one, gate in (("foo", "needs-bar"), ("bar", "needs-foo"))
    ]
    world.catalog = catalog(*services, promotions=(needs_bar, needs_foo))
    for name in ("foo", "bar"):
        world.publish("1.0", name=name)
    world.evaluate()
    world.deploy()
    circle = "a circle: bar in dev waits for foo in dev (needs-foo); foo in dev waits for bar in dev (needs-bar)"
    for environment in ("dev", "prod"):
        found = service.get(f"/api/why/foo/{environment}?version=1.0")
        assert found["answer"].endswith(circle)
        assert [one["text"] for one in found["circles"]] == [circle]
    world.catalog = catalog(*services[:1], replace(services[1], promotions=()), promotions=(needs_bar, needs_foo))
    world.evaluate()
    assert "circles" not in service.get("/api/why/foo/dev?version=1.0")
