"""Ingest: message in, rows and dead letters out."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pika
import pytest
import sqlalchemy as sa
from prometheus_client import generate_latest

from deploydb.broker.open import open_inbound
from deploydb.broker.topology import INGEST_QUEUE
from deploydb.settings import MAX_BODY_BYTES
from deploydb.store.tables import artifact, event
from tests.amqp_properties import HOSTILE, Header, Properties
from tests.cluster import Cluster, Process
from tests.conftest import needs_servers
from tests.workers.in_process import InProcess, fact, published, until


def _logged(workshop: InProcess) -> list[str]:
    return sorted(row.id for row in workshop.rows(sa.select(event.c.id)))


def test_a_published_fact_is_in_the_log_with_its_publisher_and_its_words(workshop: InProcess) -> None:
    (ingest,) = workshop.start("ingest")
    body = published("1.2.3", time="2026-11-22T12:00:00+01:00", something_else={"kept": True})
    workshop.publish(body)
    (row,) = until(lambda: workshop.rows(sa.select(event)), "the event's row")
    assert (row.source, row.id, row.type) == ("tests", "foo-1.2.3", "artifact.published")
    assert row.time == datetime(2026, 11, 22, 11, tzinfo=UTC)
    assert row.body == json.loads(body)
    assert [(found.name, found.version) for found in workshop.rows(sa.select(artifact))] == [("foo", "1.2.3")]
    until(lambda: ingest.metric("deploydb_ingest_events_total", result="stored") == 1, "the metric")


def test_what_is_sent_twice_counts_once(workshop: InProcess) -> None:
    (ingest,) = workshop.start("ingest")
    bodies = [published(f"1.{number}") for number in range(50)]
    workshop.publish(*bodies, *bodies)
    workshop.publish(*bodies)
    until(
        lambda: (
            (
                ingest.metric("deploydb_ingest_events_total", result="stored"),
                ingest.metric("deploydb_ingest_events_total", result="duplicate"),
            )
            == (50, 100)
        ),
        "every message acked",
    )
    assert len(_logged(workshop)) == 50


def test_poison_is_dead_lettered_with_the_field_and_the_ones_behind_it_pass(workshop: InProcess) -> None:
    poison = {
        b"{not json": ("$", "not JSON"),
        b"\xff\xfe": ("$", "UTF-8"),
        b"[" * 100_000: ("$", ""),
        fact("artifact.published", "p-1", artifact={"group": "g", "name": "n"}): ("$.artifact.version", "missing"),
        fact("artifact.published", "p-2", artifact={"group": "g", "name": "n", "version": 7}): (
            "$.artifact.version",
            "",
        ),
        fact("artifact.burnt", "p-3"): ("$.type", ""),
        fact("artifact.published", "p-5", artifact={"group": "g", "name": "n\0", "version": "1"}): (
            "$.artifact.name",
            "NUL",
        ),
        published("2", padding="x" * 5_000_000): ("$", "at most 1048576 are taken"),
        published("3", time="2026-11-22T12:00:00"): ("$.time", "zone"),
        fact("deployment.started", "p-4", service="foo"): ("$", "names no deployment"),
    }
    workshop.start("ingest")
    bodies = list(poison)
    workshop.publish(published("0.1"), *bodies[:6], published("0.2"), *bodies[6:], published("0.3"))
    until(lambda: len(_logged(workshop)) == 3, "the good ones are stored")
    assert _logged(workshop) == ["foo-0.1", "foo-0.2", "foo-0.3"]
    until(lambda: len(workshop.dead()) == len(poison), "all dead letters")
    large = published("2", padding="x" * 5_000_000)
    for letter in workshop.dead():
        cut = letter.cut_from is not None
        if cut:
            assert (letter.cut_from, letter.body) == (len(large), large[:MAX_BODY_BYTES])
        path, reason = poison[large if cut else letter.body]
        assert letter.path == path, letter.reason
        assert letter.reason
        assert reason in letter.reason
        assert (letter.queue, letter.exchange, letter.routing_key) == ("deploydb.ingest", "deploydb.events", "tests")


def test_a_source_whose_clock_is_a_little_ahead_is_taken(workshop: InProcess) -> None:
    workshop.start("ingest")
    workshop.publish(published("1", time=(datetime.now(UTC) + timedelta(minutes=4)).isoformat()))
    until(lambda: _logged(workshop) == ["foo-1"], "the event")


def test_a_source_whose_clock_is_ahead_is_taken_and_counted(workshop: InProcess) -> None:
    (worker,) = workshop.start("ingest")
    workshop.publish(published("1", time=(datetime.now(UTC) + timedelta(hours=3)).isoformat()))
    until(lambda: "foo-1" in _logged(workshop), "the event")
    until(lambda: worker.metric("deploydb_ingest_clamped_total") == 1, "the metric")
    assert "tests" not in generate_latest(worker.registry).decode(), "a name that a publisher chose is no label"
    (promote,) = workshop.start("promote")
    until(lambda: promote.metric("deploydb_skewed_clocks") == 1, "the number of such sources")
    assert promote.metric("deploydb_skewed_clocks_most_ahead_seconds") > 3 * 3600 - 60


def test_several_ingest_workers_share_the_queue(workshop: InProcess) -> None:
    workers = workshop.start("ingest", "ingest", "ingest")
    workshop.publish(*[published(f"1.{number}") for number in range(2000)])
    until(lambda: len(_logged(workshop)) == 2000, "all stored")
    until(
        lambda: sum(one.metric("deploydb_ingest_events_total", result="stored") for one in workers) == 2000,
        "all counted",
    )


def test_a_worker_that_stops_leaves_the_rest_to_the_next(workshop: InProcess) -> None:
    workshop.publish(*[published(f"1.{number}") for number in range(3000)])
    (first,) = workshop.start("ingest")
    until(lambda: _logged(workshop), "the first batch")
    first.stop()
    workshop.start("ingest")
    until(lambda: len(_logged(workshop)) == 3000, "all stored")
    assert workshop.dead() == []


def test_messages_that_were_given_back_again_and_again_are_taken_one_by_one(workshop: InProcess) -> None:
    workshop.publish(*[published(f"1.{number}") for number in range(5)])
    for _ in range(3):
        with open_inbound(workshop.settings.broker_url, INGEST_QUEUE, name="tests") as inbound:
            assert len(inbound.receive(5, timedelta(seconds=5))) >= 1
    workshop.publish(*[published(f"2.{number}") for number in range(5)])
    (ingest,) = workshop.start("ingest")
    until(lambda: ingest.metric("deploydb_ingest_events_total", result="stored") == 10, "all stored")
    assert ingest.metric("deploydb_ingest_batch_events_bucket", le="1.0") >= 5
    assert ingest.metric("deploydb_ingest_batch_events_count") < 10


def test_a_session_without_trouble_is_cautious_with_its_first_message_only(workshop: InProcess) -> None:
    workshop.publish(*[published(f"1.{number}") for number in range(500)])
    (ingest,) = workshop.start("ingest")
    until(lambda: ingest.metric("deploydb_ingest_events_total", result="stored") == 500, "all stored")
    assert ingest.metric("deploydb_ingest_batch_events_count") < 50


@needs_servers
def test_bodies_that_are_too_large_are_cut_off_while_they_arrive(workshop: InProcess, tmp_path: Path) -> None:
    with Cluster(workshop.settings.broker_url, workshop.settings.database_url, workshop.config) as house:
        ingest = house.start("ingest")
        workshop.publish(published("0.1"))
        until(lambda: _logged(workshop) == ["foo-0.1"], "the first")
        before = peak_kib(ingest)
        for number in range(10):
            workshop.publish(published(f"2.{number}", padding="x" * 40 * 1024 * 1024))
        workshop.publish(published("0.2"))
        until(lambda: _logged(workshop) == ["foo-0.1", "foo-0.2"], "the one behind them", within=60)
        until(lambda: len(workshop.dead()) == 10, "their dead letters")
        assert peak_kib(ingest) - before < 100 * 1024
    assert {letter.cut_from for letter in workshop.dead()} == {len(published("2.0", padding="x" * 40 * 1024 * 1024))}


@needs_servers
def test_a_thousand_messages_of_the_largest_size_pass_in_bounded_memory(workshop: InProcess) -> None:
    padding = "x" * (1024 * 1024 - 500)
    with Cluster(workshop.settings.broker_url, workshop.settings.database_url, workshop.config) as house:
        count = 200
        for number in range(count):
            workshop.publish(published(f"1.{number}", padding=padding))
        ingest = house.start("ingest")
        until(lambda: len(_logged(workshop)) == count, "all stored", within=120)
        assert peak_kib(ingest) < 500 * 1024


@needs_servers
@pytest.mark.parametrize("headers", HOSTILE.values(), ids=HOSTILE.keys())
def test_poison_with_hostile_headers_stops_nothing_behind_it(
    amqp_url: str, sqlite_url: str, tmp_path: Path, headers: list[Header]
) -> None:
    with InProcess(amqp_url, sqlite_url, tmp_path) as workshop:
        workshop.start("ingest")
        connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
        properties = Properties(headers, content_type=b"\xff" * 255, message_id=b"\xff" * 255)
        connection.channel().basic_publish("deploydb.events", b"\xff" * 255, b"{", properties)
        connection.close()
        workshop.publish(published("1"))
        until(lambda: _logged(workshop) == ["foo-1"], "the good one behind it")
        until(lambda: [letter.body for letter in workshop.dead()] == [b"{"], "the dead letter")


def peak_kib(process: Process) -> int:
    """The most memory that a process has had (VmHWM of proc(5))."""
    (line,) = [
        line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmHWM")
    ]
    return int(line.split()[1])
