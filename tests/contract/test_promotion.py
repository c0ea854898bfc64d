"""What promotion's transaction promises, on every database; what only PostgreSQL can show, on PostgreSQL."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from deploydb.domain.gates.expression import ExpressionPromotion
from deploydb.domain.model.admission_reasons import Superseded
from deploydb.domain.model.catalog import Catalog, Service
from deploydb.domain.model.gate_reasons import AwaitingJobs
from deploydb.domain.model.outcome_reasons import Expired
from deploydb.store.promotion import mark_open, next_due
from deploydb.store.tables import current_version, deployment, evaluation_request, event, flow, outbox, verdict
from tests.scenario import NOON, Scenario, catalog


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as world:
        yield world


def test_a_fact_with_an_unknown_number_or_command_beside_a_known_lane_is_evaluated_once(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    lane = {"service": "foo", "environment": "dev", "version": "1.0", "promotion": "smoke", "outcome": "passed"}
    for named in ({"deployment": 999}, {"command": "unknown"}):
        world.tell("verification.finished", **lane, **named)
    world.evaluate()
    assert world.rows(evaluation_request) == []
    assert not world.evaluate().services


def test_a_gate_that_waits_writes_no_event_while_time_alone_passes(database_url: str) -> None:
    rule = ExpressionPromotion(ident="old", expression="x", rule=lambda _: False)
    with Scenario(database_url, catalog(entry={"dev": ("old",)}, promotions=(rule,))) as world:
        world.publish("1.0")
        world.evaluate()
        before = len(world.rows(event))
        for _ in range(10):
            world.evaluate(minutes=1)
        assert len(world.rows(event)) == before
        assert world.statuses("1.0")["dev"] == "NOT_STARTED"


def test_an_artifact_opens_a_flow_with_a_deployment_for_every_stage_and_commands_the_first(world: Scenario) -> None:
    world.publish("1.0")
    evaluated = world.evaluate()
    assert (evaluated.flows, evaluated.commands, evaluated.more) == (1, 1, False)
    assert world.statuses("1.0") == {"dev": "CREATED", "prod": "NOT_STARTED"}
    (command,) = world.commands()
    assert (command.type, command.service, command.environment) == ("deploy", "foo", "dev")
    assert command.routing_key == "dev.foo.deploy"
    assert command.deadline == NOON + timedelta(hours=1)
    assert [str(artifact) for artifact in command.manifest] == ["com.example:foo 1.0"]
    assert world.rows(evaluation_request) == []


def test_a_release_walks_to_the_end_as_facts_come(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    for environment in ("dev", "prod"):
        (command,) = world.deploy()
        assert command.environment == environment
        assert world.statuses("1.0")[environment] == "COMPLETED"
        world.tell("verification.finished", deployment=command.deployment, promotion="smoke", outcome="passed")
        world.evaluate()
        assert world.statuses("1.0")[environment] == "SUCCESS"
    assert world.commands() == []
    assert {(row.environment, row.live_at) for row in world.rows(current_version)} == {("dev", NOON), ("prod", NOON)}


def test_an_artifact_of_no_service_is_stored_and_forgotten_by_promotion(world: Scenario) -> None:
    world.publish("1.0", name="unknown")
    assert world.evaluate().flows == 0
    assert world.rows(evaluation_request) == []
    assert world.rows(flow) == []


def test_evaluating_again_decides_nothing_again(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    before = len(world.rows(event))
    mark_open(world.engine, world.now)
    world.evaluate()
    assert len(world.rows(event)) == before
    assert len(world.rows(outbox)) == 1


def test_every_decision_is_in_the_log_with_its_reason_and_its_catalog(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy(outcome="failed")
    ours = [row for row in world.rows(event) if row.source == "deploydb" and row.type != "service.evaluated"]
    assert [row.type for row in ours] == ["flow.opened", "deployment.requested", "failure.counted"]
    requested = ours[1].body
    assert requested["reason"] == {"code": "admitted", "published_by": "tests"}
    assert requested["catalog"] == "test"
    assert requested["command"]["id"] == world.rows(outbox)[0].message_id


def test_a_soak_is_a_row_that_wakes_promotion_to_the_second(world: Scenario) -> None:
    world.catalog = catalog(
        Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("soak",))
    )
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    assert next_due(world.engine) == NOON + timedelta(hours=2)
    assert world.evaluate(hours=1, minutes=59, seconds=59).commands == 0
    assert world.evaluate(seconds=1).commands == 1
    assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "CREATED"}


def test_no_answer_by_the_deadline_fails_the_deployment_with_that_reason(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.evaluate(hours=1)
    row = world.rows(deployment)[0]
    assert (row.status, row.status_reason) == ("FAILED", Expired(deadline=NOON + timedelta(hours=1), started=False))


def test_a_backdated_fact_does_not_shorten_a_soak(world: Scenario) -> None:
    world.catalog = catalog(
        Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("soak",))
    )
    world.publish("1.0")
    world.evaluate()
    (command,) = world.commands()
    world.tell("deployment.finished", command=command.id, outcome="succeeded", time="2020-01-01T00:00:00Z")
    world.evaluate()
    assert world.statuses("1.0")["dev"] == "COMPLETED"
    assert next_due(world.engine) == NOON + timedelta(hours=2)


def test_a_service_that_is_configured_no_more_waits_until_it_comes_back(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    known, world.catalog = world.catalog, Catalog(digest="empty")
    world.tell(
        "verification.finished", service="foo", environment="dev", version="1.0", promotion="smoke", outcome="passed"
    )
    world.evaluate()
    assert world.statuses("1.0")["dev"] == "COMPLETED"
    world.catalog = known
    assert mark_open(world.engine, world.now) == 1
    world.evaluate()
    assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "CREATED"}


def test_verdicts_are_there_from_the_start_and_judged_once_it_runs(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    assert [(row.promotion, row.outcome) for row in world.rows(verdict)] == [("smoke", None), ("smoke", None)]
    world.deploy()
    assert [(row.outcome, row.reason) for row in world.rows(verdict)] == [
        ("PENDING", AwaitingJobs(missing=("smoke",))),
        (None, None),
    ]


def test_many_releases_at_once_end_skipped_but_the_newest(world: Scenario) -> None:
    for number in range(60):
        world.publish(f"1.{number}", time=(NOON - timedelta(minutes=60 - number)).isoformat())
    world.evaluate()
    statuses = Counter(row.status for row in world.rows(deployment))
    assert statuses == {"SKIPPED": 118, "CREATED": 1, "NOT_STARTED": 1}
    (command,) = world.commands()
    assert command.artifact.version == "1.59"
    reasons = {row.status_reason for row in world.rows(deployment) if row.version == "1.3" and row.environment == "dev"}
    assert reasons == {Superseded(version="1.59", higher=True)}


def test_the_database_holds_that_a_lane_has_one_active_deployment(world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    row = world.rows(deployment)[0]
    again = {column.name: getattr(row, column.name) for column in deployment.c if column.name not in ("id", "command")}
    with (
        pytest.raises(IntegrityError, match=r"active|service, deployment\.environment"),
        world.engine.begin() as connection,
    ):
        connection.execute(sa.insert(deployment).values(again | {"attempt": 2}))
