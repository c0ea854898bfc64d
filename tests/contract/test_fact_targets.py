"""Which deployment a report is about, where several modules, attempts or sightings share the version."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from deploydb.domain.model.catalog import After, Retry, Service, Stage
from deploydb.domain.model.facts import Fact
from deploydb.store import flows
from deploydb.store.tables import deployment, evaluation_request, unmatched_fact, verification
from deploydb.wire.native import decode_logged
from tests.contract.folding import differences
from tests.scenario import Scenario, catalog

SHOP = Service(
    ident="foo",
    artifacts=("com.example:web", "com.example:api"),
    pipelines=("main",),
    promotions=("smoke",),
    retry=Retry(retries=1, backoff=timedelta(minutes=5)),
)
STAGES = (
    Stage(environment="dev", while_verifying="replace"),
    Stage(environment="prod", after=After(environments=("dev",))),
)
LANE = {"service": "foo", "environment": "dev", "version": "1.0"}


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    """Both modules of a build have come, and one of them is commanded."""
    with Scenario(database_url, catalog(SHOP, stages=STAGES)) as world:
        for module in ("web", "api"):
            world.publish("1.0", name=module)
        world.evaluate(minutes=1)
        yield world


def statuses(world: Scenario) -> dict[str, list[str]]:
    """By module, the statuses in dev."""
    found: dict[str, list[str]] = {}
    for row in world.rows(deployment):
        if row.environment == "dev":
            found.setdefault(str(row.artifact_id), []).append(row.status)
    return found


def why(world: Scenario) -> list[str]:
    return [row.why for row in world.rows(unmatched_fact)]


def test_a_report_without_a_module_goes_to_the_deployment_that_is_commanded(world: Scenario) -> None:
    (command,) = world.commands()
    world.tell("deployment.finished", **LANE, outcome="succeeded")
    row = next(row for row in world.rows(deployment) if row.id == command.deployment)
    assert row.status == "COMPLETED"
    assert sorted(status for [status] in statuses(world).values()) == ["COMPLETED", "NOT_STARTED"]


def test_a_report_that_may_mean_either_module_is_unmatched_and_says_what_to_name(world: Scenario) -> None:
    for _ in range(2):
        world.deploy()
    before = statuses(world)
    assert list(before.values()) == [["COMPLETED"]] * 2
    world.tell("verification.finished", **LANE, promotion="smoke", outcome="passed")
    for _ in range(3):
        world.evaluate(minutes=1)
    assert statuses(world) == before, "neither is released by a guess"
    assert why(world) == ["com.example:api and com.example:web have 1.0 in dev: name one of them as `artifact`"]
    assert world.rows(evaluation_request) == []
    assert differences(world.engine) == {}


def test_what_was_not_commanded_is_not_adopted_by_a_report_on_another_module(world: Scenario) -> None:
    world.tell("hold.placed", kind="pause", service="foo", environment="dev", by="ann", reason="audit")
    world.evaluate(minutes=1)
    world.deploy()
    before = statuses(world)
    assert sorted(status for [status] in before.values()) == ["COMPLETED", "NOT_STARTED"]
    world.tell("deployment.finished", **LANE, outcome="succeeded")
    world.evaluate(minutes=1)
    assert statuses(world) == before
    assert len(why(world)) == 1


def test_reports_name_the_module(world: Scenario) -> None:
    world.deploy()
    (first,) = [row for row in world.rows(deployment) if row.status == "COMPLETED"]
    module = "com.example:web" if first.artifact_id == 1 else "com.example:api"
    other = "com.example:api" if first.artifact_id == 1 else "com.example:web"
    world.tell("verification.finished", **LANE, artifact=module, promotion="smoke", outcome="passed")
    world.tell("verification.finished", **LANE, artifact="com.example:none", promotion="smoke", outcome="passed")
    world.evaluate()
    assert next(row.status for row in world.rows(deployment) if row.id == first.id) == "SUCCESS"
    assert [row.deployment_id for row in world.rows(verification)] == [first.id]
    for _ in range(3):
        world.evaluate(minutes=1)
    assert world.rows(evaluation_request) == [], "what waits for a module asks for no evaluation"
    world.tell("deployment.finished", **LANE, artifact=other, outcome="succeeded")
    world.evaluate()
    assert differences(world.engine) == {}


def test_a_report_on_a_module_that_is_not_there_yet_is_read_when_it_comes(
    world: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def decode(body: bytes, **more: Any) -> Fact:
        read.append(body.decode())
        return decode_logged(body, **more)

    monkeypatch.setattr(flows, "decode_logged", decode)
    for number in range(5):
        world.tell(
            "verification.finished", **LANE, artifact="com.example:job", promotion=f"p{number}", outcome="passed"
        )
        world.evaluate(minutes=1)
    assert read == []
    added = (*SHOP.artifacts, "com.example:job")
    world.catalog = catalog(replace(SHOP, artifacts=added), stages=STAGES)
    world.publish("1.0", name="job")
    world.evaluate(minutes=1)
    assert (len(read), len(world.rows(verification)), why(world)) == (5, 5, [])
    assert differences(world.engine) == {}


def test_a_sighting_gets_no_reports(database_url: str) -> None:
    with Scenario(database_url) as world:
        world.publish("1.0")
        world.evaluate(minutes=1)
        world.deploy()
        file = {"group": "com.example", "name": "foo", "version": "1.0"}
        world.tell("deployment.observed", service="foo", environment="dev", artifact=file)
        world.tell("verification.finished", **LANE, promotion="smoke", outcome="passed")
        world.evaluate(minutes=1)
        assert world.rows(deployment)[0].status == "SUCCESS"
        file["version"] = "0.9"
        world.tell("deployment.observed", service="foo", environment="dev", artifact=file)
        world.tell("verification.finished", **LANE | {"version": "0.9"}, promotion="smoke", outcome="passed")
        world.evaluate(minutes=1)
        assert why(world) == ["no deployment of foo 0.9 to dev"]
        assert world.rows(evaluation_request) == []


def test_a_late_report_is_of_the_attempt_that_was_commanded(world: Scenario) -> None:
    world.deploy("failed")
    world.evaluate()
    attempts = [row for row in world.rows(deployment) if row.attempt == 2]
    failed = next(row for row in world.rows(deployment) if row.status == "FAILED")
    module = "com.example:web" if failed.artifact_id == 1 else "com.example:api"
    world.now += timedelta(minutes=1)
    world.tell("deployment.started", **LANE, artifact=module, url="http://x")
    assert attempts
    assert next(row.started_url for row in world.rows(deployment) if row.id == failed.id) == "http://x"


def test_a_commit_of_several_releases_is_not_read_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Scenario(database_url) as world:
        for version in ("1.0", "1.1"):
            world.publish(version, artifact={"commit": "9fceb02d"})
        world.evaluate()
        lane = {"service": "foo", "environment": "dev", "promotion": "smoke", "outcome": "passed"}
        world.tell("verification.finished", **lane, commit="9fceb02d")
        world.tell("verification.finished", **lane, commit="1234567a")
        read: list[bytes] = []
        monkeypatch.setattr(flows, "decode_logged", lambda body, **_: read.append(body))
        world.evaluate()
        assert (len(world.rows(unmatched_fact)), read) == (2, [])
