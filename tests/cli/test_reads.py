"""`status`, `why`, `history`, `events`, of a service that serves a story."""

import re
import subprocess

from tests.cli.conftest import served
from tests.cli.shell import DEPLOYDB, Shell
from tests.scenario import Scenario

FILE = {"group": "com.example", "name": "foo", "version": "1.0"}


def columns(line: str) -> list[str]:
    """A table's line, by its gaps."""
    return re.split(r" {2,}", line)


def test_status_is_a_row_a_service_and_a_column_an_environment(seeded: Shell) -> None:
    ended = seeded.ok("status")
    heading, foo = ended.stdout.splitlines()
    assert columns(heading) == ["SERVICE", "DEV", "PROD"]
    name, dev, prod = columns(foo)
    assert name == "foo"
    assert re.fullmatch(r"1\.1 COMPLETED (\d+[smhd] ago|just now)", dev)
    assert re.fullmatch(
        r"1\.0 FAILED (\d+[smhd] ago|just now), → 1\.1 NOT_STARTED|1\.0 FAILED (\d+[smhd] ago|just now)", prod
    )
    assert ended.stderr == ""


def test_status_of_one_lane_as_json_is_the_services_answer(seeded: Shell) -> None:
    body = seeded.json("status", "--service", "foo", "--environment", "dev")
    assert body["environments"] == ["dev"]
    ((running,),) = [lane["running"] for lane in body["lanes"]]
    assert (running["module"], running["version"], running["status"]) == ("com.example:foo", "1.1", "COMPLETED")


def test_a_service_that_does_not_exist_is_named(seeded: Shell) -> None:
    assert "bar" in seeded.fails("status", "--service", "bar")
    assert "bar" in seeded.fails("why", "bar", "prod")
    assert "bar" in seeded.fails("history", "bar")
    assert "mars" in seeded.fails("why", "foo", "mars")
    assert "9.9" in seeded.fails("why", "foo", "prod", "9.9")


def test_why_is_a_sentence_then_the_way_with_the_gates_of_each_stage(seeded: Shell) -> None:
    answer, releasing, empty, *way = seeded.ok("why", "foo", "prod", "1.1").stdout.splitlines()
    assert answer.startswith("1.1 is not in prod: ")
    assert "smoke" in answer
    assert releasing == "It needs smoke to pass: earliest at once"
    assert empty == ""
    assert [columns(line.strip("│ "))[0] for line in way] == ["◐", "…", "○", "…"]
    assert columns(way[0])[1:3] == ["dev", "COMPLETED"]
    assert columns(way[1].strip("│ "))[1:3] == ["smoke", "waits for smoke to report"]


def test_why_with_wide_output_is_a_table_of_each_stage_with_its_gates(seeded: Shell) -> None:
    *_, empty, heading, dev, smoke, _, _ = seeded.ok("why", "foo", "prod", "1.1", "-o", "wide").stdout.splitlines()
    assert empty == ""
    assert columns(heading) == ["STAGE", "GATE", "STATUS", "REASON", "DECIDED", "NEXT CHECK"]
    assert columns(dev)[:2] == ["dev", "COMPLETED"]
    assert columns(smoke)[:3] == ["", "smoke", "PENDING"]


def test_why_takes_the_version_before_the_environment_or_without_one(seeded: Shell) -> None:
    asked = seeded.ok("why", "foo", "prod", "1.1").stdout
    assert seeded.ok("why", "foo", "1.1", "prod").stdout == asked
    assert seeded.ok("why", "foo", "1.1").stdout == asked
    assert seeded.ok("why", "foo").stdout == asked
    assert "did you mean prod?" in seeded.fails("why", "foo", "prd")
    assert "there is no environment 1.7" in seeded.fails("why", "foo", "1.7")
    assert "bar" in seeded.fails("why", "bar")


def test_why_without_an_environment_is_about_the_last_stage_even_where_it_runs_elsewhere(
    sqlite_url: str, shell: Shell
) -> None:
    with Scenario(sqlite_url) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        world.tell("deployment.observed", service="foo", environment="zoo", artifact=FILE)
        world.evaluate(minutes=1)
        with served(world) as url:
            shell.environment["DEPLOYDB_URL"] = url
            assert [one["environment"] for one in shell.json("status")["lanes"]] == ["dev", "prod", "zoo"]
            assert shell.json("why", "foo")["environment"] == "prod"
            assert shell.json("why", "foo", "1.0", "--at", world.now.isoformat())["environment"] == "prod"


def test_why_as_json_has_the_way_of_the_version(seeded: Shell) -> None:
    body = seeded.json("why", "foo", "prod", "1.1")
    assert [stage["environment"] for stage in body["stages"]] == ["dev", "prod"]
    assert body["version"] == "1.1"


