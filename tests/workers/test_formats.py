"""CDEvents and CloudEvents through the broker: what the log has, and which deployment each is about."""

import json

import pytest
import sqlalchemy as sa
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent

from deploydb.store.tables import correlation, current_version, deployment, event, outbox, unmatched_fact, verification
from tests.wire.cdevents import BECOMES, CONFORMANCE, conformance, deployed, link, published, suite_finished
from tests.workers import in_process
from tests.workers.in_process import InProcess, fact, until

_TYPES = sa.select(event.c.id, event.c.type).where(event.c.source != "deploydb")


def about(workshop: InProcess, id_: str) -> tuple[str, str] | None:
    """The environment and version of the deployment that a verification is about."""
    statement = (
        sa.select(deployment.c.environment, deployment.c.version)
        .join(verification, verification.c.deployment_id == deployment.c.id)
        .where(verification.c.event_id == id_)
    )
    rows = workshop.rows(statement)
    return (rows[0].environment, rows[0].version) if rows else None


def unmatched(workshop: InProcess) -> dict[str, str]:
    """By the ids of the facts that match nothing, the reason."""
    statement = sa.select(event.c.id, unmatched_fact.c.why).join(event, event.c.number == unmatched_fact.c.event)
    return {row.id: row.why for row in workshop.rows(statement)}


@pytest.mark.skipif(not CONFORMANCE, reason="the samples are not beside this clone")
def test_every_conformance_file_is_taken_and_none_is_dead_lettered(workshop: InProcess) -> None:
    workshop.start("ingest")
    workshop.publish(*map(conformance, BECOMES))
    workshop.publish(*(path.read_bytes() for path in CONFORMANCE.values()))  # with the one id that they share
    rows = until(lambda: (found := workshop.rows(_TYPES)) and len(found) >= 47 and found, "all in the log")
    found = {row.id: row.type for row in rows}
    assert {name: found[name] for name in BECOMES} == BECOMES
    assert workshop.dead() == []
    kept = workshop.rows(sa.select(event.c.body).where(event.c.id == "build_started"))
    assert kept[0].body["kind"] == "dev.cdevents.build.started.0.2.0"
    assert kept[0].body["original"]["body"] == json.loads(conformance("build_started"))


def test_a_release_goes_its_way_by_cdevents_alone(workshop: InProcess) -> None:
    workshop.start("ingest", "promote", "relay")
    workshop.publish(published("a-1", "1.0", chainId="c-1"))
    for environment in ("dev", "prod"):
        (command,) = workshop.commands()
        assert (command.environment, command.artifact.purl) == (environment, "pkg:maven/com.example/foo@1.0")
        workshop.publish(deployed(f"d-{environment}", "1.0", environment, chainId="c-1"))
    lanes = sa.select(deployment.c.environment, deployment.c.status, deployment.c.kind).order_by(deployment.c.id)
    expected = [("dev", "SUCCESS", "deploy"), ("prod", "SUCCESS", "deploy")]
    until(lambda: [tuple(row) for row in workshop.rows(lanes)] == expected, "both deployed, and neither seen only")
    workshop.publish(deployed("d-again", "1.0", "prod"), suite_finished("t-1", "prod", chainId="c-1"))
    until(lambda: about(workshop, "t-1") == ("prod", "1.0"), "the test finds its deployment by the chain")
    assert [tuple(row) for row in workshop.rows(lanes)] == expected
    assert workshop.dead() == []


def test_a_deployment_without_a_command_was_seen(workshop: InProcess) -> None:
    workshop.start("ingest", "promote")
    workshop.publish(deployed("d-1", "0.9", "prod"))
    runs = sa.select(current_version.c.version).where(current_version.c.environment == "prod")
    until(lambda: [row.version for row in workshop.rows(runs)] == ["0.9"], "it runs there")


def test_a_test_is_about_what_it_links_to_whichever_comes_first(workshop: InProcess) -> None:
    workshop.start("ingest", "promote", "relay")
    early = suite_finished("t-early", "elsewhere", links=link("d-1"))
    workshop.publish(early)
    until(lambda: "t-early" in unmatched(workshop), "it waits, and is shown")
    workshop.publish(deployed("d-1", "1.0", "dev"), deployed("d-2", "1.1", "dev"))
    until(lambda: about(workshop, "t-early") == ("dev", "1.0"), "matched once its event is there")
    workshop.publish(suite_finished("t-late", "elsewhere", links=link("d-2")))
    until(lambda: about(workshop, "t-late") == ("dev", "1.1"), "matched at once")
    assert unmatched(workshop) == {}
    until(lambda: not workshop.rows(sa.select(correlation).where(correlation.c.awaits)), "nothing waits")


