"""Eiffel events through the broker: what they become together, in whichever order they come."""

import shlex
from itertools import permutations
from pathlib import Path

import pika
import pytest
import sqlalchemy as sa

from deploydb.store.tables import (
    artifact,
    correlation,
    current_version,
    deployment,
    event,
    unmatched_fact,
    verification,
)
from tests.cli.shell import Shell
from tests.cluster import write_config
from tests.conftest import needs_servers
from tests.documents.site import steps
from tests.wire.eiffel import BECOMES, SAMPLES, confidence, created, deployed, eiffel, published
from tests.workers import in_process
from tests.workers.in_process import InProcess, until

_TYPES = sa.select(event.c.id, event.c.type).where(event.c.source == "eiffel")
_RELEASES = sa.select(artifact.c.version, artifact.c.observed, artifact.c.commit, artifact.c.author)
_CHECKED = {
    "pipelines/main.yml": "environments:\n  dev:\n    promotions: [smoke]\n  prod:\n",
    "promotions/smoke.yml": "type: VerificationPromotion\n",
}


def about(workshop: InProcess) -> set[tuple[str, str, str, str]]:
    """Which environment, version and promotion each verification is about, with its outcome."""
    columns = (deployment.c.environment, deployment.c.version, verification.c.promotion, verification.c.outcome)
    statement = sa.select(*columns).join(verification, verification.c.deployment_id == deployment.c.id)
    return {tuple(row) for row in workshop.rows(statement)}


def unmatched(workshop: InProcess) -> dict[str, str]:
    """By the ids of the events that match nothing, the reason."""
    statement = sa.select(event.c.id, unmatched_fact.c.why).join(event, event.c.number == unmatched_fact.c.event)
    return {row.id: row.why for row in workshop.rows(statement)}


def stored(workshop: InProcess, *ids: str) -> None:
    """Wait until the log has the events."""
    until(lambda: set(ids) <= {row.id for row in workshop.rows(_TYPES)}, f"{ids} in the log")


@pytest.mark.skipif(not SAMPLES, reason="the samples are not beside this clone")
def test_every_sample_is_taken_and_none_is_dead_lettered(workshop: InProcess) -> None:
    workshop.start("ingest")
    for name, path in SAMPLES.items():
        workshop.publish(path.read_bytes().replace(b"eeeeeeeeeee0", name[6:18].encode(), 1))
    rows = until(lambda: (found := workshop.rows(_TYPES)) and len(found) >= 7 and found, "all in the log")
    kinds = sorted(row.type for row in rows)
    assert kinds == ["event.unused"] * len(BECOMES) + ["verification.finished"] * 2
    assert workshop.dead() == []


def test_a_release_goes_its_way_by_eiffel_alone(workshop: InProcess) -> None:
    git = {"commitId": "abc1234", "repoUri": "https://git.example/foo"}
    workshop.start("ingest", "promote", "relay")
    workshop.publish(
        eiffel("EnvironmentDefined", "e-dev", {"name": "dev"}),
        eiffel("SourceChangeSubmitted", "s-1", {"gitIdentifier": git, "submitter": {"id": "ann"}}),
        eiffel("CompositionDefined", "c-1", element="s-1"),
        created("a-1", "1.0", composition="c-1"),
        published("p-1", "a-1"),
    )
    (command,) = workshop.commands()
    assert (command.environment, command.artifact.purl) == ("dev", "pkg:maven/com.example/foo@1.0")
    assert (command.artifact.commit, command.artifact.url) == ("abc1234", "https://repo.example/foo")
    workshop.publish(deployed("d-dev", "a-1", "e-dev"))
    (command,) = workshop.commands()
    assert command.environment == "prod"
    workshop.publish(deployed("d-prod", "a-1", "e-prod"))
    until(lambda: "d-prod" in unmatched(workshop), "its environment is not known, and it is shown")
    assert unmatched(workshop)["d-prod"] == "the event e-prod that it links to is not known"
    workshop.publish(eiffel("EnvironmentDefined", "e-prod", {"name": "prod"}))
    lanes = sa.select(deployment.c.environment, deployment.c.status, deployment.c.kind).order_by(deployment.c.id)
    expected = [("dev", "SUCCESS", "deploy"), ("prod", "SUCCESS", "deploy")]
    until(lambda: [tuple(row) for row in workshop.rows(lanes)] == expected, "both deployed, and neither seen only")
    assert unmatched(workshop) == {}
    assert workshop.dead() == []


def test_an_artifact_is_deployable_once_it_is_published(workshop: InProcess) -> None:
    workshop.start("ingest", "promote")
    workshop.publish(created("a-1", "1.0"))
    stored(workshop, "a-1")
    assert workshop.rows(_RELEASES) == []
    workshop.publish(published("p-1", "a-1"), published("p-2", "a-1"), published("p-1", "a-1"))
    until(lambda: len(workshop.rows(_RELEASES)) == 1, "one release")


