"""Overrides and attestations, stored in any order of arrival, and the evaluations that they request."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from deploydb.domain.gates.depends import DependsOnPromotion
from deploydb.domain.gates.provenance import ProvenancePromotion
from deploydb.domain.gates.webhook import WebhookPromotion
from deploydb.domain.model.admission_reasons import FreezeOverridden, Frozen
from deploydb.domain.model.catalog import After, Parallel, Retry, Service, Stage
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import NothingLive, RollingBack
from deploydb.domain.wording import text
from deploydb.store.promotion import next_due
from deploydb.store.reason_codec import reason_of
from deploydb.store.tables import (
    current_version,
    deployment,
    event,
    external_check,
    hold,
    incident,
    outbox,
    rollback_request,
    verdict,
)
from tests.contract.folding import differences
from tests.scenario import NOON, Scenario, catalog

FOO = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
PIN = {"kind": "pin", "service": "foo", "environment": "prod", "version": "1.0", "by": "alice"}


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    """1.0 runs in dev and prod, with success."""
    with Scenario(database_url, catalog(FOO)) as world:
        through(world, "1.0")
        yield world


def through(world: Scenario, version: str) -> None:
    """The version goes through dev and prod."""
    world.publish(version)
    world.evaluate(minutes=1)
    for _ in ("dev", "prod"):
        world.deploy()


def say(world: Scenario, what: str, minutes: float, **fields: Any) -> None:
    """A fact that happened so many minutes after noon."""
    world.tell(what, time=(NOON + timedelta(minutes=minutes)).isoformat(), **fields)


def reason(world: Scenario, environment: str, version: str) -> str:
    (row,) = [one for one in world.rows(deployment) if (one.environment, one.version) == (environment, version)]
    return text(row.status_reason)


def test_of_each_scope_the_latest_word_counts_whatever_order_they_come_in(database_url: str) -> None:
    words = [("hold.placed", 1, "first"), ("hold.lifted", 2, "over"), ("hold.placed", 3, "again")]
    with Scenario(database_url) as world:
        world.now += timedelta(minutes=9)
        for index, order in enumerate(permutations(words)):
            for what, minutes, why in order:
                say(world, what, minutes, **PIN | {"service": f"s{index}"}, reason=why)
        standing = [row for row in world.rows(hold) if row.hold]
        assert [(row.placed, row.reason) for row in standing] == [(True, "again")] * 6


def test_holds_of_one_scope_stand_beside_each_other_and_are_lifted_by_themselves(world: Scenario) -> None:
    freeze = {"kind": "freeze", "environment": "dev"}
    world.tell("hold.placed", **freeze, by="alice", reason="holidays")
    world.tell("hold.placed", **freeze, by="bob", hold="brief", until=(world.now + timedelta(hours=1)).isoformat())
    world.tell("hold.placed", **freeze, by="carol", hold="bug", **{"from": world.now.isoformat()})
    world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate(hours=2)
    assert reason(world, "dev", "2.0").startswith("dev is frozen by carol (from ")
    assert "by alice: holidays" in reason(world, "dev", "2.0")
    assert "bob" not in reason(world, "dev", "2.0")
    world.tell("hold.lifted", **freeze, by="dan", hold="bug")
    world.evaluate(minutes=1)
    assert reason(world, "dev", "2.0") == "dev is frozen by alice: holidays"
    world.tell("hold.lifted", **freeze, by="dan")
    world.evaluate(minutes=1)
    assert len(world.commands()) == 1


def test_a_pin_holds_and_lifting_it_wakes_promotion(world: Scenario) -> None:
    world.tell("hold.placed", **PIN, reason="audit")
    world.publish("2.0", artifact={}, time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate()
    world.deploy()
    assert reason(world, "prod", "2.0") == "pinned to 1.0 by alice: audit"
    world.now += timedelta(minutes=1)
    world.tell("hold.lifted", kind="pin", service="foo", environment="prod", by="alice")
    world.evaluate()
    assert [command.artifact.version for command in world.commands()] == ["2.0"]


def test_a_freeze_of_everything_holds_every_service_and_its_end_is_a_row(world: Scenario) -> None:
    until = world.now + timedelta(hours=1)
    world.tell("hold.placed", kind="freeze", by="alice", reason="holidays", until=until.isoformat())
    world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate()
    assert world.commands() == []
    assert reason(world, "dev", "2.0").startswith("everything is frozen by alice: holidays (until ")
    assert next_due(world.engine) == until
    world.evaluate(hours=1)
    assert [command.artifact.version for command in world.commands()] == ["2.0"]


def test_lifting_a_freeze_of_all_wakes_those_that_wait(world: Scenario) -> None:
    world.tell("hold.placed", kind="freeze", by="alice", environment="dev")
    world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate(minutes=1)
    assert world.commands() == []
    world.tell("hold.lifted", kind="freeze", by="alice", environment="dev")
    world.evaluate()
    assert len(world.commands()) == 1


def failing(world: Scenario, **service: Any) -> None:
    """2.0 fails in dev, of a service that is configured so."""
    world.catalog = catalog(Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), **service))
    world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate(minutes=1)
    (command,) = world.commands()
    world.tell("deployment.finished", command=command.id, outcome="failed", reason="no disk")
    world.evaluate(minutes=1)


def test_a_failure_is_rolled_back_and_published(world: Scenario) -> None:
    failing(world, failure_strategy="rollback")
    (notification, command) = sorted(world.rows(outbox)[-2:], key=lambda row: row.exchange, reverse=True)
    assert (notification.exchange, notification.routing_key) == ("deploydb.notifications", "deployment.failed.dev.foo")
    assert (command.exchange, command.routing_key) == ("deploydb.commands", "dev.foo.rollback")
    (sent,) = world.commands()
    assert (sent.type, sent.artifact.version, sent.flow) == ("rollback", "1.0", None)
    assert sent.reason.startswith("rollback from 2.0: no disk; 1.0 succeeded there, deployed 2026-11-22 ")
    world.tell("deployment.finished", command=sent.id, outcome="succeeded")
    world.evaluate()
    rows = {row.id: row for row in world.rows(deployment)}
    assert rows[sent.deployment].status == "SUCCESS"
    failed = rows[rows[sent.deployment].cause_id]
    assert (failed.version, failed.failure_response, failed.failure_response_detail) == (
        "2.0",
        "rollback",
        RollingBack(version="1.0"),
    )
    assert not [row for row in rows.values() if row.needs_evaluation]


def test_a_failure_is_tried_again_as_a_deployment_of_its_own(world: Scenario) -> None:
    failing(world, retry=Retry(retries=1, backoff=timedelta(minutes=5)))
    assert world.notifications() == []
    assert next_due(world.engine) == world.now + timedelta(minutes=5)
    world.evaluate(minutes=5)
    (again,) = world.commands()
    assert (again.type, again.artifact.version, again.attempt) == ("deploy", "2.0", 2)
    world.tell("deployment.finished", command=again.id, outcome="failed")
    world.evaluate()
    (notification,) = world.notifications()
    assert (notification["type"], notification["attempt"], notification["failure_response"]) == (
        "deployment.failed",
        2,
        "stop",
    )


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


def test_a_release_that_was_rolled_back_in_a_region_stays_out_of_the_next(database_url: str) -> None:
    regions = tuple(Stage(environment=name, after=After()) for name in ("eu", "us"))
    group = (Parallel(environments=("eu", "us"), most=1),)
    known = catalog(replace(FOO, failure_strategy="rollback"), stages=regions, parallel=group)
    with Scenario(database_url, known) as world:
        world.publish("1.0")
        world.evaluate(minutes=1)
        world.deploy()
        world.deploy()
        world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
        world.evaluate(minutes=1)
        world.deploy("failed")
        world.deploy()
        for minutes in (0, 1, 600):
            world.evaluate(minutes=minutes)
            assert world.commands() == []
        assert {row.environment: row.version for row in world.rows(current_version)} == {"eu": "1.0", "us": "1.0"}
        assert reason(world, "us", "2.0").startswith("2.0 failed in eu: ")


def test_an_incident_makes_what_had_succeeded_promotions_business_again(world: Scenario) -> None:
    world.catalog = catalog(
        Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), fail_on_incident=True)
    )
    world.tell("incident.detected", service="foo", environment="prod", incident="INC-7", reason="5xx")
    world.evaluate()
    assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "FAILED"}
    world.now += timedelta(minutes=1)
    world.tell("incident.resolved", service="foo", environment="prod", incident="INC-7")
    world.evaluate()
    assert world.statuses("1.0") == {"dev": "SUCCESS", "prod": "SUCCESS"}
    assert [row.open for row in world.rows(incident)] == [False]


def test_a_gate_that_cannot_tell_notifies_once_and_is_answered_by_a_person(database_url: str) -> None:
    ready = WebhookPromotion(ident="ready", url="http://foo.test", retries=2)
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), failure_strategy="rollback")
    known = catalog(
        foo,
        stages=(Stage(environment="dev", promotions=("ready",)),),
        promotions=(ready,),
        groups={"sre": frozenset({"sue"})},
        freeze_overriders=("sre",),
    )
    lane = {"service": "foo", "environment": "dev", "version": "1.0", "promotion": "ready"}
    with Scenario(database_url, known) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        world.tell("verification.finished", **lane, outcome="pending", reason="404, expected 200: none")
        world.evaluate()
        assert reason(world, "dev", "1.0") == "ready: not yet: 404, expected 200: none"
        for minutes in (1, 1, 1):
            world.tell("verification.finished", **lane, outcome="errored", reason="timed out")
            world.evaluate(minutes=minutes)
        (notification,) = world.notifications()
        assert (notification["type"], notification["promotion"]) == ("gate.errored", "ready")
        assert "timed out" in notification["reason"]
        assert world.statuses("1.0") == {"dev": "COMPLETED"}
        world.tell("approval.given", **lane, by="sue", comment="it is up")
        world.evaluate(minutes=1)
        assert world.statuses("1.0") == {"dev": "SUCCESS"}
        assert "counted as passed by sue: it is up" in reason(world, "dev", "1.0")
        assert not differences(world.engine)


def test_an_incident_of_the_version_before_does_not_fail_the_fix(world: Scenario) -> None:
    world.catalog = catalog(
        Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), fail_on_incident=True)
    )
    trouble = {"service": "foo", "environment": "prod", "incident": "INC-7"}
    began = world.now
    world.tell("incident.detected", **trouble, time=began.isoformat())
    world.evaluate(minutes=1)
    assert world.statuses("1.0")["prod"] == "FAILED"
    through(world, "2.0")
    world.now += timedelta(minutes=1)
    world.tell("incident.detected", **trouble, reason="still")
    world.evaluate(minutes=1)
    assert world.statuses("2.0") == {"dev": "SUCCESS", "prod": "SUCCESS"}
    world.tell("incident.resolved", **trouble, version="1.0", time=(began - timedelta(minutes=1)).isoformat())
    (row,) = world.rows(incident)
    assert (row.open, row.version, row.began_at, row.reason) == (True, None, began, "still")
    world.tell("incident.resolved", **trouble, version="1.0")
    (row,) = world.rows(incident)
    assert (row.open, row.version, row.recorded_at) == (False, None, world.now)


def test_a_gate_that_asks_about_another_service_is_woken_by_it(database_url: str) -> None:
    known = catalog(
        Service(ident="db", artifacts=("com.example:db",), pipelines=("main",)),
        Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("db",)),
        promotions=(DependsOnPromotion(ident="db", service="db", environment="dev", version=">=2"),),
    )
    with Scenario(database_url, known) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        assert reason(world, "dev", "1.0") == "waits for db >=2 in dev: nothing of it runs there"
        world.publish("2.1", name="db")
        world.evaluate()
        world.deploy()
        world.evaluate()
        assert world.statuses("1.0")["dev"] == "SUCCESS"


def test_an_attestation_counts_though_it_came_before_the_artifact(database_url: str) -> None:
    known = catalog(
        FOO, promotions=(ProvenancePromotion(ident="signed", signers=("cosign",)),), entry={"dev": ("signed",)}
    )
    with Scenario(database_url, known) as world:
        signed = {"group": "com.example", "name": "foo", "version": "1.0", "digest": "sha256:1"}
        world.tell("artifact.attested", artifact=signed, signer="cosign")
        world.publish("1.0", artifact={"digest": "sha256:1"})
        world.publish("2.0", artifact={"digest": "sha256:2"}, time=(NOON + timedelta(minutes=1)).isoformat())
        world.evaluate()
        assert reason(world, "dev", "2.0") == "waits for an attestation of sha256:2 by cosign"
        world.tell("artifact.attested", artifact=signed | {"version": "2.0", "digest": "sha256:2"}, signer="cosign")
        world.evaluate()
        assert reason(world, "dev", "2.0") == "published by tests, signed: attested by cosign (signature)"


def test_a_url_that_must_be_asked_is_a_row_for_the_worker_that_asks(database_url: str) -> None:
    known = catalog(
        FOO, promotions=(WebhookPromotion(ident="ready", url="http://example.com"),), entry={"dev": ("ready",)}
    )
    with Scenario(database_url, known) as world:
        world.publish("1.0")
        world.evaluate()
        world.evaluate()
        (asked,) = world.rows(external_check)
        assert (asked.promotion, asked.due_at, asked.done_at) == ("ready", world.now, None)
        world.tell(
            "verification.finished", deployment=asked.deployment_id, promotion="ready", outcome="passed", reason="200"
        )
        world.evaluate()
        assert len(world.commands()) == 1


def test_an_override_of_a_freeze_is_a_word_with_a_reason_and_is_kept(world: Scenario) -> None:
    world.catalog = catalog(FOO, groups={"sre": frozenset({"sue"})}, freeze_overriders=("sre",))
    world.tell("hold.placed", kind="freeze", by="alice", environment="dev", reason="stocktaking")
    world.publish("2.0", time=(world.now + timedelta(seconds=1)).isoformat())
    world.evaluate(minutes=1)
    lane = {"service": "foo", "environment": "dev", "version": "2.0", "promotion": "freeze"}
    world.tell("approval.given", **lane, by="sue", comment="prod is down")
    world.evaluate()
    (command,) = world.commands()
    assert "overridden by sue: prod is down" in command.reason
    frozen = Frozen(by="alice", environment="dev", comment="stocktaking")
    passed = FreezeOverridden(freezes=(frozen,), by=(Comment(by="sue", comment="prod is down"),))
    (kept,) = [row for row in world.rows(verdict) if row.promotion == "freeze"]
    assert (kept.outcome, kept.reason) == ("PASS", passed)
    logged = [row.body["reason"] for row in world.rows(event) if row.type == "verdict.changed"][-1]
    assert reason_of(logged) == passed


def test_one_service_that_cannot_be_decided_on_stops_no_other(database_url: str) -> None:
    known = catalog(FOO, Service(ident="bar", artifacts=("com.example:bar",), pipelines=("main",)))
    known.failure_strategy = lambda service, _: 1 / 0 if service.ident == "bar" else "stop"  # type: ignore[method-assign,assignment,return-value]
    with Scenario(database_url, known) as world:
        world.publish("1.0", name="bar")
        world.publish("1.0")
        world.evaluate()
        for command in world.commands():
            world.tell("deployment.finished", command=command.id, outcome="failed")
        evaluated = world.evaluate()
        assert [(service, type(error)) for service, error in evaluated.broken] == [("bar", ZeroDivisionError)]
        assert [notification["service"] for notification in world.notifications()] == ["foo"]
        assert next_due(world.engine) == world.now + timedelta(seconds=1)


def test_an_incident_counts_at_a_door_whatever_else_is_open(database_url: str) -> None:
    """Not only while some deployment of the service is being verified."""
    with Scenario(database_url, catalog(FOO, entry={"prod": ("soak",)})) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        world.tell("incident.detected", service="foo", environment="prod", incident="INC-7", reason="5xx")
        world.evaluate(hours=3)
        assert reason(world, "prod", "1.0") == "soaks once it is over: incident INC-7: 5xx"
        world.tell("incident.resolved", service="foo", environment="prod", incident="INC-7")
        world.evaluate(hours=1)
        assert "again since incident INC-7 was over" in reason(world, "prod", "1.0")
        world.evaluate(hours=1)
        assert world.statuses("1.0")["prod"] == "CREATED"
