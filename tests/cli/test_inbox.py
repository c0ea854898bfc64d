"""`deploydb inbox`, and `deploydb` alone."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.cli.conftest import served
from tests.cli.shell import Shell
from tests.scenario import Scenario


def test_alone_it_prints_what_needs_somebody_and_what_runs(seeded: Shell) -> None:
    ended = seeded.ok()
    inbox, _, matrix = ended.stdout.partition("\n\n")
    counts, heading, first, *_ = inbox.splitlines()
    assert counts == "failure: 1"
    assert heading.split() == ["NEEDS", "SERVICE", "ENVIRONMENT", "VERSION", "WHAT", "SINCE", "ACT"]
    assert first.startswith("failure  foo")
    assert "deploydb retry foo prod 1.0 --artifact com.example:foo --reason WHY" in first
    assert [line.split() for line in matrix.splitlines()] == [["SERVICE", "DEV", "PROD"], ["foo", "1.1", "1.0", "✗"]]
    assert ended.stderr == ""


def test_without_a_service_it_prints_the_help_and_why_there_is_no_answer(shell: Shell) -> None:
    ended = shell.run()
    assert ended.returncode == 1
    assert "Usage: deploydb" in ended.stdout
    assert ended.stderr.startswith("deploydb: ")


def test_an_inbox_without_entries_says_so(seeded: Shell) -> None:
    ended = seeded.ok("inbox", "--kind", "approval")
    assert ended.stdout.startswith("Last release: foo ")
    assert ended.stderr == "Nothing needs attention.\n"


def test_a_hold_ends_in_some_time(sqlite_template: Path, tmp_path: Path) -> None:
    with Scenario(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'deploydb.db')}") as world:
        world.now = datetime.now(UTC)
        until = (world.now + timedelta(hours=2, minutes=30)).isoformat()
        world.tell("hold.placed", kind="freeze", hold="h1", by="ann", reason="audit", environment="prod", until=until)
        with served(world) as url:
            _, row = Shell(tmp_path, DEPLOYDB_URL=url).ok("inbox").stdout.splitlines()
    assert re.split(" {2,}", row)[2:4] == ["prod is frozen by ann: audit", "ends in 2h"]


def test_each_entry_has_a_name_and_its_acts(seeded: Shell) -> None:
    assert seeded.ok("inbox", "-o", "name").stdout.splitlines()[0] == "failure/foo/prod/1.0"
    (entry,) = seeded.json("inbox", "--kind", "failure")["entries"]
    assert [one["verb"] for one in entry["acts"]] == ["retry", "look"]
