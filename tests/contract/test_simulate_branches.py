"""A history with backports, replayed; and what a change of branches does to it, before it is in force."""

import json
from pathlib import Path

import pytest

from deploydb.configuration import load
from tests.cli.shell import Shell
from tests.cluster import write_config
from tests.contract.test_branches import promote, release
from tests.contract.test_simulate import BEGIN
from tests.scenario import Scenario


def config(folder: Path, main: str) -> Path:
    """Foo on `main`, with its branches, and on `maintenance`, for 1.9.*."""
    environments = {f"environments/{name}.yml": "" for name in ("dev", "prod", "dev-19", "prod-19")}
    return write_config(
        folder,
        environments
        | {
            "services/foo.yml": "artifacts: ['com.example:foo']\npipelines: [main, maintenance]\n",
            "pipelines/main.yml": f"environments:\n  dev:\n  prod:\n{main}\n",
            "pipelines/maintenance.yml": "environments:\n  dev-19:\n  prod-19:\nbranches: ['1.9.*']\n",
        },
    )


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    """A shell beside a history: 1.8.3 was promoted to dev alone, 1.10.0 and 1.9.9 went their ways, 1.8.4 waits."""
    known = load(config(tmp_path / "config", "branches: ['1.10.*']")).catalog
    config(tmp_path / "widened", "branches: ['1.10.*', '1.8.*']")
    config(tmp_path / "narrowed", "branches: ['1.11.*']")
    assert known is not None
    with Scenario(database_url, known) as world:
        world.now = BEGIN
        release(world, "1.8.3")
        promote(world, "dev", "1.8.3")
        world.evaluate(minutes=1)
        world.deploy()
        release(world, "1.10.0", "1.9.9")
        world.deploy()
        world.deploy()
        release(world, "1.8.4")
    return Shell(tmp_path, DEPLOYDB_DATABASE_URL=database_url)


def test_the_same_branches_make_no_difference(shell: Shell) -> None:
    ended = shell.run("simulate", "--config", "config", "--against", "config", "--clock", "recorded")
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert ended.stderr.endswith("\nbaseline: 5 of 5 real commands reproduced\n")


def test_what_other_branches_take_no_more_is_blocked_by_that_reason(shell: Shell) -> None:
    ended = shell.run("simulate", "--config", "narrowed", "--against", "config", "--clock", "recorded", "-o", "json")
    differences = json.loads(ended.stdout)["differences"]
    found = {(one["environment"], one["version"]): (one["decision"], one["reason"]) for one in differences}
    blocked = ("blocked", "main takes 1.11.*, not 1.10.0")
    assert found == {("dev", "1.10.0"): blocked, ("prod", "1.10.0"): blocked}


def test_a_change_of_branches_says_what_it_does_to_releases_in_flight(shell: Shell) -> None:
    ended = shell.run("check-config", "widened", "--against-live")
    rows = [line.split(maxsplit=3) for line in ended.stdout.splitlines() if line.startswith("foo")]
    assert [(row[1], row[2]) for row in rows] == [("dev", "1.8.4"), ("prod", "1.8.4")], ended.stderr
    assert "is skipped: dev runs 1.10.0, a higher version" in rows[0][3]
    assert "in flight: 1 release affected" in ended.stderr
    ended = shell.run("check-config", "narrowed", "--against-live")
    assert "in flight: 0 releases affected" in ended.stderr
