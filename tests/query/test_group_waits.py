"""Why of a lane that waits for another one names that lane, its version and its gates."""

from msgspec.structs import replace

from deploydb.domain.model.catalog import After, Parallel, Stage
from tests.query.client import Service
from tests.scenario import Scenario, catalog

STAGES = (
    Stage(environment="dev"),
    Stage(environment="prod-eu", promotions=("soak",), after=After(environments=("dev",))),
    Stage(environment="prod-us", after=After(environments=("dev",))),
)


def test_why_names_the_lane_and_its_gates(world: Scenario, service: Service) -> None:
    known = catalog(stages=STAGES)
    groups = (Parallel(environments=("prod-eu", "prod-us"), most=1),)
    known.pipelines["main"] = replace(known.pipelines["main"], parallel=groups)
    world.catalog = known
    world.publish("2.0.0")
    world.evaluate()
    world.deploy()
    world.tell("verification.finished", deployment=1, promotion="smoke", outcome="passed")
    world.evaluate()
    body = service.get("/api/why/foo/prod-us")
    assert body["answer"].endswith("; prod-eu: the deployment of 2.0.0")
    world.deploy()
    body = service.get("/api/why/foo/prod-us")
    assert body["answer"].endswith("; prod-eu: smoke and soak of 2.0.0")
    assert body["groupWaits"] == [
        {"environment": "prod-eu", "version": "2.0.0", "deployment": 2, "gates": ["smoke", "soak"]}
    ]
    world.tell("verification.finished", deployment=2, promotion="smoke", outcome="passed")
    world.evaluate()
    assert service.get("/api/why/foo/prod-us")["answer"].endswith("; prod-eu: soak of 2.0.0")
    assert "groupWaits" not in service.get("/api/why/foo/prod-eu")