def test_a_deployment_without_a_command_was_seen(workshop: InProcess) -> None:
    workshop.start("ingest", "promote")
    workshop.publish(in_process.published("0.1"))  # so that the catalog is known
    until(lambda: workshop.rows(sa.select(deployment.c.id)), "the flow")
    workshop.publish(
        deployed("d-1", "a-1", "e-1"), eiffel("EnvironmentDefined", "e-1", {"name": "prod"}), created("a-1", "0.9")
    )
    runs = sa.select(current_version.c.version).where(current_version.c.environment == "prod")
    until(lambda: [row.version for row in workshop.rows(runs)] == ["0.9"], "it runs there")


@pytest.mark.parametrize("order", sorted(permutations(("created", "published", "confidence"))))
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
def test_the_order_of_events_does_not_matter(
    workshop: InProcess, order: tuple[str, ...], together: bool, tmp_path: Path
) -> None:
    write_config(tmp_path / "config", in_process.CONFIG | _CHECKED)
    bodies = {
        "created": created("a-1", "1.0"),
        "published": published("p-1", "a-1"),
        "confidence": confidence("c-1", "SUCCESS", "a-1"),
    }
    ids = {"created": "a-1", "published": "p-1", "confidence": "c-1"}
    if together:
        workshop.publish(*(bodies[name] for name in order))
        workshop.start("ingest", "promote")
    else:
        workshop.start("ingest", "promote")
        for name in order:
            workshop.publish(bodies[name])
            stored(workshop, ids[name])
    until(lambda: about(workshop) == {("dev", "1.0", "smoke", "passed")}, "the level is about the stage that asks")
    assert [tuple(row) for row in workshop.rows(_RELEASES)] == [("1.0", False, None, None)]
    until(lambda: unmatched(workshop) == {}, "nothing is unmatched")
    until(lambda: not workshop.rows(sa.select(correlation).where(correlation.c.awaits)), "nothing waits")
    found = {row.id: row.type for row in workshop.rows(_TYPES)}
    assert found == {
        "a-1": "event.unused",
        "p-1": "event.unused",
        "p-1/a-1": "artifact.published",
        "c-1": "verification.finished",
    }


def test_a_confidence_level_counts_for_each_subject(workshop: InProcess, tmp_path: Path) -> None:
    write_config(tmp_path / "config", in_process.CONFIG | _CHECKED)
    workshop.start("ingest", "promote")
    workshop.publish(
        confidence("c-1", "FAILURE", "a-1", "a-2"),
        *(created(f"a-{one}", f"{one}.0") for one in (1, 2)),
        *(published(f"p-{one}", f"a-{one}") for one in (1, 2)),
    )
    expected = {("dev", version, "smoke", "failed") for version in ("1.0", "2.0")}
    until(lambda: about(workshop) == expected, "one answer each")


def test_a_confidence_level_of_a_release_in_two_lanes_that_ask_is_a_guess(workshop: InProcess, tmp_path: Path) -> None:
    both = {"pipelines/main.yml": "environments:\n  dev:\n    promotions: [smoke]\n  prod:\n    promotions: [smoke]\n"}
    write_config(tmp_path / "config", in_process.CONFIG | _CHECKED | both)
    workshop.start("ingest", "promote")
    workshop.publish(created("a-1", "1.0"), published("p-1", "a-1"))
    until(lambda: len(workshop.rows(sa.select(deployment.c.id))) == 2, "the flow")
    workshop.publish(confidence("c-1", "SUCCESS", "a-1"), confidence("c-2", "SUCCESS", "a-1", environment="prod"))
    until(lambda: about(workshop) == {("prod", "1.0", "smoke", "passed")}, "the one that names its environment")
    assert unmatched(workshop) == {"c-1": "the event a-1 leads to no deployment, or to several"}


def test_the_embedded_broker_has_no_exchange_of_eiffel(embedded_url: str, tmp_path: Path) -> None:
    write_config(tmp_path / "config", in_process.CONFIG)
    shell = Shell(tmp_path, DEPLOYDB_BROKER_URL=embedded_url)
    assert "POST /events of the gateway" in shell.fails("broker", "provision", "--eiffel", "eiffel")


@needs_servers
def test_the_command_of_the_page_binds_the_exchange_of_eiffel(
    amqp_url: str, postgresql_url: str, tmp_path: Path
) -> None:
    (line,) = (step.command for step in steps("how-to/eiffel.md") if "broker provision" in step.command)
    _, *command = shlex.split(line)
    exchange = command[-1]
    with InProcess(amqp_url, postgresql_url, tmp_path) as workshop:
        shell = Shell(tmp_path, DEPLOYDB_BROKER_URL=amqp_url)
        assert f"the exchange {exchange} does not exist" in shell.fails(*command)
        with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
            channel = connection.channel()
            channel.exchange_declare(exchange, exchange_type="topic", durable=True)
            shell.ok(*command)
            shell.ok("broker", "check", DEPLOYDB_EIFFEL_EXCHANGE=exchange)
            for key in ("eiffel._.EiffelArtifactCreatedEvent._._", "other.key"):
                channel.basic_publish(exchange, key, created(key, "1.0"))
        workshop.start("ingest")
        by_eiffel = "eiffel._.EiffelArtifactCreatedEvent._._"
        until(lambda: {row.id for row in workshop.rows(_TYPES)} == {by_eiffel}, "by the routing keys of Sepia alone")
