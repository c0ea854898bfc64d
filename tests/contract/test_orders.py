"""Rollbacks and promotions that people ask for: stored, met and answered."""

from datetime import timedelta

from deploydb.domain.model.catalog import Service
from deploydb.domain.model.rollback_reasons import NothingLive
from deploydb.domain.wording import text
from deploydb.store.tables import deployment, event, promotion_request, rollback_request
from tests.contract.promotion_steps import FOO, through
from tests.contract.promotion_steps import world as world
from tests.scenario import Scenario, catalog


def test_a_rollback_that_a_person_wants_is_answered_once(world: Scenario) -> None:
    through(world, "2.0")
    world.tell("rollback.requested", service="foo", environment="prod", by="alice", reason="slow")
    world.evaluate()
    (command,) = world.commands()
    assert (command.type, command.artifact.version) == ("rollback", "1.0")
    (answered,) = world.rows(rollback_request)
    assert text(answered.answer) == command.reason
    world.tell("rollback.requested", service="foo", environment="nowhere", by="alice", reason="slow")
    world.evaluate()
    assert world.rows(rollback_request)[-1].answer == NothingLive(environment="nowhere")


def test_a_version_is_promoted_to_one_lane_and_the_others_go_their_own_way(world: Scenario) -> None:
    world.catalog = catalog(FOO, Service(ident="bar", artifacts=("com.example:foo",), pipelines=("main",)))
    world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
    order = {"service": "foo", "environment": "prod", "version": "2.0", "by": "sue", "reason": "fire", "skip": ["dev"]}
    world.tell("promotion.requested", **order)
    world.evaluate(minutes=1)
    reasons = {(one.service, one.environment): one.reason for one in world.commands()}
    assert reasons == {
        ("foo", "dev"): "published by tests",
        ("foo", "prod"): "published by tests; promoted by sue (past dev): fire",
        ("bar", "dev"): "published by tests",
    }
    assert [row.who for row in world.rows(event) if row.type == "promotion.requested"] == ["sue"]


def test_a_promotion_request_is_looked_for_until_no_further_attempt_can_come_of_it(world: Scenario) -> None:
    through(world, "2.0")
    freeze = {"kind": "freeze", "environment": "prod", "by": "ann"}
    world.tell("hold.placed", **freeze, reason="audit")
    for version in ("2.1", "2.2", "2.3"):  # each supersedes the one before it in prod
        world.publish(version, time=(world.now + timedelta(seconds=1)).isoformat())
        world.evaluate(minutes=1)
        world.deploy()
    world.now += timedelta(minutes=1)
    order = {"service": "foo", "environment": "prod", "by": "sue", "reason": "fire"}
    for version in ("2.0", "2.2", "7.7"):
        world.tell("promotion.requested", version=version, **order)
    world.evaluate(minutes=11)
    assert [row.settled_at for row in world.rows(promotion_request)] == [world.now] * 3
    attempts = [row.attempt for row in world.rows(deployment) if (row.environment, row.version) == ("prod", "2.2")]
    assert attempts == [1, 2]
    world.tell("hold.lifted", **freeze)
    world.evaluate(minutes=1)
    world.deploy()
    world.tell("promotion.requested", version="2.1", **order)
    world.tell("promotion.requested", version="2.0", **order)
    world.evaluate(minutes=11)
    unsettled = [row.version for row in world.rows(promotion_request) if row.settled_at is None]
    assert unsettled == ["2.1"], "it was skipped, and waits while a newer one runs"
