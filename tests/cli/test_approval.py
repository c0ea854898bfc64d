"""`approve` and `refuse`: whose word it is, and for what where that is left out."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.catalog import After, Catalog, Service, Stage
from tests.cli.conftest import lane, served
from tests.cli.shell import Queue, Shell
from tests.scenario import Scenario, catalog


class BoardPromotion(ManualPromotion, frozen=True, kw_only=True):
    """A type of a package that asks people."""

    types = ("BoardPromotion",)


def manual_catalog() -> Catalog:
    """dev → staging → prod; people are asked in staging, twice over for bar."""
    stages = (
        Stage(environment="dev"),
        Stage(environment="staging", after=After(environments=("dev",)), promotions=("go",)),
        Stage(environment="prod", after=After(environments=("staging",))),
    )
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("smoke",))
    bar = Service(ident="bar", artifacts=("com.example:bar",), pipelines=("main",), promotions=("legal",))
    manual = (ManualPromotion(ident="go"), BoardPromotion(ident="legal"))
    may = {"groups": {"sre": frozenset({"sue"})}, "freeze_overriders": ("sre",)}
    return catalog(foo, bar, stages=stages, promotions=manual, **may)


@pytest.fixture(scope="module")
def waiting(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service's address: foo 1.0 waits for people in staging, 1.1 has not come out of dev; bar 2.0 waits in dev."""
    folder = tmp_path_factory.mktemp("waiting")
    with Scenario(f"sqlite:///{shutil.copy(sqlite_template, folder / 'deploydb.db')}", manual_catalog()) as world:
        world.publish("1.0")
        world.publish("2.0", name="bar")
        world.evaluate()
        world.deploy()
        world.tell("verification.finished", **lane("dev", "1.0"), promotion="smoke", outcome="passed")
        world.evaluate(minutes=1)
        world.deploy()
        world.tell("verification.finished", **lane("staging", "1.0"), promotion="smoke", outcome="passed")
        world.publish("1.1")
        world.evaluate(minutes=1)
        world.deploy()
        world.tell(
            "verification.finished", **lane("dev", "1.1"), promotion="smoke", outcome="errored", reason="no agent"
        )
        world.evaluate(minutes=1)
        with served(world) as url:
            yield url


@pytest.fixture
def asked(shell: Shell, waiting: str) -> Shell:
    """The shell beside that service."""
    shell.environment["DEPLOYDB_URL"] = waiting
    return shell


def test_a_complete_approval_needs_no_query_service(shell: Shell, queue: Queue) -> None:
    ended = shell.ok(
        "approve", "foo", "staging", "1.0", "--promotion", "go", "--by", "alice", "--comment", "looks good"
    )
    assert (ended.stdout, ended.stderr) == ("", "go approved for foo 1.0 in staging by alice\n")
    (body,) = queue.bodies()
    assert body.pop("source").startswith("cli/")
    assert body.pop("id")
    assert body.pop("time")
    assert body == {"type": "approval.given", "promotion": "go", "by": "alice", "comment": "looks good"} | lane(
        "staging", "1.0"
    )


def test_what_people_are_not_asked_about_is_not_approved(asked: Shell, queue: Queue) -> None:
    answer = asked.fails("approve", "foo", "staging", "1.0", "--promotion", "smoke")
    assert "smoke is no manual promotion of foo in staging: there is go" in answer
    assert "no approval is required there" in asked.fails("approve", "foo", "dev", "1.0", "--promotion", "nope")
    assert queue.arrived() == []


def test_a_gate_that_has_no_answer_is_answered_by_people(asked: Shell, queue: Queue) -> None:
    assert "smoke is no manual promotion" in asked.fails("approve", "foo", "staging", "1.0", "--promotion", "smoke")
    assert "sue would count" in asked.fails("approve", "foo", "dev", "--promotion", "smoke", "--by", "bob")
    asked.ok("approve", "foo", "dev", "--promotion", "smoke", "--by", "sue", "--comment", "checked by hand")
    (body,) = queue.bodies()
    assert (body["version"], body["promotion"]) == ("1.1", "smoke")


def test_a_no_that_comes_too_late_says_what_to_do(seeded: Shell, queue: Queue) -> None:
    refused = seeded.fails("refuse", "foo", "dev", "1.0", "--promotion", "freeze", "--comment", "no")
    assert "1.0 is through dev already: `deploydb rollback foo dev`" in refused
    assert queue.arrived() == []