def test_a_test_before_its_artifact_waits_for_the_flow(workshop: InProcess) -> None:
    workshop.start("ingest", "promote", "relay")
    workshop.publish(suite_finished("t-1", "dev", chainId="c-1"), published("a-1", "1.0", chainId="c-1"))
    until(lambda: about(workshop, "t-1") == ("dev", "1.0"), "the deployment of the chain in that environment")


def test_a_link_may_be_to_the_command(workshop: InProcess) -> None:
    workshop.start("ingest", "promote", "relay")
    workshop.publish(in_process.published("1.0"))
    (command,) = workshop.commands()
    workshop.publish(suite_finished("t-1", "dev", links=link(command.id)))
    until(lambda: about(workshop, "t-1") == ("dev", "1.0"), "the deployment of the command")


def test_a_link_may_be_to_a_notification(workshop: InProcess) -> None:
    workshop.start("ingest", "promote", "relay")
    workshop.publish(in_process.published("1.0"))
    (command,) = workshop.commands()
    workshop.publish(fact("deployment.finished", "f-1", command=command.id, outcome="failed"))
    failed = sa.select(outbox.c.message_id).where(outbox.c.routing_key == "deployment.failed.dev.foo")
    (row,) = until(lambda: workshop.rows(failed), "the notification")
    workshop.publish(suite_finished("t-1", "elsewhere", links=link(row.message_id)))
    until(lambda: about(workshop, "t-1") == ("dev", "1.0"), "the deployment of the notification")


def test_a_link_may_be_named_twice_and_a_hundred_are_taken_at_most(workshop: InProcess) -> None:
    workshop.start("ingest", "promote", "relay")
    passed = {"promotion": "smoke", "outcome": "passed"}
    workshop.publish(
        fact("verification.finished", "twice", links=["x", "x"], **passed),
        fact("verification.finished", "many", links=[f"x{number}" for number in range(101)], **passed),
    )
    until(lambda: "twice" in unmatched(workshop), "it is stored")
    (letter,) = until(workshop.dead, "the other one is not")
    assert letter.path == "$.links"


def test_links_go_before_the_chain_and_the_custom_data_comes_last(workshop: InProcess) -> None:
    workshop.start("ingest", "promote", "relay")
    workshop.publish(
        deployed("d-1", "1.0", "dev", chainId="c-1"),
        deployed("d-2", "2.0", "dev", chainId="c-2"),
        deployed("d-3", "3.0", "dev", chainId="c-2"),
    )
    until(lambda: len(workshop.rows(sa.select(deployment.c.id))) == 3, "three sightings")
    workshop.publish(
        suite_finished("by-link", "dev", links=link("d-2"), chainId="c-1"),
        suite_finished("by-chain", "dev", links=link("unheard-of"), chainId="c-1"),
        suite_finished("ambiguous", "dev", chainId="c-2"),
        suite_finished("elsewhere", "prod", chainId="c-1"),
        suite_finished("nothing", "dev"),
    )
    workshop.publish(in_process.published("4.0"))
    (command,) = workshop.commands()
    workshop.publish(suite_finished("custom", "dev", chainId="c-2", custom={"command": command.id}))
    until(lambda: about(workshop, "custom") == ("dev", "4.0"), "by the custom data")
    assert about(workshop, "by-link") == ("dev", "2.0")
    assert about(workshop, "by-chain") == ("dev", "1.0")
    why = unmatched(workshop)
    assert sorted(why) == ["ambiguous", "elsewhere", "nothing"]
    assert why["ambiguous"] == "the chain c-2 leads to no deployment in dev, or to several"
    assert why["nothing"].startswith("names no deployment: ")
    assert workshop.dead() == []


def test_cloudevents_come_in_both_modes(workshop: InProcess) -> None:
    workshop.start("ingest")
    data = {"artifact": {"group": "com.example", "name": "foo", "version": "1"}}
    for mode, write in (("structured", to_structured), ("binary", to_binary)):
        headers, body = write(CloudEvent({"type": "artifact.published", "source": "/ci", "id": mode}, data))
        kind = headers.pop("content-type", "application/json")
        workshop.publish(body, content_type=kind, headers=headers)
    workshop.publish(fact("artifact.published", "native", **data))
    expected = dict.fromkeys(("binary", "native", "structured"), "artifact.published")
    until(lambda: {row.id: row.type for row in workshop.rows(_TYPES)} == expected, "all three in the log")
    assert workshop.dead() == []


def test_a_cdevent_that_cannot_be_taken_is_dead_lettered_with_its_own_field(workshop: InProcess) -> None:
    workshop.start("ingest")
    bad = suite_finished("t-1", "dev", "great")
    workshop.publish(bad)
    (letter,) = until(workshop.dead, "the dead letter")
    assert (letter.path, letter.body) == ("$.subject.content.outcome", bad)
