"""What would happen to a version if it came now."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.catalog import Service as Configured
from tests.query.client import Service
from tests.scenario import NOON, Scenario, catalog

STAGES = (
    Stage(environment="dev", promotions=("soak",)),
    Stage(environment="prod", after=After(environments=("dev",))),
)
KNOWN = catalog(
    Configured(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("smoke",)), stages=STAGES
)


@pytest.fixture
def service(database_url: str) -> Iterator[Service]:
    """Three versions of foo went to prod: deployments took 1 to 3 minutes, smoke as long again, the soak 2 h."""
    with Scenario(database_url, KNOWN) as world, Service(world) as service:
        for day in range(3):
            world.now = NOON + timedelta(days=day)
            world.publish(f"1.{day}", time=world.now.isoformat())
            world.evaluate()
            for _ in STAGES:
                (command,) = world.commands()
                world.now += timedelta(minutes=day + 1)
                world.tell("deployment.finished", command=command.id, outcome="succeeded")
                world.evaluate(minutes=day + 1)
                world.tell("verification.finished", deployment=command.deployment, promotion="smoke", outcome="passed")
                world.evaluate()
                world.evaluate(hours=2)
        world.now = NOON + timedelta(days=9)
        yield service


def test_it_tells_stages_gates_and_times_from_the_history_of_each(service: Service) -> None:
    body = service.get("/api/plan/foo?version=2.0")
    dev, prod = body["stages"]
    assert (dev["environment"], dev["after"]) == ("dev", None)
    assert prod["after"] == {"all": ["dev"]}
    assert dev["takes"] == {"p50": 120.0, "p90": 180.0, "samples": 3}
    assert [(gate["promotion"], gate["type"], gate["asked"]) for gate in dev["gates"]] == [
        ("smoke", "VerificationPromotion", "exit"),
        ("soak", "SoakPromotion", "exit"),
    ]
    assert dev["gates"][0]["takes"] == {"p50": 120.0, "p90": 180.0, "samples": 3}
    assert dev["gates"][1]["takes"] == {"p50": 7320.0, "p90": 7380.0, "samples": 3}
    assert dev["entered"] == {"p50": "2026-12-01T12:00:00+00:00", "p90": "2026-12-01T12:00:00+00:00"}
    assert dev["verified"] == {"p50": "2026-12-01T14:04:00+00:00", "p90": "2026-12-01T14:06:00+00:00"}
    assert prod["verified"] == {"p50": "2026-12-01T14:08:00+00:00", "p90": "2026-12-01T14:12:00+00:00"}
    assert [stage["obstacles"] for stage in body["stages"]] == [[], []]
    assert [stage["deployment"] for stage in body["stages"]] == [None, None]


def test_it_tells_what_stands_in_the_way_now(service: Service) -> None:
    world = service.world
    world.tell("hold.placed", kind="freeze", environment="prod", by="alice", reason="holidays")
    world.tell("hold.placed", kind="veto", service="foo", version="2.0", environment="dev", by="bob", reason="leaks")
    world.publish("1.9", time=world.now.isoformat())
    world.evaluate()
    dev, prod = service.get("/api/plan/foo?version=2.0")["stages"]
    vetoed = "2.0 is vetoed from dev on by bob: leaks"
    (number,) = [command.deployment for command in world.commands()]
    assert dev["obstacles"] == [vetoed, f"1.9 is being deployed (deployment {number})"]
    assert sorted(prod["obstacles"]) == [vetoed, "prod is frozen by alice: holidays"]


def test_a_version_that_is_known_is_found(service: Service) -> None:
    dev, prod = service.get("/api/plan/foo?version=1.2")["stages"]
    assert service.get(f"/api/deployments/{dev['deployment']}")["environment"] == "dev"
    assert (dev["obstacles"], prod["obstacles"]) == (["dev runs it already"], ["prod runs it already"])


def test_without_a_history_it_is_unknown_when_and_a_soak_takes_what_it_takes(database_url: str) -> None:
    with Scenario(database_url, KNOWN) as world, Service(world) as service:
        dev, prod = service.get("/api/plan/foo?version=1.0")["stages"]
    assert (dev["takes"], dev["verified"], prod["entered"]) == (None, None, None)
    assert [gate["takes"] for gate in dev["gates"]] == [None, {"p50": 7200.0, "p90": 7200.0, "samples": 0}]


def test_what_does_not_exist_is_named(service: Service) -> None:
    assert service.refusal("/api/plan/bar?version=1") == (404, "there is no service bar; there is foo")
    assert service.refusal("/api/plan/foo") == (400, "version is missing: which one would come?")
