"""kill -9 at each step of a command: nothing is lost, nothing starts twice, and each report counts once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from deploydb.orchestrators.tools.jenkins import JenkinsOrchestrator
from deploydb.store.engine import open_engine
from deploydb.store.tables import orchestrator_run
from tests.orchestrators import running
from tests.orchestrators.jenkins import TOKEN, Jenkins
from tests.orchestrators.server import serving
from tests.orchestrators.test_jenkins import BUILD, VARIABLE, described
from tests.workers.in_process import InProcess, published, until


@pytest.fixture
def jenkins(monkeypatch: pytest.MonkeyPatch) -> Iterator[Jenkins]:
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setattr(JenkinsOrchestrator, "settles", timedelta(seconds=0.1))
    with serving(Jenkins()) as tool:
        tool.at_once = "FAILURE"  # so that there is no next stage
        yield tool


@pytest.mark.parametrize(
    "point",
    [
        *("before taken", "after taken", "before starting", "after starting"),
        *("before started", "after started", "before finished", "after finished"),
    ],
)
def test_a_command_is_run_once_wherever_the_worker_is_killed(workshop: InProcess, jenkins: Jenkins, point: str) -> None:
    others = {"environments/dev.yml": "retry: {retries: 0}\n"}
    running.configured(workshop, described(jenkins), others=others)
    environment = {
        "DEPLOYDB_DATABASE_URL": workshop.settings.database_url,
        "DEPLOYDB_BROKER_URL": workshop.settings.broker_url,
        "DEPLOYDB_CONFIG": str(workshop.config),
        "DEPLOYDB_OUTGOING_ALLOW": "127.0.0.1",
    }
    command = [sys.executable, "-m", "tests.orchestrators.killed", *point.split()]
    with subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL) as process:
        try:
            workshop.publish(published("1.0"))
            assert process.wait(30) == -9
        finally:
            process.kill()
    end_leases(workshop)
    workshop.start("orchestrate")
    ended = running.in_state(workshop, "finished")
    assert {kind for kind, _ in running.reported(workshop, 2)} == {"deployment.started", "deployment.finished"}
    until(lambda: running.deployments(workshop)[0].outcome == "failed", "the report")
    assert running.deployments(workshop)[0].failure.startswith("the build has failed")
    assert (ended.outcome, len(running.rows(workshop)), len(jenkins.items)) == ("failed", 1, 1)
    assert jenkins.count("POST", BUILD) == 1


def end_leases(workshop: InProcess) -> None:
    """As if the leases of the killed worker were over."""
    engine = open_engine(workshop.settings.database_url, name="tests")
    with engine.begin() as connection:
        leased = sa.update(orchestrator_run).where(orchestrator_run.c.due_at.is_not(None))
        connection.execute(leased.values(due_at=orchestrator_run.c.taken_at))
    engine.dispose()
