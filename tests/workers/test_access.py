"""Ingest and access.yml: what a publisher may not say is dead-lettered, with the right that it lacks."""

import json
import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import sqlalchemy as sa

from deploydb.broker.open import open_outbound, user_of
from deploydb.broker.port import DeadLetter, Message
from deploydb.broker.topology import EVENTS
from deploydb.store.tables import event, unmatched_fact
from tests.cluster import write_config
from tests.servers import RabbitMQ
from tests.wire.cdevents import deployed, link, suite_finished
from tests.wire.eiffel import created
from tests.wire.eiffel import published as eiffel_published
from tests.workers.in_process import InProcess, Working, fact, published, until

BAR = {"services/bar.yml": "artifacts: [com.example:bar]\npipelines: [main]\n"}
FOO_IN_DEV = """
    facts: [artifact.published, "deployment.*", approval.given, event.unused]
    services: [foo]
    environments: [dev]
    sources: [tests, ci/*]
"""
LIKE_GATEWAY = " {vouches: true, sources: ['*']}\n"
DEV = {"service": "foo", "environment": "dev", "version": "1.0"}
PROD = {**DEV, "environment": "prod"}
SMOKE = {**DEV, "promotion": "smoke", "outcome": "passed"}
APPROVAL = {**DEV, "promotion": "manual", "by": "sue"}


