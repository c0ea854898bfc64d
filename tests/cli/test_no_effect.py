"""Words and orders that would change nothing are refused, with who or what would count."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.catalog import After, Catalog, Service, Stage
from tests.cli.conftest import served
from tests.cli.shell import NOWHERE, Queue, Shell
from tests.scenario import Scenario, catalog

FIRE = ("--reason", "fire", "--by", "carol")


def guarded() -> Catalog:
    """dev → staging → prod; sre approves in staging, and overrides freezes."""
    stages = (
        Stage(environment="dev"),
        Stage(environment="staging", after=After(environments=("dev",)), promotions=("go",)),
        Stage(environment="prod", after=After(environments=("staging",))),
    )
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
    return catalog(
        foo,
        stages=stages,
        promotions=(ManualPromotion(ident="go", groups=("sre",), allow_author=False),),
        groups={"sre": frozenset({"carol", "ci"})},
        freeze_overriders=("sre",),
    )


@pytest.fixture(scope="module")
def address(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service's address: foo 1.0 failed in dev, 1.1 waits for sre in staging, and prod is frozen."""
    folder = tmp_path_factory.mktemp("guarded")
    with Scenario(f"sqlite:///{shutil.copy(sqlite_template, folder / 'deploydb.db')}", guarded()) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy(outcome="failed")
        world.publish("1.1", source="ci")
        world.evaluate(minutes=1)
        world.deploy()
        world.deploy()
        world.tell("hold.placed", kind="freeze", environment="prod", by="ann", reason="fair")
        world.evaluate(minutes=1)
        with served(world) as url:
            yield url


@pytest.fixture
def here(shell: Shell, queue: Queue, address: str) -> Shell:
    """The shell beside that service."""
    shell.environment["DEPLOYDB_URL"] = address
    return shell


GO = ("approve", "foo", "staging", "1.1", "--promotion", "go")
FREEZE = ("approve", "foo", "prod", "1.1", "--promotion", "freeze", "--comment", "fire")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ((*GO, "--by", "dave"), "it would not count: dave is not in sre and does not count; carol would count"),
        ((*GO, "--by", "ci"), "it would not count: ci published it and does not count; carol would count"),
        ((*FREEZE, "--by", "dave"), "dave is not in sre and does not count; carol or ci would count"),
        (("approve", "foo", "dev", "1.1", "--promotion", "freeze", "--comment", "x", "--by", "carol"), "dev already"),
        (("approve", "foo", "staging", "1.1", "--promotion", "goo", "--by", "carol"), "there is go"),
        (("approve", "foo", "staging", "9.9", "--promotion", "go", "--by", "carol"), "--early keeps it"),
        (("promote", "foo", "dev", "1.0", "--yes", *FIRE), "FAILED"),
        (("promote", "foo", "dev", "1.1", "--yes", *FIRE), "has had its turn in dev"),
        (("hotfix", "foo", "1.0", *FIRE), "it would not count: 1.0 is FAILED in dev"),
        (("veto", "foo", "9.9", *FIRE), "--early is for a version that is still to come"),
        (("publish", "artifact", "com.example:fooo", "1", "--strict"), "did you mean com.example:foo?"),
        (
            (
                "publish",
                "verification",
                "foo",
                "staging",
                "1.1",
                "--promotion",
                "goo",
                "--outcome",
                "passed",
                "--strict",
            ),
            "not published: no promotion goo of foo in staging; did you mean go?",
        ),
        (
            ("publish", "verification", "foo", "dev", "1.1", "--promotion", "go", "--outcome", "passed", "--strict"),
            "not published: no promotion go of foo in dev",
        ),
        (("publish", "deployment.started", "--deployment", "4711", "--strict"), "not published: no deployment 4711"),
        (("publish", "deployment.started", "--command", "x", "--strict"), "not published: no command x"),
        (("publish", "deployment", "started", "fo", "dev", "1.1", "--strict"), "there is no service fo"),
    ],
    ids=lambda given: " ".join(given[:4]) if isinstance(given, tuple) else "",
)
def test_what_would_change_nothing_is_refused(here: Shell, queue: Queue, command: tuple[str, ...], answer: str) -> None:
    assert answer in here.fails(*command)
    assert queue.arrived() == []


