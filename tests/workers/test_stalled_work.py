"""Promote's `/readyz` while a service is set aside, or another session has its rows locked; other services go on."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from deploydb.store.tables import deployment, evaluation_request, service_schedule
from tests.cluster import write_config
from tests.contract.test_set_aside import allow, refuse
from tests.scenario import Scenario
from tests.servers.process import BUSY
from tests.workers.in_process import CONFIG, InProcess, Working, fact, published, until

WITHIN = 5.0 * BUSY


@pytest.fixture
def workshop(embedded_url: str, database_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with InProcess(embedded_url, database_url, tmp_path) as workshop:
        bar = {"services/bar.yml": "artifacts: [com.example:bar]\npipelines: [main]\n"}
        write_config(tmp_path / "config", CONFIG | bar)
        yield workshop


def reasons(promote: Working, *words: str) -> None:
    """Promote is not ready within five seconds, with these words in its reasons."""
    until(
        lambda: not (ready := promote.health.ready()).ready and all(word in " ".join(ready.reasons) for word in words),
        f"reasons with {words}: {promote.health.ready()}",
        within=WITHIN,
    )


def is_ready(promote: Working) -> None:
    until(lambda: promote.health.ready().ready, f"to be ready: {promote.health.ready()}", within=WITHIN)


def test_a_service_that_is_set_aside_is_counted_before_anything_else_is_looked_up(
    workshop: InProcess, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise sa.exc.OperationalError("SELECT", {}, ConnectionError("away"))

    with Scenario(database_url) as world:
        refuse(world, deployment, "UPDATE")
        monkeypatch.setattr("workers.stalled_work.set_aside_services", away)
        _, promote = workshop.start("ingest", "promote")
        workshop.publish(published("1.0"))
        until(lambda: promote.metric("deploydb_evaluation_errors_total") == 1, "the error is counted", within=WITHIN)


def test_a_service_that_is_set_aside_is_named_until_it_is_parked_or_evaluated(
    workshop: InProcess, database_url: str
) -> None:
    with Scenario(database_url) as world:
        refuse(world, deployment, "UPDATE")
        _, promote = workshop.start("ingest", "promote")
        workshop.publish(published("1.0"), published("1.0", name="bar"))
        (command,) = commanded(workshop, 1)
        assert command["service"] == "bar"
        reasons(promote, "foo is set aside", "refused")
        assert promote.metric("deploydb_evaluation_set_aside_services") == 1
        promote.stop()
        before = len(world.rows(evaluation_request))
        for _ in range(3):
            (promote,) = workshop.start("promote")
            reasons(promote, "foo is set aside", "refused")
            promote.stop()
        assert len(world.rows(evaluation_request)) == before
        (promote,) = workshop.start("promote")
        reasons(promote, "foo is set aside")
        workshop.publish(hold("placed"))
        is_ready(promote)
        (warning,) = promote.health.ready().warnings
        assert "foo is set aside and parked by alice: the trigger" in warning
        allow(world, deployment)
        workshop.publish(hold("lifted"))
        until(lambda: promote.health.ready().warnings == (), "no warning", within=WITHIN)
        assert {one["service"] for one in commanded(workshop, 2)} == {"foo", "bar"}


def hold(what: str) -> bytes:
    """A pause of foo, placed or lifted."""
    hold = {"kind": "pause", "service": "foo", "by": "alice", "reason": "the trigger"}
    return json.dumps({"type": f"hold.{what}", "id": what, "source": "tests", **hold}).encode()


def commanded(workshop: InProcess, number: int) -> list[dict[str, str]]:
    """The commands in the outbox, once there are so many."""
    bodies = sa.text("SELECT body FROM outbox WHERE exchange = 'deploydb.commands'")
    found = until(
        lambda: len(rows := workshop.rows(bodies)) >= number and rows,  # type: ignore[arg-type]
        f"{number} commands",
    )
    return [json.loads(row.body) for row in found]


@pytest.mark.parametrize("table", [evaluation_request, service_schedule, deployment], ids=str)
def test_rows_that_another_session_has_locked_are_named_and_others_go_on(
    embedded_url: str, postgresql_url: str, tmp_path: Path, table: sa.Table
) -> None:
    with InProcess(embedded_url, postgresql_url, tmp_path) as workshop:
        bar = {"services/bar.yml": "artifacts: [com.example:bar]\npipelines: [main]\n"}
        write_config(tmp_path / "config", CONFIG | bar)
        (ingest, promote) = workshop.start("ingest", "promote")
        workshop.publish(published("1.0"))
        commanded(workshop, 1)
        promote.stop()
        verified = {"service": "foo", "environment": "dev", "version": "1.0", "promotion": "smoke", "outcome": "passed"}
        workshop.publish(fact("verification.finished", "v", **verified))
        until(lambda: workshop.rows(sa.select(evaluation_request)), "a mark")
        with psycopg.connect(postgresql_url) as other:
            held = other.execute(f"SELECT * FROM {table.name} FOR UPDATE").fetchall()
            assert held
            (promote,) = workshop.start("promote")
            until(lambda: promote.health.was_connected, "promote to be connected")
            reasons(promote, "rows are locked by another session")
            workshop.publish(published("1.0", name="bar"))
            assert {one["service"] for one in commanded(workshop, 2)} == {"foo", "bar"}
            other.rollback()
        is_ready(promote)
        until(lambda: not workshop.rows(sa.select(evaluation_request)), "no marks")
        ingest.stop()
