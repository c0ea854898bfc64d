"""`incident` and `attest`: what is published, what has no effect and is refused, what is listed."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploydb.domain.gates.provenance import ProvenancePromotion
from deploydb.domain.model.catalog import Environment, Service
from deploydb.store.record import record
from tests.cli.conftest import served
from tests.cli.shell import Queue, Shell
from tests.scenario import Scenario, catalog

DIGEST = "sha256:9f86d081"
LANE = {"service": "foo", "environment": "prod"}


@pytest.fixture(scope="module")
def address(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service's address: foo 1.0 has a digest, 1.1 has none; in prod INC-1 and INC-2 are open, in dev one is."""
    folder = tmp_path_factory.mktemp("incidents")
    with Scenario(f"sqlite:///{shutil.copy(sqlite_template, folder / 'deploydb.db')}", catalog()) as world:
        world.publish("1.0", artifact={"digest": DIGEST})
        world.publish("1.1")
        world.evaluate()
        world.tell("incident.detected", **LANE, incident="INC-2", reason="slow", version="1.0")
        for what, name in (("detected", "INC-1"), ("detected", "INC-0"), ("resolved", "INC-0")):
            world.now = world.now.replace(minute=world.now.minute + 1)
            world.tell(f"incident.{what}", **LANE, incident=name)
        world.tell("incident.detected", service="foo", environment="dev")
        with served(world) as url:
            yield url


@pytest.fixture
def asked(shell: Shell, queue: Queue, address: str) -> Shell:
    """The shell beside that service and a broker."""
    shell.environment["DEPLOYDB_URL"] = address
    return shell


def published(queue: Queue) -> dict[str, Any]:
    """The one fact that came, without what differs each time."""
    (body,) = queue.bodies()
    assert body.pop("source").startswith("cli/")
    assert body.pop("id")
    assert body.pop("time")
    return body


def test_an_incident_is_opened_by_a_person(asked: Shell, queue: Queue) -> None:
    opened = ("incident", "open", "foo", "prod", "INC-9", "--reason", "down", "--by", "ann")
    ended = asked.ok(*opened, "--version", "1.0", "--url", "https://pager/9")
    assert (ended.stdout, ended.stderr) == ("", "incident INC-9 of foo in prod is open\n")
    named = {"incident": "INC-9", "by": "ann", "reason": "down", "version": "1.0", "url": "https://pager/9"}
    assert published(queue) == {"type": "incident.detected"} | LANE | named


def test_an_incident_may_have_no_name_and_is_data_where_it_is_wanted(asked: Shell, queue: Queue) -> None:
    ended = asked.ok("incident", "open", "foo", "dev", "--reason", "down", "-o", "json")
    assert ended.stderr == "an incident without a name of foo in dev is open\n"
    (body,) = queue.bodies()
    assert json.loads(ended.stdout) == body
    assert "incident" not in body


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("mars", "prod", "INC-9"), "mars"),
        (("foo", "mars", "INC-9"), "mars"),
        (("foo", "prod", "INC-9", "--version", "9.9"), "there is no version 9.9 of foo"),
    ],
    ids=" ".join,
)
def test_nothing_is_opened_where_there_is_nothing(
    asked: Shell, queue: Queue, arguments: tuple[str, ...], answer: str
) -> None:
    assert answer in asked.fails("incident", "open", *arguments, "--reason", "down")
    assert queue.arrived() == []


def test_who_opens_an_incident_says_why(asked: Shell, queue: Queue) -> None:
    assert "--reason" in asked.fails("incident", "open", "foo", "prod", code=2)
    assert queue.arrived() == []


def test_an_incident_is_resolved_by_its_name(asked: Shell, queue: Queue) -> None:
    ended = asked.ok("incident", "resolve", "foo", "prod", "INC-1", "--by", "bob", "--reason", "rolled back")
    assert ended.stderr == "incident INC-1 of foo in prod is resolved\n"
    fields = {"incident": "INC-1", "by": "bob", "reason": "rolled back"}
    assert published(queue) == {"type": "incident.resolved"} | LANE | fields


