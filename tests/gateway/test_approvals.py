"""`POST /api/approvals`: a person's word becomes a fact, and is answered once it can be read."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from deploydb.domain.gates.manual import ManualPromotion
from tests.contract.renames import configure, renamed
from tests.gateway.given import ALICE, JENKINS, YES, Gateway, gateway, story
from tests.servers import until


def test_a_word_becomes_a_fact_by_the_person_whose_token_it_is(asked: Gateway) -> None:
    answer = asked.say({**YES, "comment": "looks good", "by": "mallory"})
    assert answer.status_code == 202
    body = answer.json()
    assert {name: body[name] for name in ("type", "by", "service", "environment", "version", "promotion")} == {
        "type": "approval.given",
        "by": "alice",
        "service": "foo",
        "environment": "dev",
        "version": "1.0",
        "promotion": "manual",
    }
    assert (body["source"], body["stored"]) == ("gateway/alice", False)
    assert answer.headers["location"] == (
        "/api/events?type=approval.given&source=gateway%2Falice&service=foo&environment=dev"
    )
    (fact,) = asked.received()
    assert fact.pop("time")
    assert fact == {
        "type": "approval.given",
        "id": body["id"],
        "source": "gateway/alice",
        "service": "foo",
        "environment": "dev",
        "version": "1.0",
        "promotion": "manual",
        "by": "alice",
        "comment": "looks good",
        "digest": "sha256:aa",
    }


def test_a_word_for_the_earlier_name_of_an_environment_is_for_that_one(asked: Gateway) -> None:
    before = asked.world.catalog
    configure(asked.world, renamed(before, "dev", "development"))
    answer = asked.say(YES)
    assert (answer.status_code, answer.json()["environment"]) == (202, "development")
    (fact,) = asked.received()
    assert fact["environment"] == "development"
    asked.world.catalog = before
    assert asked.say({**YES, "environment": "development"}).status_code == 202, "by the files of before"


def test_the_answer_waits_until_the_word_is_stored(asked: Gateway) -> None:
    with ThreadPoolExecutor(1) as threads:
        saying = threads.submit(asked.say, prefer="respond-async, wait=20")
        until(lambda: asked.ingest() == 1, what="the word to arrive")
        answer = saying.result()
    assert answer.status_code == 201
    assert answer.json()["stored"] is True
    assert answer.headers["preference-applied"] == "wait=20"
    assert asked.metric("deploydb_gateway_approvals_total", decision="approve", result="stored") == 1


def test_a_refusal_is_a_fact_too_and_says_why(asked: Gateway) -> None:
    assert asked.say({**YES, "decision": "refuse", "comment": " it\r\nis slow "}).status_code == 202
    (fact,) = asked.received()
    assert (fact["type"], fact["comment"]) == ("approval.refused", " it\r\nis slow ")


def test_a_word_may_name_its_deployment_and_the_file_that_was_seen(asked: Gateway) -> None:
    assert asked.say({**YES, "deployment": 1, "digest": "sha256:aa"}).status_code == 202
    (fact,) = asked.received()
    assert (fact["deployment"], fact["digest"]) == (1, "sha256:aa")
    assert asked.say({**YES, "deployment": 1, "digest": "sha256:bb"}).status_code == 422


def test_a_freeze_is_overridden_with_a_reason_by_those_who_may(asked: Gateway) -> None:
    order = {**YES, "environment": "prod", "promotion": "freeze"}
    assert "needs a reason" in asked.say(order).json()["message"]
    answer = asked.say({**order, "comment": "checkout is down"})
    assert (answer.status_code, answer.json()["message"].split(":")[1]) == (422, " no group may override a freeze")
    asked.world.catalog = replace(asked.world.catalog, groups={"sre": frozenset({"alice"})}, freeze_overriders=("sre",))
    asked.world.tell("hold.placed", kind="freeze", environment="prod", reason="sale", by="bob")
    assert asked.say({**order, "comment": "checkout is down"}).status_code == 202


def test_a_word_that_does_not_count_is_refused_with_who_would(asked: Gateway) -> None:
    asked.world.catalog = replace(
        asked.world.catalog,
        promotions=asked.world.catalog.promotions | {"manual": ManualPromotion(ident="manual", groups=("sre",))},
        groups={"sre": frozenset({"bob"})},
    )
    answer = asked.say()
    assert answer.status_code == 422
    assert answer.json()["message"] == "it would not count: alice is not in sre and does not count; bob would count"
    page = asked.submit("/api/approvals", YES, signed_in=ALICE, accept="text/html")
    assert (page.status_code, "bob would count" in page.text) == (422, True)
    assert asked.received() == []


def test_a_word_for_a_version_that_is_still_to_come_is_kept_if_it_is_early(asked: Gateway) -> None:
    answer = asked.say({**YES, "version": "9", "early": True})
    assert (answer.status_code, answer.json()["counts"]) == (202, False)
    (fact,) = asked.received()
    assert (fact["version"], "digest" in fact) == ("9", False)


def test_a_gate_that_cannot_tell_is_answered_by_those_who_may_override(asked: Gateway) -> None:
    lane = {"service": "foo", "environment": "dev", "version": "1.0"}
    asked.world.tell("verification.finished", **lane, promotion="smoke", outcome="errored")
    asked.world.evaluate()
    answer = asked.say({**YES, "promotion": "smoke"})
    assert answer.status_code == 422
    assert "no group may answer for a gate: `override_freeze` in access.yml" in answer.json()["message"]


def test_the_same_key_twice_counts_once(asked: Gateway) -> None:
    first, second = (asked.say(idempotency_key="42") for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert asked.ingest() == 1
    asked.world.tell(
        "verification.finished", service="foo", environment="dev", version="1.0", promotion="smoke", outcome="passed"
    )
    asked.world.evaluate()
    assert "1.0 is through dev already" in asked.say().json()["message"]
    third = asked.say(idempotency_key="42")
    assert third.status_code == 201
    assert (third.json()["id"], "counts" in third.json()) == ("42", False)
    assert asked.ingest() == 0


def test_a_key_that_was_used_for_something_else_is_refused(asked: Gateway) -> None:
    asked.say(idempotency_key="42")
    asked.ingest()
    answer = asked.say({**YES, "decision": "refuse", "comment": "no"}, idempotency_key="42")
    assert answer.status_code == 422
    assert "Idempotency-Key 42 was used before" in answer.json()["message"]
    assert asked.received() == []


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        (
            {},
            422,
            "service is missing; environment is missing; version is missing; promotion is missing; decision must",
        ),
        ({**YES, "decision": "maybe"}, 422, "decision must be approve or refuse, found 'maybe'"),
        ({**YES, "decision": "refuse"}, 422, "comment is missing: a refusal needs a reason"),
        ({**YES, "decision": "refuse", "comment": "  \n"}, 422, "comment is missing: a refusal needs a reason"),
        ({**YES, "comment": "x" * 2001}, 422, "comment has 2001 characters, at most 2000 are taken"),
        ({**YES, "comment": "a\0b"}, 422, "$.comment: has a NUL character, which cannot be stored"),
        ({**YES, "comment": ["a"]}, 422, 'comment expected a text, found ["a"]'),
        ({**YES, "version": 1.0}, 422, "version expected a text, found 1.0"),
        ({**YES, "version": "1\0"}, 422, "version has a character that cannot be seen: U+0000 is not allowed"),
        ({**YES, "version": "1" * 256}, 422, "version has 256 characters, at most 255 are taken"),
        ({**YES, "deployment": "x"}, 422, "deployment is not the id of a deployment"),
        ({**YES, "deployment": True}, 422, "deployment is not the id of a deployment"),
        ({**YES, "deployment": 2**63}, 422, "deployment is not the id of a deployment"),
        ({**YES, "promotion": "smoke"}, 422, "it would not count: smoke is no manual promotion"),
        ({**YES, "early": 1}, 422, "early expected true or false, found 1"),
        ({**YES, "early": True, "deployment": 2}, 404, "there is no deployment 2 of 1.0"),
        ({**YES, "service": "bar"}, 404, "there is no service bar; there is foo"),
        ({**YES, "environment": "moon"}, 404, "there is no environment moon; there is dev, prod"),
        ({**YES, "promotion": "gone"}, 404, "there is no promotion gone of foo in dev; there is manual"),
        ({**YES, "version": "9"}, 404, "there is no version 9 of foo in dev"),
        ({**YES, "deployment": 2}, 404, "there is no deployment 2 of 1.0 of foo in dev"),
        ([], 400, "the body is no JSON object"),
    ],
)
def test_an_invalid_approval_is_refused_with_what_is_wrong(
    asked: Gateway, fields: object, status: int, message: str
) -> None:
    answer = asked.say(fields)
    assert (answer.status_code, answer.json()["code"]) == (status, status)
    assert message in answer.json()["message"]
    assert asked.received() == []


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b'{"service": ', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        (b'{"version": ' + b"9" * 6000 + b"}", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"service=foo&service=bar", "application/x-www-form-urlencoded", 400),
        (b"service=%ff", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % number for number in range(60)), "application/x-www-form-urlencoded", 400),
        (b'{"comment": "' + b"x" * 65_536 + b'"}', "application/json", 413),
    ],
)
def test_a_body_that_is_none_is_refused(asked: Gateway, content: bytes, kind: str, status: int) -> None:
    answer = asked.ask("/api/approvals", content=content, authorization=f"Bearer {ALICE}", content_type=kind)
    assert answer.status_code == status
    assert list(answer.json()) == ["code", "message"]


@pytest.mark.parametrize(
    ("token", "status", "message"),
    [
        (None, 401, "authentication required"),
        ("ddb_wrong", 401, "authentication required"),
        ("", 401, "authentication required"),
        ("x" * 5000, 401, "authentication required"),
        (JENKINS, 403, "jenkins lacks the scope approve"),
    ],
)
def test_a_person_unknown_or_without_the_right_is_refused(
    asked: Gateway, token: str | None, status: int, message: str
) -> None:
    answer = asked.say(token=token)
    assert (answer.status_code, answer.json()["code"]) == (status, status)
    assert message in answer.json()["message"]
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert asked.received() == []


def test_who_says_too_much_waits(asked: Gateway) -> None:
    answers = [asked.say({})]
    while answers[-1].status_code == 422 and len(answers) < 300:  # some more than 30 where the machine is slow
        answers.append(asked.say({}))
    assert answers[-1].status_code == 429
    assert len(answers) > 30
    assert 0 < int(answers[-1].headers["retry-after"]) <= 2


def test_a_broker_that_is_away_is_reported_and_nothing_counts(sqlite_url: str, embedded_url: str) -> None:
    nowhere = "amqp://guest:guest@127.0.0.1:1/none"
    with story(sqlite_url) as world, gateway(world, embedded_url, publishes_to=nowhere) as asked:
        answer = asked.say(idempotency_key="7")
        assert answer.status_code == 503
        assert "with `Idempotency-Key: 7` it counts once" in answer.json()["message"]
        assert "127.0.0.1" not in answer.text
        assert answer.headers["retry-after"] == "1"
        assert asked.metric("deploydb_gateway_approvals_total", decision="approve", result="unconfirmed") == 1
        ready = asked.ask("/readyz", method="GET")
        assert ready.status_code == 503
        assert ready.json()["reasons"][0].startswith("broker: ")


def test_answers_carry_the_headers_of_all_answers(asked: Gateway) -> None:
    for answer in (asked.say(x_request_id="abc-1"), asked.say(token=None, x_request_id="abc-1")):
        assert answer.headers["x-request-id"] == "abc-1"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert asked.say(x_request_id="a b\tc").headers["x-request-id"].isalnum()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/api/approvals", "/api/holds", "/api/sessions/end"])
def test_there_is_nothing_but_post(asked: Gateway, method: str, path: str) -> None:
    answer = asked.ask(path, method=method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_what_does_not_exist_is_not_found(asked: Gateway) -> None:
    answer = asked.ask("/api/approvals/1")
    assert (answer.status_code, json.loads(answer.content)["message"]) == (404, "there is no /api/approvals/1")


def test_probes_are_answered(asked: Gateway) -> None:
    assert asked.ask("/healthz", method="GET").json() == {"alive": True}
    assert asked.ask("/readyz", method="GET").json() == {"ready": True, "reasons": [], "warnings": []}
    assert "deploydb_gateway_requests_total" in asked.ask("/metrics", method="GET").text
