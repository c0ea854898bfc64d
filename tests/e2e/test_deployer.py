"""`deploydb deployer` as a process of its own: commands in by the broker, facts out by the broker."""

import json
import os
import signal
import subprocess
from datetime import datetime

import pytest

from deploydb.broker.open import open_dead_letters
from deploydb.broker.topology import COMMANDS
from tests.e2e.deployer_bench import DEPLOYDB, Bench, wait_for
from tests.e2e.deployer_bench import bench as bench


def test_a_command_is_run_and_reported(bench: Bench) -> None:
    process = bench.deployer('echo "$DEPLOYDB_SERVICE $DEPLOYDB_VERSION to $DEPLOYDB_ENVIRONMENT"')
    bench.command("c-1")
    started, finished = bench.facts(2)
    for answer in (started, finished):
        assert datetime.fromisoformat(answer.pop("time")).tzinfo is not None
    assert started == {
        "type": "deployment.started",
        "id": "c-1/started",
        "source": "deployer/default",
        "command": "c-1",
    }
    assert finished == {
        "type": "deployment.finished",
        "id": "c-1/finished",
        "source": "deployer/default",
        "command": "c-1",
        "outcome": "succeeded",
    }
    out, err = bench.end(process)
    assert out == "[foo→dev 1.2.3] foo 1.2.3 to dev\n"
    assert [json.loads(line)["event"] for line in err.splitlines()][-3:] == ["started", "succeeded", "stopped"]


def test_a_program_and_its_reports_are_in_the_trace_of_the_command(bench: Bench) -> None:
    process = bench.deployer('echo "$TRACEPARENT $TRACESTATE"')
    place = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "ci=7"}
    bench.command("c-1", headers=place)
    assert [delivery.headers for delivery in bench.deliveries(2)] == [place, place]
    out, _ = bench.end(process)
    assert out == f"[foo→dev 1.2.3] {place['traceparent']} ci=7\n"


def test_a_program_sees_no_address_and_no_token_unless_it_is_passed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DEPLOYDB_TOKEN", "DEPLOYDB_DATABASE_URL", "PGPASSWORD", "PGHOST", "MINE"):
        monkeypatch.setenv(name, f"the {name}")
    process = bench.deployer("env", "--pass-env", "PGHOST")
    bench.command("c-1")
    bench.facts(2)
    out, _ = bench.end(process)
    assert bench.broker_url not in out
    assert "the PGHOST" in out
    assert "the MINE" in out
    assert "DEPLOYDB_VERSION=1.2.3" in out
    for name in ("DEPLOYDB_TOKEN", "DEPLOYDB_DATABASE_URL", "PGPASSWORD", "DEPLOYDB_BROKER_URL"):
        assert name not in out


def test_a_failure_is_reported_with_exit_code_and_last_lines_and_the_next_command_runs(bench: Bench) -> None:
    bench.deployer('test "$DEPLOYDB_COMMAND_ID" = c-2 && exit 0; echo copying; echo "disk full" >&2; exit 3')
    bench.command("c-1")
    bench.command("c-2")
    finished = {one["command"]: one for one in bench.facts(4) if one["type"] == "deployment.finished"}
    assert finished["c-1"]["outcome"] == "failed"
    assert finished["c-1"]["reason"] == "exit code 3: copying\ndisk full"
    assert finished["c-2"]["outcome"] == "succeeded"


def test_the_same_command_delivered_again_runs_once_and_is_answered_again(bench: Bench) -> None:
    script = 'echo ran >> "$RAN"; sleep 0.3'
    first = bench.deployer(script, "--concurrency", "4")
    bench.command("c-1")
    bench.command("c-1")
    bench.facts(2)
    bench.command("c-1")
    (again,) = bench.facts(1)
    bench.end(first)
    second = bench.deployer(script)
    bench.command("c-1")
    (after_restart,) = bench.facts(1)
    bench.end(second)
    assert again["id"] == after_restart["id"] == "c-1/finished"
    assert again == after_restart
    assert bench.runs() == ["ran"]


def test_a_run_interrupted_by_a_crash_is_reported_failed_and_not_run_again(bench: Bench) -> None:
    script = 'echo $$ >> "$RAN"; exec sleep 60'
    first = bench.deployer(script)
    bench.command("c-1")
    wait_for(bench.runs, "the script runs")
    bench.end(first, by=signal.SIGKILL)
    os.kill(int(bench.runs()[0]), signal.SIGKILL)
    bench.deployer(script)
    started, finished = bench.facts(2)
    assert started["type"] == "deployment.started"
    assert (finished["outcome"], finished["command"]) == ("failed", "c-1")
    assert finished["reason"] == "interrupted: the deployer died while it ran, its outcome is unknown"
    bench.command("c-2")
    bench.facts(1)
    assert len(bench.runs()) == 1 or bench.runs()[1] != bench.runs()[0]


