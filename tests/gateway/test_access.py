"""Senders of requests and access.yml: what one may not say is 403, in ingest's words, and is not published."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploydb.broker.open import open_inbound
from deploydb.broker.port import SENT_FOR
from deploydb.broker.topology import INGEST_QUEUE
from deploydb.domain.model.access import Access, Grant
from deploydb.gateway.v1_access import Writers
from deploydb.store.tables import deployment
from tests.gateway.github_payloads import GITHUB, package
from tests.gateway.given import JENKINS, YES, Gateway, gateway, story
from tests.gateway.hooks import github, receiving
from tests.gateway.test_events import FACT, body, error, send
from tests.wire.cdevents import deployed

NOT_NAMED = "jenkins may not publish artifact.published: `publishers` in access.yml does not name it"

VETO = {"kind": "veto", "service": "foo", "version": "1.0", "reason": "leaks"}


def permit(asked: Gateway, **entries: Grant) -> None:
    """These entries of `publishers`; `v1` is that of clients of 10.0.0.0/8."""
    named = {{"v1": "v1@127.0.0.0/8", "hook": "hooks/github"}.get(name, name): (one,) for name, one in entries.items()}
    asked.world.catalog.access = Access(publishers=named)


@pytest.fixture
def opened(sqlite_url: str, embedded_url: str) -> Iterator[Gateway]:
    """The gateway, where clients on loopback write by v1 without a token."""
    with story(sqlite_url) as world, gateway(world, embedded_url, writers=Writers(mode="open")) as made:
        yield made


@pytest.mark.parametrize(
    ("entries", "fact", "message"),
    [
        ({}, {}, f"$: {NOT_NAMED}"),
        (
            {"jenkins": Grant(facts=("deployment.*",))},
            {},
            "$.type: jenkins may not publish artifact.published: `facts` of its entry in access.yml has deployment.*",
        ),
        (
            {"jenkins": Grant(sources=("jenkins/*", "ci/*"))},
            {},
            "$.source: jenkins may not publish artifact.published from the source ci: `sources` of its entry in "
            "access.yml has jenkins/* or ci/*",
        ),
        (
            {"jenk*": Grant(services=("bar",))},
            {},
            "$.service: jenkins may not publish artifact.published about the service foo: `services` of its entry in "
            "access.yml has bar",
        ),
        (
            {"jenkins": Grant(environments=("prod",))},
            {"type": "deployment.started", "deployment": 1},
            "$.environment: jenkins may not publish deployment.started about the environment dev: `environments` of "
            "its entry in access.yml has prod",
        ),
        (
            {"jenkins": Grant(promotions=("smoke",))},
            {"type": "verification.finished", "deployment": 1, "promotion": "load", "outcome": "passed"},
            "$.promotion: jenkins may not publish verification.finished about the promotion load: `promotions` of its "
            "entry in access.yml has smoke",
        ),
    ],
)
def test_an_event_without_the_right_is_403_and_is_not_published(
    asked: Gateway, entries: Mapping[str, Grant], fact: dict[str, Any], message: str
) -> None:
    permit(asked, **entries)
    answer = send(asked, body({"id": "1", "source": "ci", **(fact or FACT)}))
    assert (answer.status_code, error(answer)) == (403, message)
    assert asked.received() == []
    lacks = message.partition(":")[0].removeprefix("$.") + "s"
    lacks = {"$s": "entry", "types": "facts"}.get(lacks, lacks)
    assert asked.metric("deploydb_gateway_forbidden_total", lacks=lacks) == 1


def test_what_an_entry_permits_is_published(asked: Gateway) -> None:
    permit(asked, jenkins=Grant(services=("foo",), environments=("dev",)))
    started = {"type": "deployment.started", "deployment": 1, "id": "2", "source": "ci"}
    assert [send(asked, body(one)).status_code for one in (FACT, started)] == [202, 202]
    assert asked.received() == [FACT, started]


def test_of_several_events_each_is_judged(asked: Gateway) -> None:
    permit(asked, jenkins=Grant(facts=("artifact.*",)))
    other = {"type": "incident.detected", "id": "2", "source": "ci", "service": "foo", "environment": "dev"}
    answer = send(asked, body([FACT, other]))
    assert answer.status_code == 207
    assert answer.json()["events"][1]["path"] == "$.type"
    assert asked.received() == [FACT]
    assert send(asked, body([other])).status_code == 403


@pytest.mark.parametrize(
    ("facts", "status"), [("deployment.finished", 202), ("deployment.observed", 202), ("deployment.started", 403)]
)
def test_an_event_with_two_readings_is_published_where_one_is_permitted(
    asked: Gateway, facts: str, status: int
) -> None:
    permit(asked, jenkins=Grant(facts=(facts,)))
    assert send(asked, deployed("d-1", "1.0", "dev")).status_code == status


def test_a_link_to_what_is_not_known_may_be_about_any_environment(asked: Gateway) -> None:
    permit(asked, jenkins=Grant(environments=("dev",)))
    (command,) = {one.command for one in asked.world.rows(deployment) if one.environment == "dev"}
    passed = {"type": "verification.finished", "source": "ci", "promotion": "smoke", "outcome": "passed"}
    known = passed | {"id": "1", "links": [command]}
    assert send(asked, body(known)).status_code == 202
    for links in (["later"], [command, "later"]):
        assert send(asked, body(passed | {"id": "2", "deployment": 1, "links": links})).status_code == 403


def test_a_pattern_does_not_limit_people_and_webhooks(
    tmp_path: Path, sqlite_url: str, embedded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(tmp_path, sqlite_url, embedded_url, monkeypatch, github=GITHUB) as asked:
        permit(asked, **{"*": Grant(facts=("deployment.*",))})
        assert github(asked, "package", package()).status_code == 202
        assert asked.say(VETO, path="/api/holds").status_code == 202
        permit(
            asked,
            **{"*": Grant(facts=("deployment.*",)), "alice": Grant(services=("bar",)), "hooks/*": Grant(facts=())},
        )
        assert github(asked, "package", package()).status_code == 403
        assert asked.say(VETO | {"reason": "again"}, path="/api/holds").status_code == 403


def test_a_person_without_an_entry_gives_orders_and_one_with_an_entry_what_it_permits(asked: Gateway) -> None:
    permit(asked)
    assert asked.say(YES).status_code == 202
    permit(asked, alice=Grant(facts=("hold.*",)))
    answer = asked.say(YES | {"decision": "refuse", "comment": "no"})
    assert (answer.status_code, "alice may not publish approval.refused" in error(answer)) == (403, True)
    assert len(asked.received()) == 1


def test_only_the_groups_of_a_right_place_a_hold(asked: Gateway) -> None:
    asked.world.catalog.access = Access(veto=("sre",))
    answer = asked.say(VETO, path="/api/holds")
    message = "$.by: alice may not veto: only members of sre may, by access.yml"
    assert (answer.status_code, error(answer)) == (403, message)
    asked.world.catalog.groups = {"sre": frozenset(["alice"])}
    assert asked.say(VETO, path="/api/holds").status_code == 202


def test_a_v1_client_is_a_publisher_by_its_address(opened: Gateway) -> None:
    artifact = {"group": "com.example", "name": "foo", "version": "3.0", "sourceUrl": "https://repo.example.com/foo"}
    permit(opened)
    at = opened.at("127.0.0.9")
    refused = at.say(artifact, path="/api/artifacts", token=None)
    assert (refused.status_code, error(refused)) == (
        403,
        "$: v1@127.0.0.9 may not publish artifact.published: `publishers` in access.yml does not name it",
    )
    permit(opened, v1=Grant(facts=("artifact.*",)))
    assert at.say(artifact, path="/api/artifacts", token=None).status_code == 202
    assert len(opened.received()) == 1
    permit(opened, jenkins=Grant())
    assert opened.say(artifact | {"version": "4.0"}, path="/api/artifacts", token=JENKINS).status_code == 202


def test_a_webhook_says_what_its_file_makes_of_it_unless_an_entry_limits_it(
    tmp_path: Path, sqlite_url: str, embedded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(tmp_path, sqlite_url, embedded_url, monkeypatch, github=GITHUB) as asked:
        permit(asked, hook=Grant(facts=("deployment.*",)))
        answer = github(asked, "package", package())
        assert (answer.status_code, "hooks/github may not publish artifact.published" in error(answer)) == (403, True)
        permit(asked)
        assert github(asked, "package", package()).status_code == 202
        assert len(asked.received()) == 1


def test_a_message_names_for_whom_it_is_sent(asked: Gateway) -> None:
    send(asked, body(FACT))
    asked.say(YES)
    with open_inbound(asked.broker_url, INGEST_QUEUE, name="tests") as inbound:
        assert [one.headers[SENT_FOR] for one in inbound.receive(2, timedelta(0))] == ["jenkins", "alice"]
