"""What would happen to a version if it came now."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import pytest

from deploydb.domain.gates.manual import ManualPromotion
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


GO = ManualPromotion(ident="go")


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


@pytest.mark.parametrize(
    ("runs", "comes", "skipped_by_version"),
    [
        ("2.0", "1.9.1", True),
        ("1.9.1", "2.0", False),
        ("v1.0", "1.0", False),  # the same version: what came later is newer
        ("1.0", "nightly", True),
        ("nightly", "1.0", False),
        ("nightly", "daily", False),
    ],
)
@pytest.mark.parametrize("order", ["version", "published"])
def test_it_tells_a_version_that_would_be_skipped_as_promotion_decides(
    sqlite_url: str, order: Literal["version", "published"], runs: str, comes: str, skipped_by_version: bool
) -> None:
    known = catalog(Configured(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), order=order))
    with Scenario(sqlite_url, known) as world, Service(world) as service:
        world.publish(runs)
        for _ in STAGES:
            world.evaluate(minutes=1)
            world.deploy()
        planned = [stage["obstacles"] for stage in service.get(f"/api/plan/foo?version={comes}")["stages"]]
        world.publish(comes)
        world.evaluate(minutes=1)
        skipped = order == "version" and skipped_by_version
        assert (world.statuses(comes)["dev"] == "SKIPPED") is skipped
    higher = [[f"{name} runs {runs}, a higher version: it would be skipped"] for name in ("dev", "prod")]
    assert planned == (higher if skipped else [[], []])


def test_a_lower_version_than_what_runs_would_be_skipped(service: Service) -> None:
    dev, _ = service.get("/api/plan/foo?version=1.1")["stages"]
    assert dev["obstacles"] == ["dev runs 1.2, a higher version: it would be skipped"]


def test_a_version_that_was_published_and_waits_is_not_superseded_by_itself(service: Service) -> None:
    service.world.tell("hold.placed", kind="pause", service="foo", by="alice", reason="migration")
    service.world.publish("2.0")
    service.world.evaluate()
    dev, _ = service.get("/api/plan/foo?version=2.0")["stages"]
    assert dev["obstacles"] == ["foo is paused by alice: migration"]


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


def test_an_entry_gate_takes_what_it_took_from_the_end_of_the_stage_before(database_url: str) -> None:
    known = catalog(KNOWN.services["foo"], stages=STAGES, entry={"prod": ("go",)}, promotions=(GO,))
    with Scenario(database_url, known) as world, Service(world) as service:
        world.publish("1.0", time=world.now.isoformat())
        world.evaluate()
        world.deploy()
        world.tell(
            "verification.finished",
            service="foo",
            environment="dev",
            version="1.0",
            promotion="smoke",
            outcome="passed",
        )
        world.evaluate(minutes=120)
        world.evaluate(minutes=40)
        world.tell("approval.given", service="foo", environment="prod", version="1.0", promotion="go", by="alice")
        world.evaluate()
        world.deploy()
        world.tell(
            "verification.finished",
            service="foo",
            environment="prod",
            version="1.0",
            promotion="smoke",
            outcome="passed",
        )
        world.evaluate()
        _, prod = service.get("/api/plan/foo?version=2.0")["stages"]
    go, _ = prod["gates"]
    assert (go["promotion"], go["asked"], go["takes"]["p50"]) == ("go", "entry", 2400.0)