@pytest.mark.parametrize(
    "command",
    [
        (*GO, "--by", "carol"),
        (*FREEZE, "--by", "carol"),
        ("approve", "foo", "staging", "9.9", "--promotion", "go", "--by", "carol", "--early"),
        ("hotfix", "foo", "1.1", "--skip", "staging", *FIRE),
        ("promote", "foo", "prod", "1.1", "--yes", *FIRE),
        ("veto", "foo", "9.9", "--early", *FIRE),
    ],
    ids=lambda given: " ".join(given[:4]),
)
def test_what_counts_is_published(here: Shell, queue: Queue, command: tuple[str, ...]) -> None:
    here.ok(*command)
    assert len(queue.arrived()) == 1


def test_an_order_that_waits_says_for_what(here: Shell, queue: Queue) -> None:
    output = here.ok("promote", "foo", "prod", "1.1", "--yes", *FIRE).stderr
    assert output.endswith("prod is frozen by ann: fair\n")
    queue.arrived()


def test_a_superseded_version_is_promoted(shell: Shell, queue: Queue, sqlite_template: Path, tmp_path: Path) -> None:
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
    file = shutil.copy(sqlite_template, tmp_path / "deploydb.db")
    with Scenario(f"sqlite:///{file}", catalog(foo, entry={"prod": ("manual",)})) as world:
        for version in ("1.0", "1.1", "1.2"):
            world.publish(version)
            world.evaluate(minutes=1)
            world.deploy()
        assert world.statuses("1.1") == {"dev": "SUCCESS", "prod": "SKIPPED"}
        world.now += timedelta(minutes=1)
        with served(world) as url:
            output = shell.ok("promote", "foo", "prod", "1.1", *FIRE, DEPLOYDB_URL=url).stderr
    assert output.endswith("waits for 1 approval\n")
    assert len(queue.arrived()) == 1


def test_a_fact_that_matches_nothing_is_published_and_says_so(here: Shell, queue: Queue) -> None:
    report = ("publish", "verification", "foo", "dvv", "1.1", "--promotion", "smoke", "--outcome", "passed")
    assert "it matches nothing: there is no environment dvv; did you mean dev?" in here.ok(*report).stderr
    line = (
        b'{"type": "deployment.started", "id": "1", "source": "cd", "service": "f", "environment": "e", "version": "1"}'
    )
    output = here.ok("publish", "--file", "-", stdin=line).stderr
    assert ":1: it matches nothing: there is no service f" in output
    assert len(queue.arrived()) == 2
    assert "0 published, 1 not" in here.fails("publish", "--file", "-", "--strict", stdin=line)


PUBLISHED = b'{"type": "artifact.published", "id": "a", "source": "ci", "artifact": ARTIFACT}\n'.replace(
    b"ARTIFACT", b'{"group": "com.example", "name": "foo", "version": "9"}'
)
FINISHED = (
    b'{"type": "deployment.finished", "id": "f", "source": "cd", "outcome": "succeeded", "service": "foo", '
    b'"environment": "dev", "version": "9"}\n'
)


def test_a_version_that_an_earlier_line_publishes_is_known_to_the_later_ones(here: Shell, queue: Queue) -> None:
    output = here.ok("publish", "--file", "-", "--strict", stdin=PUBLISHED + FINISHED).stderr
    assert output == "2 published, 0 not\n"
    output = here.ok("publish", "--file", "-", stdin=FINISHED + PUBLISHED).stderr
    assert "<stdin>:1: it matches nothing: there is no version 9 of foo" in output
    assert len(queue.arrived()) == 4


def test_with_strict_all_lines_are_checked_before_the_first_is_sent(here: Shell, queue: Queue) -> None:
    output = here.fails("publish", "--file", "-", "--strict", stdin=PUBLISHED + FINISHED.replace(b'"9"', b'"8"'))
    assert "<stdin>:2: it matches nothing: there is no version 8 of foo" in output
    assert output.endswith("0 published, 2 not\n")
    assert queue.arrived() == []


def test_facts_that_are_not_checked_are_counted_with_the_reason(here: Shell, queue: Queue) -> None:
    many = b"".join(FINISHED.replace(b'"9"', b'"1.%d"' % number) for number in range(202))
    output = here.ok("publish", "--file", "-", stdin=many).stderr
    assert "names of 2 facts were not checked: more than 200 are not looked up; --strict does" in output
    queue.arrived()
    here.environment["DEPLOYDB_URL"] = NOWHERE
    output = here.ok("publish", "--file", "-", stdin=FINISHED).stderr
    assert output.startswith("names of 1 fact were not checked: no answer from")
    assert output.endswith("1 published, 0 not\n")
    assert "no answer from" in here.fails("publish", "--file", "-", "--strict", stdin=FINISHED)
    assert len(queue.arrived()) == 1
