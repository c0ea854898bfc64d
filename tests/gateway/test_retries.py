"""`POST /api/retries`: a person has another attempt made, and reads what came of it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contract.renames import configure, renamed
from tests.gateway.given import ALICE, JENKINS, Gateway, gateway, story

RETRY = {"service": "foo", "environment": "dev", "version": "1.0", "reason": "the disk is empty again"}
PATH = "/api/retries"


@pytest.fixture
def asked(sqlite_url: str, embedded_url: str) -> Iterator[Gateway]:
    """foo 1.0 failed in dev."""
    with story(sqlite_url) as world, gateway(world, embedded_url) as made:
        lane = {"service": "foo", "environment": "dev", "version": "1.0"}
        world.tell("verification.finished", **lane, promotion="smoke", outcome="failed")
        world.evaluate(minutes=1)
        assert world.statuses("1.0")["dev"] == "FAILED"
        yield made


def test_a_retry_becomes_a_fact_by_the_person_and_has_another_attempt_made(asked: Gateway) -> None:
    answer = asked.say({**RETRY, "by": "mallory"}, path=PATH)
    assert answer.status_code == 202
    body = answer.json()
    assert (body["type"], body["by"], body["stored"]) == ("retry.requested", "alice", False)
    assert asked.ingest(what="retry.requested") == 1
    asked.world.evaluate()
    (command,) = asked.world.commands()
    assert (command.environment, command.attempt) == ("dev", 2)


def test_a_retry_in_the_earlier_name_of_an_environment_is_for_that_one(asked: Gateway) -> None:
    configure(asked.world, renamed(asked.world.catalog, "dev", "development"))
    assert asked.say(RETRY, path=PATH).status_code == 202
    assert asked.ingest(what="retry.requested") == 1
    asked.world.evaluate()
    (command,) = asked.world.commands()
    assert (command.environment, command.attempt) == ("development", 2)


def test_a_form_leads_to_the_page_with_what_came_of_it(asked: Gateway) -> None:
    form = {**RETRY, "next": "/services/foo", "artifact": "com.example:foo"}
    answer = asked.submit(PATH, form, signed_in=ALICE, sec_fetch_site="same-origin")
    assert answer.status_code == 303
    target = urlsplit(answer.headers["location"])
    (fact,) = asked.received()
    assert target.path == "/effect"
    assert parse_qs(target.query) == {"source": ["gateway/alice"], "id": [fact["id"]]}
    assert (fact["by"], fact["reason"], fact["artifact"]) == ("alice", RETRY["reason"], "com.example:foo")


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({**RETRY, "reason": " \n"}, 422, "reason is missing: it shows with the attempt"),
        (
            {},
            422,
            "service is missing; environment is missing; reason is missing: it shows with the attempt; version is",
        ),
        ({**RETRY, "reason": "x" * 2001}, 422, "reason has 2001 characters, at most 2000 are taken"),
        ({**RETRY, "reason": ["a"]}, 422, 'reason expected a text, found ["a"]'),
        ({**RETRY, "service": "bar"}, 404, "there is no service bar; there is foo"),
        ({**RETRY, "environment": "moon"}, 404, "there is no environment moon; there is dev, prod"),
        ({**RETRY, "version": "9"}, 422, "nothing is attempted: 9 is not attempted again in dev: no deployment of it"),
        ({**RETRY, "environment": "prod"}, 422, "nothing is attempted: 1.0 is not attempted again in prod"),
    ],
)
def test_a_retry_that_is_none_is_refused_with_the_reason(
    asked: Gateway, fields: dict[str, Any], status: int, message: str
) -> None:
    answer = asked.say(fields, path=PATH)
    assert answer.status_code == status
    assert message in answer.json()["message"]
    assert asked.received() == []


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("ddb_wrong", 401), (JENKINS, 403)])
def test_a_person_unknown_or_without_the_right_is_refused(asked: Gateway, token: str | None, status: int) -> None:
    assert asked.say(RETRY, path=PATH, token=token).status_code == status
    assert asked.received() == []


def test_the_reason_of_a_refusal_is_text_on_the_page(asked: Gateway) -> None:
    evil = {**RETRY, "version": "<script>alert(1)</script>"}
    answer = asked.submit(PATH, evil, signed_in=ALICE, accept="text/html")
    assert (answer.status_code, "<script>" in answer.text) == (422, False)
    assert "&lt;script&gt;" in answer.text


def test_the_same_key_twice_is_one_attempt(asked: Gateway) -> None:
    assert asked.say(RETRY, path=PATH, idempotency_key="42").status_code == 202
    assert asked.ingest(what="retry.requested") == 1
    asked.world.evaluate()
    assert asked.say(RETRY, path=PATH, idempotency_key="42").status_code == 201
    other = asked.say({**RETRY, "reason": "other"}, path=PATH, idempotency_key="42")
    assert (other.status_code, "was used before" in other.json()["message"]) == (422, True)
    waits = asked.say(RETRY, path=PATH)
    assert (waits.status_code, waits.json()["message"].partition(":")[0]) == (422, "nothing is attempted")
