"""Steps of the tests of why: a service with a fan of stages, and its releases on their way."""

from typing import Any

import pytest

from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.catalog import After, Stage
from deploydb.store.tables import deployment
from tests.query.client import Service
from tests.scenario import Scenario, catalog

STAGES = (
    Stage(environment="dev"),
    Stage(environment="staging", promotions=("soak", "go"), after=After(environments=("dev",))),
    Stage(environment="prod", after=After(environments=("staging",))),
)
GO = ManualPromotion(ident="go")


@pytest.fixture
def world(world: Scenario) -> Scenario:
    world.catalog = catalog(stages=STAGES, promotions=(GO,))
    return world


def answer(service: Service, environment: str = "prod", version: str | None = None) -> str:
    query = f"?version={version}" if version else ""
    output: str = service.get(f"/api/why/foo/{environment}{query}")["answer"]
    return output


def smoke(world: Scenario, deployment: int, outcome: str = "passed", **statement: str) -> None:
    world.tell("verification.finished", deployment=deployment, promotion="smoke", outcome=outcome, **statement)
    world.evaluate()


def to_staging(world: Scenario, version: str = "1.4.0") -> None:
    """The version is deployed in staging; its smoke test there has not reported."""
    world.publish(version)
    world.evaluate()
    (command,) = world.deploy()
    smoke(world, command.deployment)
    world.deploy()


def to_prod(world: Scenario, version: str = "1.4.0") -> None:
    """The version is deployed and verified in prod."""
    to_staging(world, version)
    first = max(row.id for row in _deployments(world)) - 2
    smoke(world, first + 1)
    world.evaluate(hours=2)
    world.tell("approval.given", deployment=first + 1, promotion="go", by="alice")
    world.evaluate()
    world.deploy()
    smoke(world, first + 2)


def _deployments(world: Scenario) -> list[Any]:
    return world.rows(deployment)
