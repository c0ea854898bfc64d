"""`deploydb completion`: commands and names, as a shell asks for them."""

import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploydb.cli.client import TIMEOUT_SECONDS
from deploydb.cli.completion_cache import names_of
from tests.cli.conftest import served
from tests.cli.shell import Shell
from tests.scenario import Scenario, catalog
from tests.servers import until


def completed(shell: Shell, words: str) -> list[str]:
    """What a shell is offered, with nothing on stderr."""
    given = {"COMP_WORDS": f"deploydb {words}", "COMP_CWORD": str(len(words.split(" ")))}
    ended = shell.ok(_DEPLOYDB_COMPLETE="bash_complete", **given)
    assert ended.stderr == ""
    return ended.stdout.split()


@pytest.fixture(scope="module")
def completing(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell beside a service with two people and two versions, of which the newer waits in dev."""
    folder = tmp_path_factory.mktemp("completing")
    known = catalog(groups={"sre": frozenset({"ann", "bob"})})
    with Scenario(f"sqlite:///{shutil.copy(sqlite_template, folder / 'deploydb.db')}", known) as world:
        for version in ("1.0", "1.1"):
            world.publish(version)
            world.evaluate(minutes=1)
            world.deploy()
        with served(world) as url:
            yield Shell(folder, DEPLOYDB_URL=url)


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_completion_is_for_each_shell(shell: Shell, kind: str) -> None:
    assert "_DEPLOYDB_COMPLETE" in shell.ok("completion", kind).stdout


def test_completion_knows_the_commands(shell: Shell) -> None:
    shell.environment |= {"_DEPLOYDB_COMPLETE": "bash_complete", "COMP_WORDS": "deploydb stat", "COMP_CWORD": "1"}
    assert shell.ok().stdout == "plain,status\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("why f", "foo"),
        ("why foo p", "prod"),
        ("why foo prod 1.", "1.1 1.0"),
        ("service describe ", "foo"),
        ("status --environment d", "dev"),
        ("approve foo dev --promotion s", "smoke soak"),
        ("events --type artifact.p", "artifact.published"),
        ("events --who ", "ann bob"),
        ("approve foo dev --by b", "bob"),
        ("diff dev p", "prod"),
        ("why bar prod 1", ""),
        ("nosuch x", ""),
    ],
)
def test_completion_offers_the_names_of_the_server(completing: Shell, words: str, offered: str) -> None:
    expected = [f"plain,{name}" for name in offered.split()]
    until(lambda: completed(completing, words) == expected, what=f"{words}: {offered}")


def test_names_are_kept_for_each_user_and_server_and_offered_while_there_is_none(sqlite_url: str, shell: Shell) -> None:
    with Scenario(sqlite_url, catalog(groups={"sre": frozenset({"ann", "bob"})})) as world, served(world) as url:
        shell.environment["DEPLOYDB_URL"] = url
        until(lambda: completed(shell, "approve foo dev --by a") == ["plain,ann"], what="ann")
    assert completed(shell, "approve foo dev --by a") == ["plain,ann"]
    (kept,) = (shell.folder / "cache").rglob("*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    os.utime(kept, (0, kept.stat().st_mtime - 3600))
    assert completed(shell, "approve foo dev --by a") == ["plain,ann"]
    shell.environment["DEPLOYDB_TOKEN"] = "another"
    assert completed(shell, "approve foo dev --by a") == []
    del shell.environment["DEPLOYDB_TOKEN"]
    os.utime(kept, (0, kept.stat().st_mtime - 2 * 86400))
    assert completed(shell, "approve foo dev --by a") == []


def test_a_list_from_the_future_is_asked_for_again(completing: Shell) -> None:
    until(lambda: completed(completing, "history f") == ["plain,foo"], what="foo")
    for kept in (completing.folder / "cache").rglob("*.json"):
        kept.write_bytes(b'["far"]')
        os.utime(kept, (0, time.time() + 3600))
    until(lambda: completed(completing, "history f") == ["plain,foo"], what="foo")


def test_a_user_without_a_home_is_offered_what_the_server_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(_uid: int) -> None:
        raise KeyError

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert names_of("services", lambda: ["foo"]) == ["foo"]


@pytest.mark.parametrize("broken", [b"", b"{", b"{}", b"[1, null]", b"\xff", rb'["f\u001b[2J", "f\u202e"]'])
def test_a_broken_file_of_names_offers_nothing(sqlite_url: str, shell: Shell, broken: bytes) -> None:
    with Scenario(sqlite_url) as world, served(world) as url:
        shell.environment["DEPLOYDB_URL"] = url
        until(lambda: completed(shell, "history f") == ["plain,foo"], what="foo")
    (kept,) = (shell.folder / "cache").rglob("*.json")
    kept.write_bytes(broken)
    assert completed(shell, "history f") == []


def test_a_server_that_hangs_is_not_waited_for(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shell.environment["DEPLOYDB_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        assert completed(shell, "history f") == []
        assert time.monotonic() - begun < TIMEOUT_SECONDS / 2


def test_completion_offers_a_version_that_waits_and_warns_of_no_person(sqlite_url: str, shell: Shell) -> None:
    with Scenario(sqlite_url) as world:
        world.publish("1.0")
        world.evaluate()
        world.tell("hold.placed", kind="freeze", hold="h1", environment="prod", by="alice", reason="audit")
        world.publish("1.1")
        world.evaluate(minutes=1)
        with served(world) as url:
            shell.environment["DEPLOYDB_URL"] = url
            assert "did you mean alice?" in shell.run("approve", "foo", "prod", "--by", "alcie").stderr
            given = {"COMP_WORDS": "deploydb approve --by alcie foo prod 1.1", "COMP_CWORD": "6"}
            ended = shell.ok(_DEPLOYDB_COMPLETE="bash_complete", **given)
    assert ended.stdout == "plain,1.1\n"
    assert ended.stderr == ""


def test_completion_without_a_server_offers_nothing(shell: Shell) -> None:
    given = {"COMP_WORDS": "deploydb why f", "COMP_CWORD": "2"}
    assert shell.ok(_DEPLOYDB_COMPLETE="bash_complete", **given).stdout.strip() == ""