def test_a_no_is_a_refusal(shell: Shell, queue: Queue) -> None:
    shell.ok("refuse", "foo", "staging", "1.0", "--promotion", "go", "--by", "bob", "--reason", "it is slow")
    (body,) = queue.bodies()
    assert (body["type"], body["by"], body["comment"]) == ("approval.refused", "bob", "it is slow")


def test_a_word_without_a_version_is_for_the_one_that_waits_and_not_for_a_newer_one_behind_it(
    asked: Shell, queue: Queue
) -> None:
    assert asked.json("why", "foo", "staging")["version"] == "1.1"
    ended = asked.ok("approve", "foo", "staging", "--by", "alice")
    assert ended.stderr == "go approved for foo 1.0 in staging by alice\n"
    asked.ok("refuse", "foo", "staging", "--by", "bob", "--promotion", "go", "--comment", "it is slow")
    assert [(body["version"], body["promotion"]) for body in queue.bodies()] == [("1.0", "go"), ("1.0", "go")]


def test_a_word_may_come_before_it_is_asked_for(asked: Shell, queue: Queue) -> None:
    asked.ok("approve", "foo", "staging", "1.1", "--by", "alice")
    (body,) = queue.bodies()
    assert (body["version"], body["promotion"]) == ("1.1", "go")


def test_where_two_are_asked_for_the_word_says_which(asked: Shell, queue: Queue) -> None:
    answer = asked.fails("approve", "bar", "staging", "2.0")
    assert answer == "deploydb: bar has legal, go in staging: say which with --promotion\n"
    assert queue.arrived() == []


def test_without_a_manual_promotion_there_the_others_are_named(asked: Shell, queue: Queue) -> None:
    answer = asked.fails("approve", "foo", "prod", "1.0")
    assert answer == "deploydb: no approval is required for foo 1.0 in prod; approvals are required in staging (go)\n"
    assert queue.arrived() == []


def test_what_does_not_exist_is_named(asked: Shell, queue: Queue) -> None:
    assert "9.9" in asked.fails("approve", "foo", "staging", "9.9")
    assert "mars" in asked.fails("refuse", "foo", "mars", "--comment", "no")
    assert queue.arrived() == []


def test_a_word_that_ingest_would_refuse_is_refused_here(shell: Shell, queue: Queue) -> None:
    answer = shell.fails("approve", "foo", "staging", "1.0", "--promotion", "go", "--comment", "x" * 100_000)
    assert answer.startswith("deploydb: $.comment: ")
    assert queue.arrived() == []


def test_a_name_is_published_in_its_one_spelling(shell: Shell, queue: Queue) -> None:
    shell.ok("approve", "foo", "staging", "1.0", "--promotion", "go", "--by", " ａｌｉｃｅ", "--comment", "good")
    (body,) = queue.bodies()
    assert body["by"] == "alice"


def test_an_approval_names_the_module_where_several_have_the_version(
    sqlite_url: str, shell: Shell, queue: Queue
) -> None:
    shop = Service(ident="foo", artifacts=("com.example:foo", "com.example:web"), pipelines=("main",))
    known = catalog(
        shop, stages=(Stage(environment="dev", promotions=("go",)),), promotions=(ManualPromotion(ident="go"),)
    )
    with Scenario(sqlite_url, known) as world:
        for name in ("foo", "web"):
            world.publish("1.0", name=name, artifact={"digest": f"sha256:{name}"})
        world.evaluate()
        world.deploy()
        world.evaluate(minutes=1)
        with served(world) as url:
            shell.environment["DEPLOYDB_URL"] = url
            for words in (("foo", "dev"), ("foo", "dev", "1.0"), ("foo", "dev", "1.0", "--promotion", "go")):
                answer = shell.fails("approve", *words)
                assert "com.example:foo and com.example:web have 1.0 in dev: name one of them as `artifact`" in answer
            assert queue.arrived() == []
            shell.ok("approve", "foo", "dev", "--artifact", "com.example:foo", "--by", "sue")
            shell.ok("refuse", "foo", "dev", "1.0", "--artifact", "com.example:web", "--by", "sue", "--comment", "no")
            assert "1.0 is in dev" in shell.ok("why", "foo", "dev", "1.0", "--artifact", "com.example:foo").stdout
    bodies = queue.bodies()
    assert [(one["type"], one["artifact"], one["digest"]) for one in bodies] == [
        ("approval.given", "com.example:foo", "sha256:foo"),
        ("approval.refused", "com.example:web", "sha256:web"),
    ]
