"""`service`, `environment`, `artifact` and `flow`; and every way to have an answer."""

import re

import pytest
import yaml
from msgspec.structs import replace

from deploydb.domain.model.service_metadata import ServiceMetadata
from tests.cli.conftest import served
from tests.cli.shell import Shell
from tests.cli.test_reads import columns
from tests.scenario import Scenario, catalog


def test_services_are_listed_with_what_they_are_made_of(seeded: Shell) -> None:
    heading, row = seeded.ok("service", "list").stdout.splitlines()
    assert columns(heading) == ["SERVICE", "ARTIFACTS", "PIPELINES", "DESCRIPTION"]
    assert columns(row)[:3] == ["foo", "com.example:foo", "main"]


def test_environments_are_listed(seeded: Shell) -> None:
    assert seeded.ok("environment", "list", "-o", "name").stdout == "environment/dev\nenvironment/prod\n"
    assert [one["ident"] for one in seeded.json("environment", "list")] == ["dev", "prod"]


def test_a_service_is_described_with_its_lanes(seeded: Shell) -> None:
    shown = seeded.ok("service", "describe", "foo").stdout
    assert re.search(r"^promotions +smoke$", shown, re.MULTILINE)
    assert re.search(r"^dev +1\.1 +COMPLETED +\S.* 1\.0", shown, re.MULTILINE)
    assert re.search(r"^prod +1\.0 +FAILED", shown, re.MULTILINE)
    assert [lane["environment"] for lane in seeded.json("service", "describe", "foo")["lanes"]] == ["dev", "prod"]


def test_an_environment_is_described_with_its_lanes(seeded: Shell) -> None:
    shown = seeded.ok("environment", "describe", "dev").stdout
    assert re.search(r"^ident +dev$", shown, re.MULTILINE)
    assert re.search(r"^foo +1\.1 +COMPLETED", shown, re.MULTILINE)


def test_an_artifact_is_shown_by_its_name_or_id_with_its_deployments(seeded: Shell) -> None:
    shown = seeded.ok("artifact", "show", "com.example:foo:1.0").stdout
    assert re.search(r"^module +com\.example:foo$", shown, re.MULTILINE)
    assert re.search(r"^foo +dev +\S+ +\d+ +SUCCESS", shown, re.MULTILINE)
    assert re.search(r"^foo +prod +\S+ +\d+ +FAILED", shown, re.MULTILINE)
    (name,) = seeded.ok("artifact", "show", "com.example:foo:1.0", "-o", "name").stdout.splitlines()
    assert (
        seeded.ok("artifact", "show", name.removeprefix("artifact/")).stdout.splitlines()[:3] == shown.splitlines()[:3]
    )


def test_a_flow_has_a_row_for_each_stage_and_each_gate(seeded: Shell) -> None:
    title, empty, heading, *rows = seeded.ok("flow", "show", "foo", "1.1").stdout.splitlines()
    assert (title, empty) == ("foo 1.1", "")
    assert columns(heading) == ["STAGE", "GATE", "STATUS", "REASON", "DECIDED", "NEXT CHECK"]
    assert [columns(row)[0] or columns(row)[1] for row in rows] == ["dev", "smoke", "prod", "smoke"]
    dev, smoke = columns(rows[0]), columns(rows[1])
    assert (dev[1], smoke[2]) == ("COMPLETED", "PENDING")


