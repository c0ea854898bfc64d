"""`/api/effect`: whether a fact that was published counts, whatever has happened since it was checked."""

from typing import Any

import pytest

from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.catalog import After, Catalog, Stage
from deploydb.domain.model.catalog import Service as ConfiguredService
from tests.query.client import Service
from tests.scenario import Scenario, catalog

LANE = {"service": "foo", "environment": "prod"}
WHY = {"reason": "checkout is down"}


def guarded() -> Catalog:
    """dev → prod; sre approves at the entry of prod."""
    stages = (Stage(environment="dev"), Stage(environment="prod", after=After(environments=("dev",))))
    foo = ConfiguredService(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
    return catalog(
        foo,
        stages=stages,
        entry={"prod": ("go",)},
        promotions=(ManualPromotion(ident="go", groups=("sre",)),),
        groups={"sre": frozenset({"carol", "erin"})},
        freeze_overriders=("sre",),
    )


@pytest.fixture
def waiting(world: Scenario) -> Scenario:
    """foo 1.0 waits for sre at the entry of prod."""
    world.catalog = guarded()
    world.publish("1.0", artifact={"digest": "sha256:aa"})
    world.evaluate()
    world.deploy()
    return world


def effect(service: Service, what: str, /, **fields: Any) -> tuple[bool | None, str | None]:
    """What a fact that is published and evaluated comes to."""
    _tell(service.world, what, **fields)
    service.world.evaluate(minutes=1)
    return _effect(service, fields.get("id", "x"))


def _tell(world: Scenario, what: str, /, **fields: Any) -> None:
    world.tell(what, **{"id": "x", **fields})


def _effect(service: Service, id_: str = "x") -> tuple[bool | None, str | None]:
    body = service.get(f"/api/effect?source=tests&id={id_}")
    return body["counts"], body["why"]


def test_a_fact_has_no_effect_before_it_is_recorded_and_evaluated(waiting: Scenario, service: Service) -> None:
    body = service.get("/api/effect?source=tests&id=x")
    assert (body["number"], body["counts"], body["why"]) == (None, None, None)
    _tell(waiting, "promotion.requested", **LANE, version="1.0", by="ann", **WHY)
    body = service.get("/api/effect?source=tests&id=x")
    assert (body["number"] is not None, body["counts"], body["why"]) == (True, None, "it is not evaluated yet")
    assert (body["type"], body["by"], body["comment"]) == ("promotion.requested", "ann", "checkout is down")
    waiting.evaluate()
    assert _effect(service) == (True, "waits for 1 approval of sre")
    assert service.refusal("/api/effect?source=deploydb&id=x")[0] == 400
    assert service.refusal("/api/effect?source=tests")[0] == 400


def test_an_order_that_another_one_came_before_does_not_count(waiting: Scenario, service: Service) -> None:
    order = {**LANE, "version": "1.0", **WHY}
    approval = {**LANE, "version": "1.0", "promotion": "go"}
    assert effect(service, "approval.given", **approval, by="carol", id="first") == (True, None)
    assert waiting.statuses("1.0")["prod"] == "CREATED"
    counts, why = effect(service, "approval.given", **approval, by="erin")
    assert (counts, why) == (False, "1.0 has entered prod already")
    counts, why = effect(service, "promotion.requested", **order, by="ann", id="y")
    assert counts is False
    assert (why or "").startswith("1.0 is CREATED in prod: ")
    hotfix = {"service": "foo", "version": "1.0", **WHY}
    counts, why = effect(service, "hotfix.declared", **hotfix, by="ann", id="z")
    assert (counts, (why or "").partition(":")[0]) == (False, "1.0 is CREATED in prod")
    waiting.deploy()
    assert _effect(service, "first") == (True, None)


def test_an_order_that_was_met_counts(waiting: Scenario, service: Service) -> None:
    waiting.publish("1.1")
    waiting.evaluate()
    order = {"service": "foo", "version": "1.1", **WHY, "by": "ann"}
    assert effect(service, "hotfix.declared", **order, skip=["dev"]) == (True, "waits for 1 approval of sre")
    approval = {**LANE, "version": "1.1", "promotion": "go", "by": "carol"}
    assert effect(service, "approval.given", **approval, id="y") == (True, None)
    waiting.deploy()
    assert _effect(service) == (True, None)
    counts, why = effect(service, "promotion.requested", **LANE, version="1.0", **WHY, by="ann", id="z")
    assert counts is False, "it is older than what runs"
    assert "1.1" in (why or "")


def test_a_later_word_on_the_same_subject_stands(waiting: Scenario, service: Service) -> None:
    approval = {**LANE, "version": "1.0", "promotion": "go"}
    earlier = waiting.now.replace(hour=11).isoformat()
    waiting.tell("approval.refused", **approval, by="carol", comment="no")
    stands = (False, "a later one stands, by carol at 2026-11-22 12:00:00 UTC")
    assert effect(service, "approval.given", **approval, by="carol", time=earlier) == stands
    hotfix = {"service": "foo", "version": "1.0", **WHY}
    waiting.tell("hotfix.declared", **hotfix, by="bob")
    stands = (False, "a later one stands, by bob at 2026-11-22 12:01:00 UTC")
    assert effect(service, "hotfix.declared", **hotfix, by="ann", time=earlier, id="y") == stands


def test_an_approval_that_does_not_count_says_who_would(waiting: Scenario, service: Service) -> None:
    approval = {**LANE, "version": "1.0", "by": "dave"}
    uncounted = "dave is not in sre and does not count; carol or erin would count"
    assert effect(service, "approval.given", **approval, promotion="go") == (False, uncounted)
    nothing = "no freeze stands over 1.0 in prod"
    assert effect(service, "approval.given", **approval, promotion="freeze", comment="x", id="y") == (False, nothing)
    early = effect(service, "approval.given", **approval | {"version": "9"}, promotion="go", id="z")
    assert early == (False, "it matches nothing: no deployment of foo 9 to prod")


def test_a_refusal_that_fails_the_release_counts(world: Scenario, service: Service) -> None:
    manual = ManualPromotion(ident="go", groups=("sre",))
    foo = ConfiguredService(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("go",))
    world.catalog = catalog(foo, promotions=(manual,), groups={"sre": frozenset({"carol"})})
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    word = {"service": "foo", "environment": "dev", "version": "1.0", "promotion": "go", "by": "carol"}
    assert effect(service, "approval.refused", **word, comment="slow") == (True, None)
    assert world.statuses("1.0")["dev"] == "FAILED"


def test_a_gate_that_people_answered_for_counts_their_word(world: Scenario, service: Service) -> None:
    world.catalog = catalog(groups={"sre": frozenset({"carol"})}, freeze_overriders=("sre",))
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    lane = {"service": "foo", "environment": "dev", "version": "1.0", "promotion": "smoke"}
    world.tell("verification.finished", **lane, outcome="errored")
    world.evaluate()
    assert effect(service, "approval.given", **lane, by="carol", comment="seen") == (True, None)
    assert world.statuses("1.0")["dev"] == "SUCCESS"


def test_a_hold_counts_where_it_changes_what_stands(waiting: Scenario, service: Service) -> None:
    freeze = {"kind": "freeze", "environment": "prod", "hold": "sale"}
    assert effect(service, "hold.placed", **freeze, by="ann", reason="sale", id="placed") == (True, None)
    assert effect(service, "hold.lifted", **freeze, by="bob", id="lifted") == (True, None)
    again = effect(service, "hold.lifted", **freeze, by="ann", id="again")
    assert again == (False, "it was lifted before, by bob at 2026-11-22 12:01:00 UTC")
    assert effect(service, "hold.lifted", kind="freeze", by="ann", id="none") == (False, "no such freeze stood then")
    over = effect(service, "hold.lifted", kind="freeze", environment="prod", by="ann", id="all")
    assert over == (False, "it was lifted before, by ann at 2026-11-22 12:02:00 UTC")
    earlier = waiting.now.replace(hour=11).isoformat()
    late = effect(service, "hold.placed", **freeze, by="ann", reason="sale", time=earlier, id="late")
    assert late == (False, "a later word stands, by ann at 2026-11-22 12:02:00 UTC")


def test_a_request_has_the_answer_of_promotion(waiting: Scenario, service: Service) -> None:
    counts, why = effect(service, "rollback.requested", **LANE, by="ann", **WHY)
    assert (counts, why) == (False, "nothing runs in prod that could be rolled back")
    dev = {"service": "foo", "environment": "dev", "version": "1.0", "by": "ann", **WHY}
    assert effect(service, "retry.requested", **dev, id="y") == (True, "attempt 2, by ann: checkout is down")
    counts, why = effect(service, "retry.requested", **dev, id="z")
    assert counts is False
    assert (why or "").startswith("1.0 is not attempted again in dev: ")


def test_an_incident_counts_where_it_begins_or_ends(waiting: Scenario, service: Service) -> None:
    incident = {**LANE, "incident": "INC-1", "by": "ann"}
    assert effect(service, "incident.resolved", **incident) == (False, "no such incident was open then")
    assert effect(service, "incident.detected", **incident, id="a") == (True, None)
    assert effect(service, "incident.resolved", **incident, id="b") == (True, None)
    assert effect(service, "incident.resolved", **incident, id="c") == (False, "no such incident was open then")


def test_a_report_counts_where_it_is_the_latest_on_something_that_exists(waiting: Scenario, service: Service) -> None:
    dev = {"service": "foo", "environment": "dev", "version": "1.0"}
    lost = effect(service, "deployment.started", **dev | {"environment": "dvv"})
    assert lost == (False, "it matches nothing: no deployment of foo 1.0 to dvv")
    earlier = waiting.now.replace(hour=11).isoformat()
    finished = effect(service, "deployment.finished", **dev, outcome="failed", time=earlier, id="a")
    assert finished == (False, "a later report stands")
    report = {**dev, "outcome": "passed"}
    assert (
        effect(service, "verification.finished", **report, promotion="gi", id="b")[1] == "no promotion gi of foo in dev"
    )
    artifact = {"group": "com.example", "name": "foo", "version": "1.0", "digest": "sha256:bb"}
    counts, why = effect(service, "artifact.published", artifact=artifact, id="c")
    assert counts is False
    assert (why or "").startswith("com.example:foo:1.0 is known with digest sha256:aa. The known file stands")
    unknown = effect(service, "artifact.published", artifact=artifact | {"name": "fooo"}, id="d")
    assert unknown == (False, "no service has the artifact com.example:fooo; did you mean com.example:foo?")
    accepted = {"by": "ann", "reason": "rebuilt"}
    gone = effect(service, "artifact.accepted", artifact=artifact | {"digest": "sha256:cc"}, **accepted, id="f")
    stands = "com.example:foo 1.0 is known with sha256:aa: accept the digest of a file that was published"
    assert gone == (False, stands)
    attested = effect(service, "artifact.attested", artifact=artifact, signer="cosign", id="e")
    assert attested == (False, "com.example:foo 1.0 was published with sha256:aa")
    assert effect(service, "artifact.accepted", artifact=artifact, **accepted, id="g") == (True, None)


def test_a_service_that_is_set_aside_is_named(waiting: Scenario, service: Service) -> None:
    _tell(waiting, "promotion.requested", **LANE, version="1.0", by="ann", **WHY)
    with waiting.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE service_schedule SET error = 'boom', error_attempts = 1, error_first_at = evaluated_at, "
            "error_last_at = evaluated_at WHERE service = 'foo'"
        )
    counts, why = _effect(service)
    assert counts is None
    assert (why or "").startswith("foo is set aside since ")