def test_an_interrupted_run_is_repeated_where_the_program_may_be(bench: Bench) -> None:
    script = 'test -s "$RAN" && exit 0; echo $$ >> "$RAN"; exec sleep 60'
    first = bench.deployer(script)
    bench.command("c-1")
    wait_for(bench.runs, "the script runs")
    bench.end(first, by=signal.SIGKILL)
    os.kill(int(bench.runs()[0]), signal.SIGKILL)
    bench.deployer(script, "--rerun-interrupted")
    finished = [answer for answer in bench.facts(3) if answer["type"] == "deployment.finished"]
    assert [answer["outcome"] for answer in finished] == ["succeeded"]


def test_a_command_past_its_deadline_is_not_run(bench: Bench) -> None:
    bench.command("c-1", minutes=-1)
    bench.deployer('echo ran >> "$RAN"')
    (finished,) = bench.facts(1)
    assert finished["outcome"] == "failed"
    assert finished["reason"].startswith("not run: taken at ")
    assert bench.runs() == []


def test_a_command_without_a_deadline_is_run(bench: Bench) -> None:
    bench.deployer('echo "deadline=$DEPLOYDB_DEADLINE" >> "$RAN"')
    bench.command("c-1", minutes=None)
    assert [answer.get("outcome") for answer in bench.facts(2)] == [None, "succeeded"]
    assert bench.runs() == ["deadline="]


def test_commands_run_side_by_side(bench: Bench) -> None:
    bench.deployer('echo ran >> "$RAN"; until [ $(wc -l < "$RAN") -ge 3 ]; do sleep 0.05; done', "--concurrency", "3")
    for number in range(3):
        bench.command(f"c-{number}")
    finished = [answer for answer in bench.facts(6) if answer["type"] == "deployment.finished"]
    assert [answer["outcome"] for answer in finished] == ["succeeded"] * 3


def test_a_malformed_command_is_dead_lettered_and_the_next_one_runs(bench: Bench) -> None:
    bench.deployer("true")
    bench.send(b'{"type": "deploy", "id": "c-0"}', "c-0")
    bench.command("c-1")
    bench.facts(2)
    with open_dead_letters(bench.broker_url, name="tests") as letters:
        (dead,) = letters.peek(10)
    assert (dead.queue, dead.path) == ("deploydb.commands.default", "$.deployment")


def test_a_run_past_the_timeout_is_stopped_and_reported(bench: Bench) -> None:
    bench.deployer("echo working; exec sleep 60", "--timeout", "1")
    bench.command("c-1")
    _, finished = bench.facts(2)
    assert finished["outcome"] == "failed"
    assert finished["reason"] == "stopped: no end after 1 s: working"


def test_a_deployer_that_is_asked_to_stop_waits_for_what_runs(bench: Bench) -> None:
    process = bench.deployer('echo ran >> "$RAN"; sleep 1')
    bench.command("c-1")
    wait_for(bench.runs, "the script runs")
    bench.end(process)
    _, finished = bench.facts(2)
    assert finished["outcome"] == "succeeded"


def test_a_run_that_outlives_the_grace_is_stopped_and_reported(bench: Bench) -> None:
    process = bench.deployer('echo ran >> "$RAN"; exec sleep 60', "--grace", "0.5")
    bench.command("c-1")
    wait_for(bench.runs, "the script runs")
    bench.end(process)
    _, finished = bench.facts(2)
    assert finished["outcome"] == "failed"
    assert finished["reason"] == "stopped: the deployer is stopping and its grace has passed"


def test_a_deployer_for_an_unnamed_orchestrator_ends_with_one_clear_line(bench: Bench) -> None:
    process = bench.deployer("true", "--orchestrator", "unnamed")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "deploydb.commands.unnamed" in err
    assert "Traceback" not in err


def test_a_program_that_does_not_exist_is_reported_at_once(bench: Bench) -> None:
    process = subprocess.run(
        [*DEPLOYDB, "deployer", "--", "/no/such/program"],
        env=os.environ | {"DEPLOYDB_BROKER_URL": bench.broker_url, "DEPLOYDB_DATA": str(bench.folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert process.returncode == 1
    assert "cannot run /no/such/program" in process.stderr


def test_commands_that_cannot_be_read_or_reported_are_dead_lettered_and_stop_no_other(bench: Bench) -> None:
    """Of an id of 255 bytes the fact's own id is longer, which no broker takes."""
    bench.command("c" * 250)
    bench.send(b"[" * 2_000_000, "large")
    bench.command("good")
    bench.deployer("true", "--orchestrator", "default")
    started, finished = bench.facts(2)
    assert (started["command"], finished["command"]) == ("good", "good")
    with open_dead_letters(bench.broker_url, name="tests") as letters:
        long, large = letters.peek(10)
    assert (long.path, long.exchange) == ("$.id", COMMANDS)
    assert (large.cut_from, len(large.body)) == (2_000_000, 1024 * 1024)
