"""`deploydb completion`: commands and names, as a shell asks for them."""

import pytest

from tests.cli.conftest import served
from tests.cli.shell import Shell
from tests.scenario import Scenario


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
        ("diff dev p", "prod"),
        ("why bar prod 1", ""),
        ("nosuch x", ""),
    ],
)
def test_completion_offers_the_names_of_the_server(seeded: Shell, words: str, offered: str) -> None:
    given = {"COMP_WORDS": f"deploydb {words}", "COMP_CWORD": str(len(words.split(" ")))}
    ended = seeded.ok(_DEPLOYDB_COMPLETE="bash_complete", **given)
    assert ended.stdout.split() == [f"plain,{name}" for name in offered.split()]
    assert ended.stderr == ""


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
