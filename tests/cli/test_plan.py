"""`plan` and `rollback --dry-run`: what would happen, of a service that serves a story."""

import re

from tests.cli.shell import Shell


def columns(line: str) -> list[str]:
    """A table's line, by its gaps."""
    return re.split(r" {2,}", line)


def test_a_plan_is_a_row_a_stage_with_its_gates_and_times(seeded: Shell) -> None:
    heading, dev, prod = seeded.ok("plan", "foo", "2.0").stdout.splitlines()
    assert columns(heading) == ["ENVIRONMENT", "DEPLOYMENT", "GATES", "THROUGH (p50, p90)", "IN THE WAY NOW"]
    assert columns(dev)[:4] == ["dev", "0s", "smoke 1m", "in 1m, in 1m"]
    assert "1.1 is being verified" in dev
    assert columns(prod)[:4] == ["prod", "unknown", "smoke unknown", "unknown"]


def test_a_plan_as_json_is_the_services_answer(seeded: Shell) -> None:
    body = seeded.json("plan", "foo", "2.0")
    assert [stage["environment"] for stage in body["stages"]] == ["dev", "prod"]
    assert body["stages"][0]["takes"]["samples"] == 1


def test_a_plan_for_no_service_names_it(seeded: Shell) -> None:
    assert "there is no service bar" in seeded.fails("plan", "bar", "1.0")


def test_a_dry_run_tells_the_target_and_what_it_undoes_and_changes_nothing(seeded: Shell) -> None:
    lines = seeded.ok("rollback", "foo", "dev", "--dry-run").stdout.splitlines()
    assert lines[0].startswith("foo in dev runs 1.1 (since ")
    assert lines[1].startswith("would be put back: 1.0, deployed ")
    assert lines[2].startswith("why: 1.0 was the last that succeeded there, deployed ")
    assert columns(lines[-1])[0] == "1.1"


def test_a_dry_run_without_a_target_says_why_and_fails(seeded: Shell) -> None:
    ended = seeded.run("rollback", "foo", "prod", "--dry-run")
    assert ended.returncode == 1
    assert "nothing would be put back" in ended.stdout
    assert "why: nothing to roll back to: no other version has succeeded here" in ended.stdout
