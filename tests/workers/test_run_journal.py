"""The deployer's state file: what was run, through crashes."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploydb.domain.model.errors import Misconfigured
from deploydb.private_files import narrow
from workers.run_journal import Runs

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "deployer.db"


@pytest.fixture
def runs(path: Path) -> Iterator[Runs]:
    with Runs(path) as opened:
        yield opened


def test_a_command_that_has_ended_keeps_the_fact_that_says_so(runs: Runs, path: Path) -> None:
    runs.begin("c-1", NOW)
    assert runs.ending("c-1") is None
    runs.end("c-1", b"fact", NOW)
    runs.close()
    with Runs(path) as again:
        assert again.ending("c-1") == b"fact"
        assert again.interrupted() == []


def test_what_is_not_confirmed_is_still_to_be_reported_after_a_restart(runs: Runs, path: Path) -> None:
    runs.begin("c-1", NOW)
    runs.end("c-1", b"one", NOW)
    runs.end("c-2", b"two", NOW + timedelta(seconds=1))
    runs.report("c-1")
    runs.close()
    with Runs(path) as again:
        assert again.unreported() == {"c-2": b"two"}


def test_a_run_without_an_end_was_interrupted(runs: Runs, path: Path) -> None:
    runs.begin("c-1", NOW)
    runs.begin("c-2", NOW)
    runs.end("c-2", b"fact", NOW)
    runs.close()
    with Runs(path) as again:
        assert again.interrupted() == ["c-1"]
        again.forget("c-1")
        assert again.interrupted() == []


def test_old_reported_runs_are_forgotten_and_no_others(runs: Runs) -> None:
    for command in ("old", "old-unreported", "new"):
        runs.begin(command, NOW)
    runs.end("old", b"fact", NOW - timedelta(days=31))
    runs.end("old-unreported", b"fact", NOW - timedelta(days=31))
    runs.end("new", b"fact", NOW)
    runs.report("old")
    runs.report("new")
    runs.forget_old(NOW)
    assert runs.ending("old") is None
    assert runs.ending("old-unreported") == b"fact"
    assert runs.ending("new") == b"fact"


def test_a_state_file_serves_one_deployer_at_a_time(runs: Runs, path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"another deployer uses .*deployer.db: .*--state \(process \d+\)"):
        Runs(path)
    runs.close()
    Runs(path).close()


def test_a_state_file_is_for_its_user_alone_whatever_the_umask(path: Path) -> None:
    umask = os.umask(0)
    try:
        with Runs(path) as opened:
            opened.begin("c-1", NOW)
            path.chmod(0o644)
        with Runs(path) as opened:
            opened.begin("c-2", NOW)
            assert {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {
                "deployer.db": 0o600,
                "deployer.db-wal": 0o600,
                "deployer.db-shm": 0o600,
                "deployer.db.lock": 0o600,
            }
            assert path.parent.stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(umask)


@pytest.mark.parametrize("mode", [0o1777, 0o755])
def test_a_folder_that_others_use_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    tmp_path.chmod(mode)
    if mode == 0o755:
        monkeypatch.chdir(tmp_path)
    assert not narrow(tmp_path)
    assert tmp_path.stat().st_mode & 0o7777 == mode


def test_a_folder_of_a_user_that_is_a_number_alone_is_narrowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_entry(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", no_entry)
    tmp_path.chmod(0o755)
    assert narrow(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_state_file_that_is_something_else_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(Misconfigured, match=r"cannot use the state file .*notes.txt"):
        Runs(path)
