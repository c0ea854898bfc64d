"""Machines whose clocks differ: all that is decided, leased and due is counted by the database's."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploydb.domain.model.admission_reasons import BeingDeployed
from deploydb.domain.model.errors import Transient
from deploydb.store.clock import DatabaseClock, ahead
from deploydb.store.engine import open_engine
from deploydb.store.tables import deployment, outbox
from tests.conftest import needs_servers
from tests.servers.ports import free_port
from tests.workers.in_process import InProcess, fact, published, until

HOUR = timedelta(hours=1)
ANOTHER_DAY = Path(__file__).parents[1] / "another_day"


@contextmanager
def an_hour_ahead(workshop: InProcess, worker: str) -> Iterator[str]:
    """The worker in a process whose clock is an hour ahead; the address of its health server."""
    port = free_port()
    given = {
        "DEPLOYDB_DATABASE_URL": workshop.settings.database_url,
        "DEPLOYDB_BROKER_URL": workshop.settings.broker_url,
        "DEPLOYDB_CONFIG": str(workshop.settings.config),
        "PYTHONPATH": str(ANOTHER_DAY),
    }
    command = ["faketime", "--exclude-monotonic", "-f", "+1h", sys.executable, "-m", "workers", worker]
    # faketime waits for the worker, and passes no signal on
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        env=os.environ | given,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=60)


def _ready(address: str) -> str:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=60) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError:
        return ""


@needs_servers
@pytest.mark.skipif(shutil.which("faketime") is None and "CI" not in os.environ, reason="faketime is not installed")
def test_a_promote_whose_clock_is_an_hour_ahead_delays_nothing_and_expires_nothing(
    amqp_url: str, postgresql_url: str, tmp_path: Path
) -> None:
    with InProcess(amqp_url, postgresql_url, tmp_path) as workshop:
        (_, promote, _) = workshop.start("ingest", "promote", "relay")
        workshop.publish(published("1.0"))
        (first,) = workshop.commands()
        promote.stop()
        with an_hour_ahead(workshop, "promote") as address:
            until(lambda: "ahead of the database's" in _ready(address), "it says that its clock is wrong")
            assert '"clock: it is 3' in _ready(address)
            for version in ("1.1", "1.2", "1.3"):
                workshop.publish(published(version))
            until(
                lambda: [row for row in _in(workshop, "dev", "1.3") if isinstance(row.status_reason, BeingDeployed)],
                "the newer ones wait for the lane",
            )
            assert [row.expired_at for row in _in(workshop, "dev", "1.0")] == [None]
            workshop.publish(fact("deployment.finished", "f-1", command=first.id, outcome="succeeded"))
            commands = workshop.commands(2)
        assert {(one.environment, one.artifact.version) for one in commands} == {("prod", "1.0"), ("dev", "1.3")}
        now = datetime.now(UTC)
        for row in workshop.rows(sa.select(deployment).where(deployment.c.requested_at.is_not(None))):
            assert row.requested_at < now + HOUR / 2
        until(lambda: all(row.sent_at for row in workshop.rows(sa.select(outbox))), "all is sent")


def _in(workshop: InProcess, environment: str, version: str) -> list[sa.Row[tuple[object, ...]]]:
    lane = sa.select(deployment).where(deployment.c.environment == environment, deployment.c.version == version)
    return list(workshop.rows(lane))


def test_the_database_says_how_much_a_clock_is_ahead(database_url: str) -> None:
    engine = open_engine(database_url, name="tests")
    assert abs(ahead(engine)) < timedelta(seconds=1)
    assert abs(ahead(engine, lambda: datetime.now(UTC) + HOUR) - HOUR) < timedelta(seconds=1)
    assert abs(ahead(engine, lambda: datetime.now(UTC) - HOUR) + HOUR) < timedelta(seconds=1)
    engine.dispose()


def test_the_clock_is_carried_on_between_answers_and_while_the_database_is_away(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(sqlite_url, name="tests")
    noon = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    answers = [noon, noon + timedelta(seconds=30)]
    seconds = [0.0]
    monkeypatch.setattr("deploydb.store.clock.time_there", lambda _: _given(answers))
    clock = DatabaseClock(engine, lambda: seconds[0])
    assert clock() == noon
    seconds[0] = 0.5
    assert clock() == noon + timedelta(seconds=0.5)
    seconds[0] = 2
    assert clock() == noon + timedelta(seconds=30), "asked again"
    seconds[0] = 7
    assert clock() == noon + timedelta(seconds=35), "the database is away"
    engine.dispose()


def _given(answers: list[datetime]) -> datetime:
    if not answers:
        raise Transient("away")
    return answers.pop(0)