class Limited:
    """A workshop with a publisher that access.yml names: on RabbitMQ a user of its own, else the user of this process,
    who is that of ingest, too."""

    def __init__(self, workshop: InProcess, rabbitmq: RabbitMQ | None) -> None:
        self.workshop = workshop
        self.url, self.name = workshop.settings.broker_url, user_of(workshop.settings.broker_url)
        self._rabbitmq = rabbitmq
        if rabbitmq is not None:
            self.become(f"ci-{secrets.token_hex(4)}")

    def become(self, name: str) -> None:
        """Publish as another user of RabbitMQ from now on."""
        assert self._rabbitmq is not None
        vhost = unquote(urlsplit(self.workshop.settings.broker_url).path[1:])
        self.name = name
        self.url = self._rabbitmq.create_user(name, "secret", vhost, {"write": r"^deploydb\.events$"})

    def started(self, entry: str = FOO_IN_DEV, more: str = "") -> Working:
        """Ingest, with this entry for the publisher."""
        self.configure(entry, more)
        (ingest,) = self.workshop.start("ingest")
        return ingest

    def configure(self, entry: str, more: str = "") -> None:
        write_config(self.workshop.config, {**BAR, "access.yml": f"publishers:\n  {self.name}:{entry}{more}"})

    def say(self, *bodies: bytes, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        messages = [
            Message(exchange=EVENTS, routing_key="tests", body=body, message_id=secrets.token_hex(8), headers=named)
            for body in bodies
        ]
        with open_outbound(self.url, name="tests") as outbound:
            assert [receipt.state for receipt in outbound.publish(messages)] == ["confirmed"] * len(messages)

    def letters(self, number: int) -> Sequence[DeadLetter]:
        """So many dead letters."""
        return until(lambda: [*found] if len(found := self.workshop.dead()) == number else [], f"{number} dead letters")

    def logged(self) -> list[str]:
        return sorted(row.id for row in self.workshop.rows(sa.select(event.c.id).where(event.c.source != "deploydb")))


@pytest.fixture
def limited(workshop: InProcess, request: pytest.FixtureRequest) -> Limited:
    servers = workshop.settings.broker_url.startswith("amqp")
    return Limited(workshop, request.getfixturevalue("rabbitmq") if servers else None)


def report(kind: str, **fields: Any) -> bytes:
    return fact(kind, kind, **fields)


@pytest.mark.parametrize(
    ("body", "lacks", "path", "found"),
    [
        (report("verification.finished", **SMOKE), "facts", "$.type", "verification.finished"),
        (published("1.0", name="bar"), "services", "$.service", "bar"),
        (published("1.0", name="baz"), "services", "$.service", ""),
        (report("deployment.finished", **PROD, outcome="failed"), "environments", "$.environment", "prod"),
        (report("deployment.started", command="unknown"), "services", "$.service", ""),
        (report("deployment.started", **DEV, deployment=7), "services", "$.service", ""),
        (report("deployment.started", **DEV, source="cli/me"), "sources", "$.source", "cli/me"),
        (report("approval.given", **APPROVAL), "vouches", "$.by", ""),
    ],
)
def test_a_fact_without_the_right_is_dead_lettered_with_what_lacks(
    limited: Limited, body: bytes, lacks: str, path: str, found: str
) -> None:
    ingest = limited.started()
    limited.say(body, published("1.0"))
    (letter,) = limited.letters(1)
    kind = json.loads(body)["type"]
    assert letter.reason.startswith(f"{limited.name} may not publish {kind}")
    assert (letter.path, letter.body) == (path, body)
    data = json.loads(letter.reason_data or "{}")
    assert (data["code"], data["publisher"], data["kind"], data["lacks"]) == (
        "not_permitted",
        limited.name,
        kind,
        lacks,
    )
    assert data.get("found", "") == found
    until(lambda: limited.logged() == ["foo-1.0"], "the permitted fact behind it")
    assert ingest.metric("deploydb_ingest_forbidden_total", lacks=lacks) == 1
    assert ingest.metric("deploydb_ingest_events_total", result="refused") == 1


def test_what_an_entry_permits_is_stored(limited: Limited) -> None:
    limited.started()
    limited.say(
        published("1.0"),
        report("deployment.started", **DEV, source="ci/7"),
        report("deployment.finished", **DEV, outcome="succeeded"),
    )
    until(lambda: len(limited.logged()) == 3, "three facts")
    assert limited.workshop.dead() == []


def test_one_of_several_grants_has_to_fit(limited: Limited) -> None:
    limited.started("\n    - facts: [artifact.*]\n    - facts: [approval.*]\n      vouches: true\n")
    limited.say(published("1.0", name="bar"), report("approval.given", **APPROVAL), report("deployment.started", **DEV))
    (letter,) = limited.letters(1)
    assert json.loads(letter.body)["type"] == "deployment.started"
    until(lambda: len(limited.logged()) == 2, "the others")


def test_a_changed_file_counts_at_once_and_a_broken_one_changes_nothing(limited: Limited) -> None:
    limited.started()
    body = report("approval.given", **APPROVAL)
    limited.say(body)
    limited.letters(1)
    limited.configure("{sauces: [x]}")
    limited.configure(f"{FOO_IN_DEV}    vouches: true\n")

    def taken() -> bool:
        limited.say(body)
        return bool(limited.logged())

    until(taken, "the approval in the log")


def test_without_publishers_all_is_stored(limited: Limited) -> None:
    limited.workshop.start("ingest")
    limited.say(report("approval.given", **APPROVAL, source="gateway/sue"), published("1.0", name="baz"))
    until(lambda: len(limited.logged()) == 2, "both")


@pytest.mark.parametrize(("kind", "by", "stored"), [("veto", "sue", 1), ("veto", "quinn", 0), ("freeze", "sue", 0)])
def test_only_the_groups_of_a_right_place_a_hold(workshop: InProcess, kind: str, by: str, stored: int) -> None:
    rights = "groups: {sre: [sue], ops: [olga]}\nveto: [sre]\nfreeze: [ops]\n"
    write_config(workshop.config, {"access.yml": rights})
    workshop.start("ingest")
    hold = {"type": "hold.placed", "id": "h", "source": "tests", "kind": kind, "by": by, "service": "foo"}
    workshop.publish(json.dumps(hold | {"version": "1.0"}).encode(), published("1.0"))
    until(lambda: workshop.rows(sa.select(event.c.id).where(event.c.type == "artifact.published")), "the one behind it")
    assert len(workshop.rows(sa.select(event.c.id).where(event.c.type == "hold.placed"))) == stored
    if not stored:
        (letter,) = workshop.dead()
        group = "sre" if kind == "veto" else "ops"
        assert letter.reason == f"{by} may not {kind}: only members of {group} may, by access.yml"


@pytest.mark.parametrize(
    ("entry", "names"),
    [(LIKE_GATEWAY, True), (" {vouches: true}\n", False), (" {sources: ['*']}\n", False), (None, False)],
)
def test_only_who_vouches_from_the_sources_of_the_gateway_names_another_publisher(
    limited: Limited, entry: str | None, names: bool
) -> None:
    if entry is not None:
        limited.started(entry, "  jenkins: {}\n")
    else:
        limited.workshop.start("ingest")
    limited.say(published("1.0"), x_deploydb_publisher="jenkins")
    (row,) = until(lambda: limited.workshop.rows(sa.select(event.c.publisher)), "the fact")
    own = limited.name == user_of(limited.workshop.settings.broker_url)
    assert row.publisher == ("jenkins" if names or own else limited.name)


@pytest.mark.parametrize(
    ("entry", "bodies", "reason"),
    [
        (
            "{facts: [deployment.finished]}",
            [deployed("d-2", "0.9", "dev")],
            "jenkins may not publish deployment.observed",
        ),
        (
            "{environments: [dev]}",
            [suite_finished("t-1", "dev", links=link("d-1"))],
            "jenkins may not publish verification.finished about the environment prod",
        ),
    ],
)
def test_for_whom_a_fact_is_sent_is_judged_by_what_it_comes_to_mean(
    limited: Limited, entry: str, bodies: list[bytes], reason: str
) -> None:
    limited.started(LIKE_GATEWAY, f"  jenkins: {entry}\n")
    limited.workshop.publish(deployed("d-1", "0.8", "prod"))
    until(lambda: limited.logged() == ["d-1"], "what it links to")
    limited.say(*bodies, x_deploydb_publisher="jenkins")
    (letter,) = limited.letters(1)
    assert letter.reason.startswith(reason)


def test_an_environment_counts_by_its_new_name_before_it_is_renamed(limited: Limited) -> None:
    limited.workshop.start("ingest")
    limited.workshop.publish(deployed("d-1", "0.8", "prod"))
    until(lambda: limited.logged() == ["d-1"], "a deployment in prod")
    (limited.workshop.config / "environments/prod.yml").unlink()
    new = {
        "environments/production.yml": "renamed_from: prod\n",
        "pipelines/main.yml": "environments: {production: }\n",
    }
    write_config(limited.workshop.config, new)
    limited.configure(" {environments: [production]}\n")
    body = report("deployment.finished", **PROD | {"version": "0.8"}, outcome="failed")

    def taken() -> bool:
        limited.say(body)
        return len(limited.logged()) == 2

    until(taken, "the report")


def test_no_publisher_takes_the_id_of_another_one(limited: Limited) -> None:
    (ingest,) = limited.workshop.start("ingest")
    taken, own = published("0.1", url="https://evil.example.com"), published("0.1", digest="sha256:aa")
    limited.say(taken)
    limited.workshop.publish(own, headers={"x-deploydb-publisher": "release-bot"})
    until(lambda: limited.logged() == ["foo-0.1", "foo-0.1␟release-bot"], "both facts")
    limited.workshop.publish(own, headers={"x-deploydb-publisher": "release-bot"})
    until(lambda: ingest.metric("deploydb_ingest_events_total", result="duplicate") == 1, "the repetition")
    assert ingest.metric("deploydb_ingest_differing_duplicates_total", publisher="other") == 1
    limited.say(published("0.1", url="https://other.example.com"))
    until(lambda: ingest.metric("deploydb_ingest_differing_duplicates_total", publisher="same") == 1, "the other body")
    assert len(limited.logged()) == 2


@pytest.mark.parametrize("source", ["ci", "deploydb/verify"])
def test_only_verify_answers_for_what_it_asks(limited: Limited, source: str) -> None:
    check = {"promotions/health.yml": "type: WebhookPromotion\nurl: https://foo.example.com/health\n"}
    write_config(limited.workshop.config, check)
    limited.started(" {sources: ['*']}\n")
    limited.say(report("verification.finished", **SMOKE | {"promotion": "health"}, source=source))
    if source == "ci":
        (letter,) = limited.letters(1)
        assert letter.path == "$.promotion"
        assert letter.reason.endswith("may not publish verification.finished for health: only `verify` answers for it")
    else:
        until(lambda: len(limited.logged()) == 1, "the answer")


def test_the_fact_of_several_events_needs_the_right_of_each_publisher(limited: Limited) -> None:
    limited.started(" {facts: [event.unused]}\n")
    limited.say(created("a-1", "1.0"), eiffel_published("p-1", "a-1"))
    why = sa.select(unmatched_fact.c.why)
    (row,) = until(lambda: limited.workshop.rows(why), "it is shown")
    assert f"{limited.name} may not publish artifact.published" in row.why
    assert limited.logged() == ["a-1", "p-1"]
    assert limited.workshop.dead() == []
