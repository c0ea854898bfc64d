"""Rollbacks and promotions that people ask for: stored, met and answered."""

from datetime import timedelta

from deploydb.domain.model.catalog import Service
from deploydb.domain.model.rollback_reasons import NothingLive
from deploydb.domain.wording import text
from deploydb.store.tables import event, rollback_request
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
