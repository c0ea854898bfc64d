"""`access explain`: what a publisher may say."""

import pytest

from deploydb.broker.open import user_of
from tests.cli.shell import Shell
from tests.cluster import write_config
from tests.workers.in_process import CONFIG

ACCESS = """
groups: {sre: [sue]}
publishers:
  ci-*:
    facts: [artifact.published]
    services: [foo]
  ci-foo:
    - {facts: ["hold.*"], environments: [dev], vouches: true}
    - {facts: ["deployment.*"], sources: [deployer/*]}
  v1@10.0.0.0/8: {}
"""


@pytest.fixture
def limited(shell: Shell) -> Shell:
    write_config(shell.folder / "config", {**CONFIG, "access.yml": ACCESS})
    return shell


def test_a_publisher_has_the_grants_of_each_entry_that_it_matches(limited: Shell) -> None:
    shown = [line.split("  ") for line in limited.ok("access", "explain", "ci-foo").stdout.splitlines()]
    rows = [[cell.strip() for cell in row if cell.strip()] for row in shown]
    assert rows == [
        ["ci-foo: by the entries ci-* and ci-foo of access.yml"],
        ["FACTS", "SERVICES", "ENVIRONMENTS", "PROMOTIONS", "SOURCES", "FOR PEOPLE"],
        ["artifact.published", "foo", "*", "*", "all but reserved", "no"],
        ["hold.*", "*", "dev", "*", "all but reserved", "yes"],
        ["deployment.*", "*", "*", "*", "deployer/*", "no"],
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("ci-bar",), "by the entry ci-* of access.yml"),
        (("v1@10.1.2.3",), "by the entry v1@10.0.0.0/8 of access.yml"),
        (("gateway",), "as DeployDB's own gateway; an entry gateway in access.yml would replace it"),
        ((user_of("embedded:x"),), "as the user of ingest itself"),
        (
            ("hooks/github",),
            "as a webhook, what hooks/github.yml makes of it; an entry hooks/github in access.yml would limit it",
        ),
    ],
)
def test_it_tells_where_the_grants_come_from(limited: Shell, arguments: tuple[str, ...], why: str) -> None:
    body = limited.json("access", "explain", *arguments)
    assert (body["why"], body["limited"], bool(body["grants"])) == (why, True, True)


@pytest.mark.parametrize("arguments", [("c1-foo",), ("gateway", "--token"), ("v1@192.168.0.1",)])
def test_a_publisher_that_may_say_nothing_ends_it_with_1(limited: Shell, arguments: tuple[str, ...]) -> None:
    ended = limited.run("access", "explain", *arguments)
    assert ended.returncode == 1
    assert "may say nothing: no entry of `publishers` in access.yml names it" in ended.stdout


def test_without_publishers_any_may_say_everything(shell: Shell) -> None:
    write_config(shell.folder / "config", CONFIG)
    assert "any publisher may say everything" in shell.ok("access", "explain", "anyone").stdout


def test_a_broken_file_is_named(limited: Shell) -> None:
    write_config(limited.folder / "config", {"access.yml": "publishers: {ci: {services: [fo]}}\n"})
    assert "access.yml:1:30: there is no service fo; did you mean foo?" in limited.fails("access", "explain", "ci")
