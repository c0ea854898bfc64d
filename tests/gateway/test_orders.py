"""Holds, promotions, hotfixes, rollbacks and incidents of people over HTTP: checked, published, answered."""

from datetime import timedelta
from typing import Any

import pytest

from tests.gateway.given import ALICE, JENKINS, Gateway

WHY = {"reason": "audit"}
FREEZE = {"kind": "freeze", "environment": "prod", **WHY}
PROMOTE = {"service": "foo", "environment": "prod", "version": "1.0", "skip": ["dev"], **WHY}
HOTFIX = {"service": "foo", "version": "1.0", "skip": ["dev"], **WHY}
FILE = {"artifact": "com.example:foo", "version": "1.0", "digest": "sha256:bb", **WHY}
INCIDENT = {"service": "foo", "environment": "dev", "incident": "INC-1", **WHY}
PATHS = ["/api/holds", "/api/promotions", "/api/hotfixes", "/api/rollbacks", "/api/incidents", "/api/acceptances"]


def test_a_hold_is_placed_by_the_person_and_has_an_id(asked: Gateway) -> None:
    answer = asked.say({**FREEZE, "until": "2999-01-01T00:00:00+01:00"}, path="/api/holds")
    body = answer.json()
    assert (answer.status_code, body["type"], body["kind"], body["counts"]) == (202, "hold.placed", "freeze", True)
    (fact,) = asked.received()
    assert (fact["by"], fact["source"], fact["until"]) == ("alice", "gateway/alice", "2998-12-31T23:00:00Z")
    assert (fact["hold"], len(fact["hold"])) == (body["hold"], 8)


def test_holds_stand_side_by_side_and_are_lifted_one_by_one(asked: Gateway) -> None:
    ids = [asked.say({**FREEZE, "reason": reason}, path="/api/holds").json()["hold"] for reason in ("audit", "sale")]
    assert asked.ingest("hold.%") == 2
    lift = {"decision": "lift", "kind": "freeze", "environment": "prod"}
    unclear = asked.say(lift, path="/api/holds")
    assert unclear.status_code == 422
    assert all(id_ in unclear.json()["message"] for id_ in ids)
    assert asked.say({**lift, "hold": "gone"}, path="/api/holds").status_code == 422
    assert asked.say({**lift, "hold": ids[0][:6]}, path="/api/holds").json()["hold"] == ids[0]
    asked.ingest("hold.%")
    asked.world.now += timedelta(minutes=1)
    last = asked.say(lift, path="/api/holds", idempotency_key="k")
    assert last.json()["hold"] == ids[1]
    asked.ingest("hold.%")
    assert asked.say(lift, path="/api/holds", idempotency_key="k").status_code == 201, "the same request again"
    answer = asked.say(lift, path="/api/holds")
    assert (answer.status_code, answer.json()["message"]) == (422, "nothing is lifted: there is no such freeze")


def test_all_holds_of_a_scope_are_lifted_at_once(asked: Gateway) -> None:
    for _ in range(2):
        asked.say(FREEZE, path="/api/holds")
    asked.ingest("hold.%")
    lift = {"decision": "lift", "kind": "freeze", "environment": "prod", "all": True}
    assert asked.say(lift, path="/api/holds").status_code == 202
    (fact,) = asked.received()
    assert "hold" not in fact


def test_an_own_pin_takes_the_place_of_the_one_before(asked: Gateway) -> None:
    pin = {"kind": "pin", "service": "foo", "environment": "dev", "version": "1.0", **WHY}
    assert asked.say(pin, path="/api/holds").status_code == 202
    (fact,) = asked.received()
    assert "hold" not in fact, "its owner is its id"


def test_a_veto_on_a_version_that_is_to_come_is_early(asked: Gateway) -> None:
    veto = {"kind": "veto", "service": "foo", "version": "9", **WHY}
    assert "`early` keeps it" in asked.say(veto, path="/api/holds").json()["message"]
    assert asked.say({**veto, "early": True}, path="/api/holds").status_code == 202


def test_a_promotion_past_a_stage_brings_the_version_there(asked: Gateway) -> None:
    answer = asked.say(PROMOTE, path="/api/promotions")
    assert (answer.status_code, answer.json()["counts"]) == (202, True)
    assert asked.ingest("promotion.requested") == 1
    asked.world.evaluate()
    (command,) = asked.world.commands()
    assert (command.environment, command.artifact.version) == ("prod", "1.0")


