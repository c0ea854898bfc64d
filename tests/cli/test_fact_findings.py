"""`unmatched`, and what `doctor` finds of facts: those that match nothing, and clocks ahead."""

import json
from datetime import timedelta
from pathlib import Path

from tests.cli.conftest import lane, served
from tests.cli.shell import Shell
from tests.scenario import Scenario


def test_unmatched_facts_are_listed_and_found_by_doctor(sqlite_url: str, tmp_path: Path) -> None:
    with Scenario(sqlite_url) as world, served(world) as url:
        (tmp_path / "here").mkdir()
        shell = Shell(tmp_path / "here", DEPLOYDB_URL=url)
        assert "Every fact has found its deployment" in shell.ok("unmatched").stderr
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        world.tell("verification.finished", **lane("Dev", "1.0"), promotion="smoke", outcome="passed")
        world.tell("verification.finished", **lane("dev", "1.0"), promotion="smok", outcome="passed")
        world.evaluate()
        output = shell.ok("unmatched").stdout
        assert "no deployment of foo 1.0 to Dev; did you mean dev?" in output
        assert "no promotion smok of foo in dev; did you mean smoke?" in output
        assert "smoke reported for Dev; this environment is dev" in shell.ok("why", "foo", "dev").stdout
        found = json.loads(shell.run("doctor", "-o", "json").stdout)
        (finding,) = [one for one in found if one["check"] == "unmatched facts"]
        assert finding["state"] == "warn"
        assert finding["seen"].startswith("2 facts match nothing, the last: no promotion")


def test_a_source_whose_clock_is_ahead_is_found_by_doctor(sqlite_url: str, tmp_path: Path) -> None:
    with Scenario(sqlite_url) as world, served(world) as url:
        (tmp_path / "here").mkdir()
        shell = Shell(tmp_path / "here", DEPLOYDB_URL=url)
        world.publish("1.0", time=(world.now + timedelta(minutes=10)).isoformat())
        found = json.loads(shell.run("doctor", "-o", "json").stdout)
        (finding,) = [one for one in found if one["check"] == "clocks of sources"]
        seen = "the clock of tests is 10m ahead of ours: its facts count from their arrival"
        assert (finding["state"], finding["seen"]) == ("warn", seen)


def test_an_old_unmatched_fact_is_no_finding(sqlite_url: str, tmp_path: Path) -> None:
    with Scenario(sqlite_url) as world, served(world) as url:
        (tmp_path / "here").mkdir()
        shell = Shell(tmp_path / "here", DEPLOYDB_URL=url)
        world.tell("verification.finished", **lane("Dev", "1.0"), promotion="smoke", outcome="passed")
        world.now += timedelta(days=8)
        world.publish("1.0")
        found = json.loads(shell.run("doctor", "-o", "json").stdout)
        (finding,) = [one for one in found if one["check"] == "unmatched facts"]
        assert finding["state"] == "ok"