def test_a_flow_is_found_by_its_id_too(seeded: Shell) -> None:
    flow = seeded.json("history", "foo", "--limit", "1")["deployments"][0]["flow"]
    assert seeded.ok("flow", "show", str(flow)).stdout.startswith("foo 1.1\n")


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (["service", "describe", "bar"], "bar"),
        (["environment", "describe", "mars"], "mars"),
        (["artifact", "show", "com.example:foo:9.9"], "9.9"),
        (["artifact", "show", "4711"], "4711"),
        (["flow", "show", "foo", "9.9"], "9.9"),
        (["flow", "show", "bar", "1.0"], "bar"),
        (["flow", "show", "4711"], "4711"),
    ],
    ids=" ".join,
)
def test_what_does_not_exist_is_named(seeded: Shell, command: list[str], word: str) -> None:
    assert word in seeded.fails(*command)


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (["status"], ["lane/foo/dev", "lane/foo/prod"]),
        (["service", "list"], ["service/foo"]),
        (["service", "describe", "foo"], ["service/foo"]),
        (["environment", "describe", "prod"], ["environment/prod"]),
        (["diff", "dev", "prod"], ["service/foo"]),
        (["plan", "foo", "2.0"], ["environment/dev", "environment/prod"]),
        (["holds"], []),
    ],
    ids=" ".join,
)
def test_names_are_one_a_line(seeded: Shell, command: list[str], names: list[str]) -> None:
    assert seeded.run(*command, "-o", "name").stdout.splitlines() == names


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["why", "foo", "prod"],
        ["history", "foo"],
        ["events"],
        ["service", "list"],
        ["flow", "show", "foo", "1.0"],
    ],
    ids=" ".join,
)
def test_yaml_says_what_json_says(seeded: Shell, command: list[str]) -> None:
    assert yaml.safe_load(seeded.ok(*command, "-o", "yaml").stdout) == seeded.json(*command)


def test_wide_has_whole_times_and_the_deployments_numbers(seeded: Shell) -> None:
    shown = seeded.ok("status", "-o", "wide").stdout
    assert re.search(r"1\.1 #\d+ COMPLETED 2026-11-22 12:02:00Z", shown)
    assert " ago" not in shown
    assert "2026-11-22 12:" in seeded.ok("history", "foo", "-o", "wide").stdout


def test_status_of_the_past_is_what_ran_then(seeded: Shell) -> None:
    shown = seeded.ok("status", "--at", "2026-11-22T12:01:30Z").stdout
    assert columns(shown.splitlines()[1])[1].startswith("1.0 ")
    body = seeded.json("status", "--at", "2026-11-22T12:01:30Z", "--known-at", "2026-11-22T12:01:30Z")
    assert body["at"] == body["knownAt"] == "2026-11-22T12:01:30+00:00"


def test_a_service_is_described_with_its_team_links_and_labels(shell: Shell, sqlite_url: str) -> None:
    metadata = ServiceMetadata(repository="https://github.com/example/foo", team="Shop", labels={"a": "b", "c": "d"})
    foo = replace(catalog().services["foo"], metadata=metadata)
    with Scenario(sqlite_url, catalog(foo)) as world, served(world) as url:
        shell.environment["DEPLOYDB_URL"] = url
        lines = shell.ok("service", "describe", "foo").stdout.splitlines()
        assert [line.split(maxsplit=1) for line in lines[6:9]] == [
            ["repository", "https://github.com/example/foo"],
            ["team", "Shop"],
            ["labels", "a=b, c=d"],
        ]
        assert shell.json("service", "list")[0]["labels"] == {"a": "b", "c": "d"}


def test_other_commands_take_what_is_printed_as_a_name(seeded: Shell) -> None:
    (service,) = seeded.ok("service", "list", "-o", "name").stdout.split()
    dev, prod = seeded.ok("environment", "list", "-o", "name").stdout.split()
    assert (service, dev, prod) == ("service/foo", "environment/dev", "environment/prod")
    assert seeded.ok("history", service, prod).stdout == seeded.ok("history", "foo", "prod").stdout
    assert seeded.ok("service", "describe", service).stdout == seeded.ok("service", "describe", "foo").stdout
    assert seeded.ok("status", "--service", service, "--environment", dev).stdout.startswith("SERVICE")
    assert seeded.run("diff", dev, prod).stdout == seeded.run("diff", "dev", "prod").stdout
    assert "there is no service service/bar" not in seeded.fails("history", "service/bar")
