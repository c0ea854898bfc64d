"""The program that a deployer runs: variables, input, output, end."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import psutil
import pytest

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.commands import DeployCommand, Previous
from workers.subprocess_runner import Ended, Run, without_secrets

LONG = timedelta(minutes=1)


def _command(version: str = "1.2.3") -> DeployCommand:
    artifact = Artifact(
        group="com.example", name="foo", version=version, url="https://repo.example.com/foo.jar", commit="9fceb02"
    )
    return DeployCommand(
        type="deploy",
        id="c-1",
        deployment=42,
        flow=7,
        service="faas",
        environment="prod",
        artifact=artifact,
        manifest=(artifact, Artifact(group="com.example", name="bar", version="5")),
        reason="promoted from staging",
        attempt=2,
        deadline=datetime(2026, 11, 22, 13, tzinfo=UTC),
        previous=Previous(version="1.2.2", deployment=31),
    )


def _run(script: str, *, limit: timedelta = LONG, started: Callable[[Run], None] | None = None) -> tuple[Ended, str]:
    lines: list[str] = []
    run = Run(
        [sys.executable, "-c", script],
        _command(),
        environment={"PATH": "/usr/bin:/bin"},
        out=lines.append,
        err=lambda line: lines.append(f"err {line}"),
    )
    if started is not None:
        started(run)
    return run.wait(limit), "\n".join(lines)


def test_the_program_finds_the_command_in_its_environment() -> None:
    ended, output = _run("import os; [print(f'{n}={v}') for n, v in sorted(os.environ.items()) if 'DEPLOYDB' in n]")
    assert ended == Ended(succeeded=True)
    assert output.splitlines() == [
        "DEPLOYDB_ARTIFACT_URL=https://repo.example.com/foo.jar",
        "DEPLOYDB_ATTEMPT=2",
        "DEPLOYDB_COMMAND_ID=c-1",
        "DEPLOYDB_COMMIT=9fceb02",
        "DEPLOYDB_DEADLINE=2026-11-22T13:00:00+00:00",
        "DEPLOYDB_DEPLOYMENT=42",
        "DEPLOYDB_DIGEST=",
        "DEPLOYDB_ENVIRONMENT=prod",
        "DEPLOYDB_GROUP=com.example",
        'DEPLOYDB_MANIFEST=[{"group":"com.example","name":"foo","version":"1.2.3",'
        '"url":"https://repo.example.com/foo.jar","commit":"9fceb02"},'
        '{"group":"com.example","name":"bar","version":"5"}]',
        "DEPLOYDB_NAME=foo",
        "DEPLOYDB_PREVIOUS_VERSION=1.2.2",
        "DEPLOYDB_REASON=promoted from staging",
        "DEPLOYDB_SERVICE=faas",
        "DEPLOYDB_TYPE=deploy",
        "DEPLOYDB_VERSION=1.2.3",
    ]


def test_the_whole_command_is_on_stdin() -> None:
    ended, output = _run("import sys; print(sys.stdin.read())")
    assert ended.succeeded
    assert msgspec.json.decode(output, type=DeployCommand) == _command()


def test_a_failure_names_the_exit_code_and_the_last_lines_of_both_outputs() -> None:
    script = (
        "import sys; [print(n) for n in range(100)]; sys.stdout.flush(); sys.stderr.write('no space left\\n'); exit(3)"
    )
    ended, output = _run(script)
    assert not ended.succeeded
    assert ended.reason.startswith("exit code 3: ")
    assert ended.reason.endswith("\n98\n99\nno space left")
    assert "\n50\n" not in ended.reason
    assert "err no space left" in output
    assert len(output.splitlines()) == 101


def test_endless_output_without_a_line_end_is_bounded_and_storable() -> None:
    script = "import sys; sys.stdout.buffer.write(b'\\0\\xff' * 1_000_000); exit(1)"
    ended, _ = _run(script)
    assert ended.reason.startswith("exit code 1: ")
    assert "\0" not in ended.reason
    assert len(ended.reason) < 4100


def test_a_program_that_is_killed_says_by_which_signal() -> None:
    ended, _ = _run("import os; os.kill(os.getpid(), 9)")
    assert ended == Ended(succeeded=False, reason="ended by SIGKILL")


def test_a_program_past_its_limit_is_stopped_with_all_that_it_has_started() -> None:
    began = time.monotonic()
    inner = "import time; print(1, flush=True); time.sleep(60)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    ended, output = _run(script, limit=timedelta(seconds=0.6))
    assert ended.reason.startswith("stopped: no end after 1 s")
    assert output.startswith("1")
    assert time.monotonic() - began < 30


def test_a_program_is_stopped_on_request() -> None:
    def soon(run: Run) -> None:
        threading.Timer(0.2, run.stop, ["stopped: the deployer ends"]).start()

    ended, _ = _run("import time; time.sleep(60)", started=soon)
    assert ended == Ended(succeeded=False, reason="stopped: the deployer ends")


def test_a_program_that_leaves_something_running_ends_when_it_ends_itself() -> None:
    began = time.monotonic()
    ended, _ = _run("import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])")
    assert ended.succeeded
    assert time.monotonic() - began < 30


def _run_leaves(script: str, limit: timedelta = LONG) -> tuple[Ended, str]:
    """A run, after which no thread, descriptor and child of ours is there that was not before."""
    threads, descriptors = set(threading.enumerate()), set(os.listdir("/proc/self/fd"))
    children = set(psutil.Process().children())  # those of a server beneath us come and go
    ended, output = _run(script, limit=limit)
    assert set(threading.enumerate()) == threads
    assert set(os.listdir("/proc/self/fd")) == descriptors
    assert set(psutil.Process().children()) == children
    return ended, output


SLEEPS = "[sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); time.sleep(60)']"


@pytest.mark.parametrize(
    ("how", "limit"),
    [
        ("subprocess.Popen({})", LONG),
        ("subprocess.Popen({}, process_group=0)", LONG),
        ("subprocess.Popen([sys.executable, '-c', 'import subprocess, sys; subprocess.Popen({})'])", LONG),
        (
            "subprocess.Popen([sys.executable, '-c', 'import signal; signal.signal(15, signal.SIG_IGN);' + {}[-1]])",
            LONG,
        ),
        ("subprocess.run({})", timedelta(seconds=2)),
    ],
)
def test_a_program_leaves_no_process_thread_or_pipe_behind(how: str, limit: timedelta) -> None:
    nested = SLEEPS.replace("'", "\\'") if "sys; subprocess" in how else SLEEPS
    ended, output = _run_leaves(f"import subprocess, sys, time; {how.format(nested)}; time.sleep(1)", limit)
    assert ended.succeeded is (limit == LONG)
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(int(output.split()[0])).status() == psutil.STATUS_ZOMBIE


def test_what_has_left_the_session_and_holds_the_pipes_leaves_no_thread_or_pipe_of_ours() -> None:
    script = f"import subprocess, sys, time; subprocess.Popen({SLEEPS}, start_new_session=True); time.sleep(1)"
    ended, output = _run_leaves(script)
    assert ended.succeeded
    os.kill(int(output), signal.SIGKILL)


def test_a_program_gets_none_of_our_settings_but_those_that_are_passed() -> None:
    environment = {
        "PATH": "/bin",
        "DEPLOYDB_DATA": "data",
        "DEPLOYDB_DATABASE_URL": "postgresql://u:p@h/d",
        "DEPLOYDB_BROKER_URL_FILE": "/run/secrets/broker",
        "DEPLOYDB_TOKEN": "ddb_x",
        "DEPLOYDB_TOKENS": "a b c",
        "PGPASSWORD": "p",
        "PGSERVICEFILE": "/x",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=x",
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "authorization=x",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "authorization=x",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://u:p@otel:4318",
        "OTEL_SERVICE_NAME": "deployer",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://otel:4318/v1/traces",
    }
    kept = {name: environment[name] for name in ("PATH", "DEPLOYDB_DATA", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")}
    assert without_secrets(environment) == kept
    assert without_secrets(environment, passed=("PGPASSWORD", "DEPLOYDB_TOKEN")).keys() == {
        *kept,
        "PGPASSWORD",
        "DEPLOYDB_TOKEN",
    }


def test_a_program_that_does_not_exist_is_a_failure_with_its_name() -> None:
    run = Run(["/no/such/program"], _command(), environment={}, out=print, err=print)
    ended = run.wait(LONG)
    assert not ended.succeeded
    assert ended.reason.startswith("cannot run /no/such/program: ")