def test_why_of_the_past_is_what_was_known_then(seeded: Shell) -> None:
    ended = seeded.ok("why", "foo", "prod", "1.1", "--at", "2026-11-22T12:02:30Z")
    assert ended.stdout.startswith("As known at 2026-11-22T12:02:30+00:00: 1.1 is not in prod: ")
    assert "nothing was known" in seeded.fails("why", "foo", "prod", "1.1", "--at", "500d")
    assert "2h or 3d" in seeded.fails("why", "foo", "prod", "--at", "yesterday", code=2)


def test_history_is_newest_first_and_may_be_cut(seeded: Shell) -> None:
    heading, *rows = seeded.ok("history", "foo").stdout.splitlines()
    assert columns(heading) == ["DEPLOYMENT", "ENVIRONMENT", "VERSION", "STATUS", "WHEN", "TRIGGER", "REASON"]
    assert [columns(row)[1:4] for row in rows] == [
        ["dev", "1.1", "COMPLETED"],
        ["prod", "1.0", "FAILED"],
        ["dev", "1.0", "SUCCESS"],
    ]
    assert len(seeded.json("history", "foo", "--limit", "1")["deployments"]) == 1
    assert [one["version"] for one in seeded.json("history", "foo", "prod")["deployments"]] == ["1.0"]


def test_history_folds_what_never_began_and_lists_it_with_all(skipped: Shell) -> None:
    _, *rows = skipped.ok("history", "foo").stdout.splitlines()
    assert [columns(row)[1:4] for row in rows] == [
        ["dev, prod", "0.7 … 0.9", "SKIPPED"],
        ["prod", "1.0", "COMPLETED"],
        ["dev", "1.0", "SUCCESS"],
    ]
    assert rows[0].endswith("6 that never began; --all lists them")
    _, *every = skipped.ok("history", "foo", "--all").stdout.splitlines()
    assert len(every) == 8
    assert len(skipped.json("history", "foo")["deployments"]) == 8
    assert len(skipped.ok("history", "foo", "-o", "name").stdout.splitlines()) == 8
    _, *lane = skipped.ok("history", "foo", "prod").stdout.splitlines()
    assert columns(lane[0])[1:4] == ["prod", "0.7 … 0.9", "SKIPPED"]


def test_output_without_the_characters_of_a_folded_row_has_others(skipped: Shell) -> None:
    ended = subprocess.run(
        [*DEPLOYDB, "history", "foo"],
        env=skipped.environment | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert columns(ended.stdout.decode("latin-1").splitlines()[1])[:3] == ["3-8", "dev, prod", "0.7 ... 0.9"]


def test_names_are_taken_as_they_are_printed(seeded: Shell) -> None:
    asked = seeded.ok("why", "foo", "prod", "1.1").stdout
    assert seeded.ok("why", "service/foo", "environment/prod", "version/1.1").stdout == asked


def test_gates_of_a_skipped_stage_are_not_pending(skipped: Shell) -> None:
    stages = skipped.json("why", "foo", "prod", "0.9")["stages"]
    assert [(stage["status"], stage["gates"]) for stage in stages] == [("SKIPPED", []), ("SKIPPED", [])]


def test_times_are_local_with_wide_output(seeded: Shell) -> None:
    abroad = seeded.ok("events", "--type", "artifact.published", TZ="Asia/Kolkata").stdout.splitlines()
    assert columns(abroad[-1])[1] == "2026-11-22 17:30:00+05:30"
    odd = seeded.ok("events", "--type", "artifact.published", TZ="ODD0:44:30").stdout.splitlines()
    assert columns(odd[-1])[1] == "2026-11-22 11:15:30-00:44:30"
    assert columns(seeded.ok("events", "--type", "artifact.published").stdout.splitlines()[-1])[1].endswith("00:00Z")


def test_events_are_newest_first_filtered_and_paged(seeded: Shell) -> None:
    heading, *rows = seeded.ok("events", "--type", "artifact.published").stdout.splitlines()
    assert columns(heading)[:5] == ["NUMBER", "TIME", "TYPE", "SOURCE", "ABOUT"]
    assert [row.split()[3:5] for row in rows] == [["artifact.published", "tests"]] * 2
    assert "1.1" in rows[0]
    first = seeded.json("events", "--limit", "2")
    second = seeded.json("events", "--limit", "2", "--before", str(first["next"]))
    assert [event["number"] for event in first["events"]] > [event["number"] for event in second["events"]]


def test_an_empty_list_is_reported_on_stderr(seeded: Shell) -> None:
    ended = seeded.ok("events", "--type", "hold.placed")
    assert (ended.stdout, ended.stderr) == ("", "No such events.\n")


def test_what_jobs_say_cannot_command_the_terminal_nor_break_a_row(seeded: Shell) -> None:
    for command in (["events"], ["history", "foo"], ["why", "foo", "prod", "1.0"]):
        shown = seeded.ok(*command).stdout
        assert "\x1b" not in shown
    (row,) = [
        line for line in seeded.ok("events", "--type", "verification.finished").stdout.splitlines() if "failed" in line
    ]
    assert row.endswith("smoke: failed: \\x1b[2Jline one line two")
