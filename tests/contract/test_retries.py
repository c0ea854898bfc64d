"""Another attempt, from the fact to the command, on every database; and what the query service says before."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from deploydb.domain.model.catalog import Retry
from deploydb.domain.model.catalog import Service as Configured
from deploydb.domain.wording import text
from deploydb.store.tables import deployment, retry_request
from tests.contract.folding import differences
from tests.query.client import Service
from tests.scenario import Scenario, catalog

FOO = Configured(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
ORDER = {"service": "foo", "environment": "prod", "by": "alice", "reason": "the disk is empty"}
PATH = "/api/retry/foo/prod"


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    """1.0 runs in dev and prod; 2.0 has failed in prod."""
    with Scenario(database_url, catalog(FOO)) as world:
        for version, outcomes in (("1.0", ("succeeded", "succeeded")), ("2.0", ("succeeded", "failed"))):
            world.publish(version)
            world.evaluate(minutes=1)
            for outcome in outcomes:
                world.deploy(outcome)
        yield world


def answers(world: Scenario) -> list[str]:
    return [text(row.answer) for row in world.rows(retry_request)]


def test_a_release_that_failed_is_attempted_again_and_the_log_has_it(world: Scenario) -> None:
    world.tell("retry.requested", **ORDER, version="2.0", skip=[])
    world.evaluate(minutes=1)
    (command,) = world.deploy()
    assert (command.artifact.version, command.attempt) == ("2.0", 2)
    assert command.reason.startswith("attempt 2, by alice: the disk is empty; promoted from dev: ")
    assert answers(world) == ["attempt 2, by alice: the disk is empty"]
    assert [row.status for row in world.rows(deployment) if row.version == "2.0"] == ["SUCCESS", "FAILED", "SUCCESS"]
    assert differences(world.engine) == {}


def test_a_flow_that_is_over_is_loaded_for_a_request_and_for_a_pin(world: Scenario) -> None:
    for version in ("3.0", "4.0"):
        world.publish(version)
    world.catalog = catalog(FOO, entry={"prod": ("manual",)})
    world.evaluate(minutes=1)
    world.deploy()
    assert world.statuses("3.0") == {"dev": "SKIPPED", "prod": "SKIPPED"}
    world.tell("retry.requested", **ORDER | {"environment": "dev"}, version="3.0")
    world.evaluate(minutes=1)
    assert answers(world)[-1] == "3.0 is not attempted again in dev: dev runs 4.0, a higher version"
    for version in ("5.0", "6.0"):
        world.publish(version)
        world.evaluate(minutes=1)
        world.deploy()
    assert world.statuses("5.0")["prod"] == "SKIPPED", "4.0 has its turn, and 6.0 is next"
    world.tell("hold.placed", kind="pin", service="foo", environment="prod", version="5.0", by="ann", reason="audit")
    world.evaluate(minutes=1)
    assert [row.status for row in world.rows(deployment) if (row.version, row.environment) == ("5.0", "prod")] == [
        "SKIPPED",
        "NOT_STARTED",
    ]
    assert differences(world.engine) == {}


def test_the_query_service_says_what_would_come_of_it(world: Scenario) -> None:
    with Service(world) as service:
        body = service.get(PATH)
        assert (body["version"], body["attempt"], body["possible"]) == ("2.0", 2, True)
        assert service.get(f"{PATH}?version=1.0")["why"] == "attempt 2"
        refused = service.get(f"{PATH}?skip=smok")
        assert not refused["possible"]
        assert refused["why"].endswith("no promotion smok is asked there; there is none")
        assert service.get(f"{PATH}?version=9.9")["possible"] is False
        world.tell("hold.placed", kind="pause", service="foo", by="ann", reason="audit")
        assert service.get(PATH)["holds"] == ["foo is paused by ann: audit"]
        assert service.get("/api/retry/foo/dev")["version"] == "2.0"


def test_the_query_service_says_what_comes_of_it_before_the_failure_policy_is_followed(world: Scenario) -> None:
    world.catalog = catalog(msgspec.structs.replace(FOO, retry=Retry(retries=1, backoff=timedelta(0))))
    world.publish("3.0")
    world.evaluate(minutes=1)
    world.deploy()
    (command,) = world.commands()
    world.tell("deployment.finished", command=command.id, outcome="failed")
    with Service(world) as service:
        body = service.get(f"{PATH}?version=3.0")
    assert body["possible"] is False
    assert "deployment 7 waits there already: attempt 2 of 2" in body["why"]


def test_an_attempt_waits_for_the_veto_on_a_stage_before_it(world: Scenario) -> None:
    held = {"service": "foo", "by": "ann", "reason": "audit"}
    world.tell("hold.placed", kind="veto", environment="dev", version="2.0", **held)
    world.tell("hold.placed", kind="veto", environment="prod", version="1.0", **held)
    with Service(world) as service:
        assert service.get(PATH)["holds"] == ["2.0 is vetoed from dev on by ann: audit"]