def test_the_only_open_incident_needs_no_name(asked: Shell, queue: Queue) -> None:
    ended = asked.ok("incident", "resolve", "foo", "dev", "--by", "bob")
    assert ended.stderr == "an incident without a name of foo in dev is resolved\n"
    assert published(queue) == {"type": "incident.resolved", "service": "foo", "environment": "dev", "by": "bob"}


def test_what_is_not_open_is_not_resolved(asked: Shell, queue: Queue) -> None:
    resolve = ("incident", "resolve", "foo")
    assert "incident INC-0 of foo in prod is not open: what is open: incident INC-1, incident INC-2" in asked.fails(
        *resolve, "prod", "INC-0"
    )
    assert "INC-1, incident INC-2 of foo are open in prod: say which" in asked.fails(*resolve, "prod")
    assert "mars" in asked.fails(*resolve, "mars")
    assert queue.arrived() == []


def test_without_a_query_service_a_named_incident_is_resolved_unchecked(shell: Shell, queue: Queue) -> None:
    ended = shell.ok("incident", "resolve", "foo", "prod", "INC-1", "--by", "bob")
    assert "whether incident INC-1 is open could not be checked" in ended.stderr
    assert published(queue)["incident"] == "INC-1"
    assert "no answer from" in shell.fails("incident", "resolve", "foo", "prod")
    assert queue.arrived() == []


def test_the_open_incidents_are_listed(asked: Shell) -> None:
    rows = asked.ok("incidents", "--environment", "prod").stdout.splitlines()
    assert [row.split()[:3] for row in rows] == [
        ["INCIDENT", "SERVICE", "ENVIRONMENT"],
        ["INC-1", "foo", "prod"],
        ["INC-2", "foo", "prod"],
    ]
    assert [one["name"] for one in asked.json("incidents")["incidents"]] == [None, "INC-1", "INC-2"]
    assert asked.ok("incidents", "-o", "name").stdout == "incident/\nincident/INC-1\nincident/INC-2\n"
    assert asked.json("incidents", "--service", "foo")["incidents"][2] == LANE | {
        "name": "INC-2",
        "version": "1.0",
        "reason": "slow",
        "url": None,
        "since": "2026-11-22T12:00:00+00:00",
    }


def test_an_incident_needs_a_stage_of_the_service(shell: Shell, queue: Queue, sqlite_url: str) -> None:
    known = catalog()
    known = replace(known, environments=known.environments | {"qa": Environment(ident="qa")})
    with Scenario(sqlite_url, known) as world, served(world) as shell.environment["DEPLOYDB_URL"]:
        answer = shell.fails("incident", "open", "foo", "qa", "--reason", "down")
    assert answer == "deploydb: qa is no stage of foo, and nothing of it runs there\n"
    assert queue.arrived() == []


def test_the_incident_without_a_name_is_resolved_beside_a_named_one(
    shell: Shell, queue: Queue, sqlite_url: str
) -> None:
    with Scenario(sqlite_url) as world, served(world) as shell.environment["DEPLOYDB_URL"]:
        for named in ({}, {"incident": "INC-1"}):
            world.tell("incident.detected", **LANE, **named)
        answer = shell.fails("incident", "resolve", "foo", "prod")
        assert answer.endswith('an incident without a name (""), incident INC-1 of foo are open in prod: say which\n')
        shell.ok("incident", "resolve", "foo", "prod", "")
        assert "incident" not in published(queue)
        assert "an incident without a name of foo in dev is not" in shell.fails("incident", "resolve", "foo", "dev", "")