def test_a_hotfix_lets_the_version_go_on(asked: Gateway) -> None:
    assert asked.say(HOTFIX, path="/api/hotfixes").status_code == 202
    assert asked.ingest("hotfix.declared") == 1
    asked.world.evaluate()
    assert [one.environment for one in asked.world.commands()] == ["prod"]


def test_a_rollback_names_what_is_to_go(asked: Gateway) -> None:
    order = {"service": "foo", "environment": "dev", **WHY}
    refused = asked.say(order, path="/api/rollbacks")
    assert refused.status_code == 422
    assert refused.json()["message"].startswith("nothing is put back: ")
    lane = {"service": "foo", "environment": "dev", "version": "1.0"}
    asked.world.tell("verification.finished", **lane, promotion="smoke", outcome="passed")
    asked.world.tell("approval.given", **lane, promotion="manual", by="bob")
    asked.world.evaluate()
    asked.world.deploy()
    asked.world.publish("1.1")
    asked.world.evaluate()
    asked.world.deploy()
    assert asked.say({**order, "from": "1.0"}, path="/api/rollbacks").status_code == 422, "1.1 runs by now"
    accepted = asked.say(order, path="/api/rollbacks", idempotency_key="back")
    assert accepted.status_code == 202, accepted.text
    assert asked.ingest("rollback.requested") == 1
    again = asked.say(order, path="/api/rollbacks", idempotency_key="back")
    assert again.status_code == 201, "the version that is to go was filled in"
    asked.world.evaluate()
    assert ("dev", "1.0") in [(one.environment, one.artifact.version) for one in asked.world.commands()]


def test_an_incident_is_opened_and_resolved(asked: Gateway) -> None:
    resolve = {name: value for name, value in INCIDENT.items() if name != "reason"} | {"decision": "resolve"}
    unknown = asked.say(resolve, path="/api/incidents")
    assert (unknown.status_code, "it is not open; open there: none" in unknown.json()["message"]) == (422, True)
    assert asked.say(INCIDENT, path="/api/incidents").status_code == 202
    assert asked.ingest("incident.%") == 1
    assert asked.say(resolve, path="/api/incidents").status_code == 202
    (fact,) = asked.received()
    assert (fact["type"], fact["by"]) == ("incident.resolved", "alice")


def test_a_file_of_a_version_with_two_is_accepted(asked: Gateway) -> None:
    asked.world.publish("1.0", artifact={"digest": "sha256:bb"}, source="other")
    answer = asked.say(FILE, path="/api/acceptances", idempotency_key="k")
    assert (answer.status_code, answer.json()["type"], answer.json()["counts"]) == (202, "artifact.accepted", True)
    assert asked.ingest("artifact.accepted") == 1
    assert asked.say(FILE, path="/api/acceptances", idempotency_key="k").status_code == 201, "the same request again"
    refused = asked.say(FILE, path="/api/acceptances")
    assert refused.json()["message"] == (
        "nothing is accepted: sha256:bb is the file of com.example:foo:1.0, and nothing contradicts it"
    )
    asked.world.publish("1.0", artifact={"digest": "sha256:cc"}, source="other")
    form = {**FILE, "digest": "sha256:cc"}
    assert asked.submit("/api/acceptances", form, signed_in=ALICE).headers["location"].startswith("/effect?source=")
    (fact,) = asked.received()
    assert (fact["by"], fact["reason"]) == ("alice", "audit")
    assert fact["artifact"] == {"group": "com.example", "name": "foo", "version": "1.0", "digest": "sha256:cc"}


