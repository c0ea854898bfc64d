"""What a flow's answer says of its own release: when it is expected where, and where it ends."""

from datetime import timedelta

from deploydb.domain.model.catalog import After, Service, Stage
from tests.query.client import Service as Answers
from tests.scenario import Scenario, catalog


def test_expected_times_are_those_of_its_own_module(embedded: Answers) -> None:
    world = embedded.world
    modules = ("com.example:a", "com.example:b")
    world.catalog = catalog(Service(ident="foo", artifacts=modules, pipelines=("main",), promotions=("soak",)))
    for name in ("a", "b"):  # each takes 5 minutes and soaks for 2 hours in dev, then in prod
        world.publish("0.1", name=name)
        _deployed(world, 2)
    world.publish("1.0", name="a")
    _deployed(world, 1)
    world.publish("1.0", name="b")
    world.evaluate()  # a goes to prod, b to dev
    world.now += timedelta(minutes=5)
    world.deploy()
    came = world.now
    a, b = (embedded.get(f"/flows/{number}.json") for number in (3, 4))
    assert [(one["stage"]["environment"], one["stage"]["status"]) for one in a["attempts"]] == [
        ("dev", "SUCCESS"),
        ("prod", "COMPLETED"),
    ]
    assert {name: one["entered"] for name, one in a["expected"].items()} == {"prod": None}
    soaked = came + timedelta(hours=2)
    assert soaked.isoformat() <= a["expected"]["prod"]["verified"]["p50"] < (soaked + timedelta(hours=1)).isoformat()
    assert list(b["expected"]) == ["dev", "prod"]
    assert b["expected"]["prod"]["entered"] is not None


def _deployed(world: Scenario, stages: int) -> None:
    world.evaluate()
    for _ in range(stages):
        world.now += timedelta(minutes=5)
        world.deploy()
        world.evaluate(hours=2.1)


def test_it_ends_in_a_stage_that_is_configured(embedded: Answers) -> None:
    world = embedded.world
    dev, qa = Stage(environment="dev"), Stage(environment="qa", after=After(environments=("dev",)))
    prod = Stage(environment="prod", after=After(environments=("qa",)))
    world.catalog = catalog(stages=(dev, qa, prod))
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    world.catalog = catalog(stages=(dev, Stage(environment="prod", after=After(environments=("dev",)))))
    for there in ("dev", "prod"):
        passed = {"service": "foo", "environment": there, "version": "1.0", "promotion": "smoke"}
        world.tell("verification.finished", **passed, outcome="passed")
        world.evaluate(minutes=1)
        world.deploy()
    flow = embedded.get("/flows/1.json")
    assert [(one["stage"]["environment"], one["stage"]["status"]) for one in flow["attempts"]] == [
        ("dev", "SUCCESS"),
        ("qa", "NOT_STARTED"),
        ("prod", "SUCCESS"),
    ]
    assert flow["environment"] == "prod"
    assert flow["answer"].startswith("1.0 is in prod since ")
    world.catalog = catalog(stages=(dev,))  # its last stage is none any more
    assert embedded.get("/flows/1.json")["environment"] == "dev"
    world.catalog = catalog(Service(ident="bar", artifacts=("com.example:bar",), pipelines=("main",)))
    assert embedded.get("/flows/1.json")["environment"] == "prod"