def test_the_effects_of_the_commands_show_once_they_are_recorded(
    shell: Shell, queue: Queue, sqlite_template: Path, tmp_path: Path
) -> None:
    known = catalog(
        Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), fail_on_incident=True),
        promotions=(ProvenancePromotion(ident="signed", signers=("cosign",)),),
        entry={"dev": ("signed",)},
    )
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'deploydb.db')}"
    with Scenario(url, known) as world, served(world) as address:
        shell.environment["DEPLOYDB_URL"] = address

        def act(*arguments: str) -> None:
            shell.ok(*arguments)
            world.now = datetime.now(UTC)
            record(world.engine, [world.arrival(delivery.body) for delivery in queue.arrived()], world.now)
            world.evaluate()

        world.now = datetime.now(UTC)
        world.publish("1.0", artifact={"digest": DIGEST})
        world.evaluate()
        assert world.statuses("1.0")["dev"] == "NOT_STARTED"
        act("attest", "com.example:foo", "1.0", "--signer", "cosign")
        assert world.deploy() != []
        act("incident", "open", "foo", "dev", "INC-1", "--reason", "down")
        assert world.statuses("1.0")["dev"] == "FAILED"
        assert shell.ok("incidents", "-o", "name").stdout == "incident/INC-1\n"
        act("incident", "resolve", "foo", "dev")
        assert shell.json("incidents") == {"incidents": []}


ATTESTED = {"group": "com.example", "name": "foo", "version": "1.0", "digest": DIGEST}


def test_a_file_is_attested_by_the_digest_that_was_published(asked: Shell, queue: Queue) -> None:
    ended = asked.ok("attest", "com.example:foo", "1.0", "--signer", "cosign", "--by", "ann")
    assert ended.stderr == f"com.example:foo 1.0 has a signature of {DIGEST} by cosign\n"
    fields = {"artifact": ATTESTED, "signer": "cosign", "kind": "signature", "by": "ann"}
    assert published(queue) == {"type": "artifact.attested"} | fields


def test_who_attests_is_the_signer_and_the_fact_is_data_where_it_is_wanted(asked: Shell, queue: Queue) -> None:
    given = ("attest", "com.example:foo", "1.0", "--digest", DIGEST, "--kind", "sbom", "--by", "ann", "-o", "json")
    ended = asked.ok(*given, "--url", "https://rekor/1")
    (body,) = queue.bodies()
    assert json.loads(ended.stdout) == body
    assert (body["signer"], body["kind"], body["url"]) == ("ann", "sbom", "https://rekor/1")


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("com.example:foo", "9.9"), "9.9"),
        (("com.example:foo", "1.1"), "was published without a digest: no attestation counts for it"),
        (("com.example:foo", "1.1", "--digest", DIGEST), "was published without a digest"),
        (("com.example:foo", "1.0", "--digest", "sha256:00"), f"was published with {DIGEST}: an attestation of"),
    ],
    ids=" ".join,
)
def test_an_attestation_that_cannot_count_is_refused(
    asked: Shell, queue: Queue, arguments: tuple[str, ...], answer: str
) -> None:
    assert answer in asked.fails("attest", *arguments)
    assert queue.arrived() == []


def test_an_early_attestation_names_its_digest(asked: Shell, shell: Shell, queue: Queue) -> None:
    asked.ok("attest", "com.example:foo", "2.0", "--digest", "sha256:22")
    assert published(queue)["artifact"]["digest"] == "sha256:22"
    unchecked = asked.ok("attest", "com.example:foo", "1.0", "--digest", DIGEST, DEPLOYDB_URL="http://127.0.0.1:1")
    assert f"whether {DIGEST} is the digest of com.example:foo 1.0 could not be checked" in unchecked.stderr
    assert published(queue)["artifact"] == ATTESTED
    assert "no answer from" in asked.fails("attest", "com.example:foo", "1.0", DEPLOYDB_URL="http://127.0.0.1:1")
    assert "write GROUP:NAME" in asked.fails("attest", "foo", "1.0", code=2)