@pytest.mark.parametrize(
    ("path", "fields", "status", "message"),
    [
        ("/api/holds", {}, 422, "kind must be"),
        ("/api/holds", {**FREEZE, "reason": " "}, 422, "reason is missing: it shows with the order"),
        ("/api/holds", {**FREEZE, "untill": "2999-01-01T00:00:00Z"}, 422, "untill is no field of this order; did you"),
        ("/api/holds", {**FREEZE, "until": "tomorrow"}, 422, "until expected a time with its offset from UTC"),
        ("/api/holds", {**FREEZE, "until": "2999-01-01T00:00:00"}, 422, "until expected a time with its offset"),
        ("/api/holds", {**FREEZE, "until": "0001-01-01T00:00:00+14:00"}, 422, "until is out of range"),
        ("/api/holds", {**FREEZE, "until": "2001-01-01T00:00:00Z"}, 422, "it would not count: it ended at 2001-01-01"),
        ("/api/holds", {**FREEZE, "decision": "drop"}, 422, "decision must be place or lift, found 'drop'"),
        ("/api/holds", {**FREEZE, "kind": "pin"}, 422, "a pin needs `service`"),
        ("/api/holds", {**FREEZE, "environment": "moon"}, 404, "there is no environment moon; there is dev, prod"),
        ("/api/holds", {**FREEZE, "service": "bar"}, 404, "there is no service bar; there is foo"),
        (
            "/api/holds",
            {**FREEZE, "kind": "veto", "service": "foo", "version": "9"},
            404,
            "there is no version 9 of foo",
        ),
        ("/api/promotions", {**PROMOTE, "skip": "dev"}, 422, 'skip expected a list of texts, found "dev"'),
        ("/api/promotions", {**PROMOTE, "skip": ["moon"]}, 404, "there is no environment moon"),
        ("/api/promotions", {**PROMOTE, "version": "9"}, 404, "there is no version 9 of foo in prod"),
        ("/api/promotions", {**PROMOTE, "environment": "dev", "skip": []}, 422, "it would not count: 1.0 is COMPLETED"),
        ("/api/hotfixes", {**HOTFIX, "version": "9"}, 404, "there is no version 9 of foo"),
        ("/api/rollbacks", {"service": "foo", **WHY}, 422, "environment is missing"),
        ("/api/incidents", {**INCIDENT, "environment": "moon"}, 404, "there is no environment moon"),
        ("/api/acceptances", {**FILE, "version": "9"}, 404, "there is no version 9 of com.example:foo"),
        ("/api/acceptances", {**FILE, "artifact": "foo"}, 422, "artifact expected GROUP:NAME, found foo"),
        (
            "/api/acceptances",
            {"artifact": "com.example:foo"},
            422,
            "version is missing; digest is missing; reason is m",
        ),
        (
            "/api/acceptances",
            FILE,
            422,
            "nothing is accepted: com.example:foo:1.0 was not published with sha256:bb; known digests: sha256:aa",
        ),
    ],
)
def test_an_order_that_is_none_is_refused_with_the_reason(
    asked: Gateway, path: str, fields: dict[str, Any], status: int, message: str
) -> None:
    answer = asked.say(fields, path=path)
    assert (answer.status_code, message in answer.json()["message"]) == (status, True), answer.text
    assert asked.received() == []


@pytest.mark.parametrize("path", PATHS)
def test_an_order_needs_a_person_with_the_scope_and_the_secret_of_a_page(asked: Gateway, path: str) -> None:
    assert asked.say({}, path=path, token=None).status_code == 401
    assert asked.say({}, path=path, token=JENKINS).status_code == 403
    assert asked.submit(path, {}, signed_in=ALICE, secret="other").status_code == 403
    assert asked.submit(path, {}, signed_in=ALICE, sec_fetch_site="cross-site").status_code == 403
    assert asked.submit(path, {}, signed_in=ALICE).status_code == 422
    assert asked.received() == []


def test_a_form_leads_to_the_page_with_the_effect(asked: Gateway) -> None:
    form = {"kind": "freeze", "environment": "prod", "reason": "audit", "until": "2999-01-01T00:00", "service": ""}
    answer = asked.submit("/api/holds", form, signed_in=ALICE)
    (fact,) = asked.received()
    assert answer.headers["location"] == f"/effect?source=gateway%2Falice&id={fact['id']}"
    assert (fact["until"], "service" in fact) == ("2999-01-01T00:00:00Z", False)
    promote = {"service": "foo", "environment": "prod", "version": "1.0", "skip": "dev, ", "reason": "audit"}
    assert asked.submit("/api/promotions", promote, signed_in=ALICE).status_code == 303
    assert [fact["skip"] for fact in asked.received()] == [["dev"]]


def test_the_person_of_a_token_is_shown(asked: Gateway) -> None:
    answer = asked.ask("/api/sessions", method="GET", authorization=f"Bearer {ALICE}")
    assert answer.json() == {"name": "alice", "source": "gateway/alice", "scopes": ["approve", "read"]}
    assert asked.ask("/api/sessions", method="GET").status_code == 401
