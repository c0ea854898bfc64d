"""`wait`: there, not any more, or not in time; and `promote`."""

import os
import pty
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploydb.domain.model.catalog import Service
from tests.cli.conftest import lane, served
from tests.cli.shell import DEPLOYDB, Queue, Shell
from tests.scenario import Scenario, catalog


@pytest.fixture(scope="module")
def walking(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service's address: foo 1.0 is verified in dev and comes to prod, 1.1 waits for smoke in dev, 1.2 is vetoed;
    of bar, 2.0 has failed in dev, 1.0 was skipped there, and of 3.0 the smoke test has failed."""
    folder = tmp_path_factory.mktemp("walking")
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("smoke",))
    bar = Service(ident="bar", artifacts=("com.example:bar",), pipelines=("main",), promotions=("smoke",))
    with Scenario(f"sqlite:///{shutil.copy(sqlite_template, folder / 'deploydb.db')}", catalog(foo, bar)) as world:
        world.publish("1.0")
        world.publish("1.0", name="bar")
        world.evaluate()
        world.publish("2.0", name="bar")
        world.evaluate(minutes=1)
        for command in world.commands():
            outcome = "succeeded" if command.service == "foo" else "failed"
            world.tell("deployment.finished", command=command.id, outcome=outcome)
        world.tell("verification.finished", **lane("dev", "1.0"), promotion="smoke", outcome="passed")
        world.evaluate(minutes=1)
        for command in world.commands():
            if command.service == "bar":
                world.tell("deployment.finished", command=command.id, outcome="failed")
        world.publish("3.0", name="bar")
        world.evaluate(minutes=1)
        world.deploy()
        world.tell(
            "verification.finished",
            **lane("dev", "3.0") | {"service": "bar"},
            promotion="smoke",
            outcome="failed",
        )
        world.publish("1.1")
        world.evaluate(minutes=1)
        for command in world.commands():
            world.tell("deployment.finished", command=command.id, outcome="succeeded")
        world.tell("hold.placed", kind="veto", service="foo", version="1.2", by="alice", reason="leaks")
        world.publish("1.2")
        world.evaluate(minutes=1)
        with served(world) as url:
            yield url


@pytest.fixture
def beside(shell: Shell, walking: str) -> Shell:
    """The shell beside that service."""
    shell.environment["DEPLOYDB_URL"] = walking
    return shell


def test_what_is_verified_there_ends_the_wait_at_once(beside: Shell) -> None:
    assert "1.0" in beside.ok("wait", "foo", "dev", "1.0", "--timeout", "5m").stderr


def test_what_runs_there_is_enough_where_that_is_asked_for(beside: Shell) -> None:
    assert beside.ok("wait", "foo", "dev", "1.1", "--for", "running").stdout == ""
    answer = beside.fails("wait", "foo", "dev", "1.1", "--timeout", "1s", code=3)
    assert answer.startswith("not within 1s: 1.1 ")
    assert "smoke" in answer


def test_at_the_timeout_it_says_what_is_waited_for(beside: Shell) -> None:
    assert "smoke" in beside.fails("wait", "foo", "prod", "1.1", "--timeout", "1s", code=3)
    assert "9.9" in beside.fails("wait", "foo", "dev", "9.9", "--timeout", "1s", code=3)


def test_what_cannot_come_any_more_ends_it_with_the_reason(beside: Shell) -> None:
    assert "leaks" in beside.fails("wait", "foo", "prod", "1.2", "--timeout", "5m")
    assert "failed" in beside.fails("wait", "bar", "dev", "2.0", "--timeout", "5m")
    assert "failed" in beside.fails("wait", "bar", "prod", "2.0", "--timeout", "5m")
    assert "smoke" in beside.fails("wait", "bar", "prod", "3.0", "--timeout", "5m")
    assert "nothing releases it" in beside.fails("wait", "bar", "prod", "1.0", "--timeout", "5m")


@pytest.mark.parametrize("goal", ["running", "verified"])
def test_a_report_that_is_not_evaluated_yet_is_waited_for(shell: Shell, sqlite_url: str, goal: str) -> None:
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
    with Scenario(sqlite_url, catalog(foo)) as world:
        world.publish("1.0")
        world.evaluate()
        [command] = world.commands()
        world.tell("deployment.finished", command=command.id, outcome="succeeded")
        with served(world) as url:
            shell.environment["DEPLOYDB_URL"] = url
            shell.fails("wait", "foo", "dev", "1.0", "--timeout", "1s", "--for", goal, code=3)
            world.evaluate(minutes=1)
            shell.ok("wait", "foo", "dev", "1.0", "--timeout", "1s", "--for", goal)


def test_a_name_that_is_wrong_is_reported_at_once(beside: Shell) -> None:
    assert "mars" in beside.fails("wait", "foo", "mars", "1.0")
    assert "baz" in beside.fails("wait", "baz", "dev", "1.0")


def test_a_promotion_names_the_stages_that_it_passes_by(beside: Shell, queue: Queue) -> None:
    ended = beside.ok("promote", "foo", "prod", "1.1", "--reason", "prod is down", "--by", "alice", "--yes")
    assert ended.stderr.startswith("foo 1.1 goes to prod ahead of others, past dev\n")
    (body,) = queue.bodies()
    assert (body["type"], body["skip"], body["reason"]) == ("promotion.requested", ["dev"], "prod is down")
    assert (body["service"], body["environment"], body["version"], body["by"]) == ("foo", "prod", "1.1", "alice")


def test_a_promotion_of_what_is_on_its_way_there_does_not_count(beside: Shell, queue: Queue) -> None:
    assert "it would not count: 1.0 is CREATED in prod" in beside.fails(
        "promote", "foo", "prod", "1.0", "--reason", "now"
    )
    assert queue.bodies() == []


def test_a_promotion_past_stages_needs_a_confirmation(beside: Shell, queue: Queue) -> None:
    assert "pass --yes" in beside.fails("promote", "foo", "prod", "1.1", "--reason", "now", code=2)
    assert "9.9" in beside.fails("promote", "foo", "prod", "9.9", "--reason", "now")
    assert answered(beside, "n\n") == 130
    assert queue.bodies() == []
    assert answered(beside, "y\n") == 0
    assert [body["skip"] for body in queue.bodies()] == [["dev"]]


def answered(shell: Shell, answer: str) -> int:
    """How a promotion ends on a terminal where that is typed."""
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    command = [*DEPLOYDB, "promote", "foo", "prod", "1.1", "--reason", "now"]
    ended = subprocess.run(
        command, cwd=shell.folder, env=shell.environment, stdin=theirs, capture_output=True, timeout=60, check=False
    )
    os.close(theirs)
    os.close(ours)
    return ended.returncode
