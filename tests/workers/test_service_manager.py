"""Reports to the service manager: they repeat the process's own health, and no text of others adds one."""

import io
import os
import subprocess
import sys
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from deploydb.domain.model.errors import Misconfigured
from deploydb.http.health import Health
from deploydb.redaction import redacted
from deploydb.telemetry import open_log
from tests.systemd.unit import NotifySocket
from workers.health import STUCK_AFTER, WorkerHealth
from workers.service_manager import ServiceManager
from workers.subprocess_runner import without_secrets

LOG = open_log("warning", name="tests", stream=io.StringIO())


def manager(health: Health, sent: list[str], *, watchdog: float | None = 60) -> ServiceManager:
    seconds = None if watchdog is None else timedelta(seconds=watchdog)
    return ServiceManager(health, LOG, send=sent.append, watchdog=seconds)


def test_ready_follows_readiness_and_is_reported_once() -> None:
    health, sent = WorkerHealth(), list[str]()
    reports = manager(health, sent)
    assert reports.report() == 0.5
    health.succeeded()
    assert reports.report() == 5.0
    reports.report()
    assert sent == [
        "WATCHDOG=1",
        "STATUS=not ready: starting: not connected yet\nEXTEND_TIMEOUT_USEC=30000000",
        "WATCHDOG=1",
        "READY=1\nSTATUS=ready",
        "WATCHDOG=1",
    ]


def test_a_worker_that_does_not_come_round_does_not_feed_the_watchdog() -> None:
    now, sent = 0.0, list[str]()
    health = WorkerHealth(lambda: now)
    health.succeeded()
    reports = manager(health, sent)
    reports.report()
    now = STUCK_AFTER.total_seconds() + 1
    reports.report()
    assert sent[-1] == "STATUS=not ready: no progress for 121 s: a step hangs, or is slow"


def test_the_watchdog_is_fed_before_the_looks() -> None:
    health, sent = Health(), list[str]()
    fed = list[str]()
    health.check("database", lambda: fed.extend(sent))
    manager(health, sent).report()
    assert fed == ["WATCHDOG=1"]


def test_what_could_not_be_sent_is_sent_by_the_next_report() -> None:
    health, sent = WorkerHealth(), list[str]()
    failures = [RuntimeError("gone")] * 2

    def send(lines: str) -> None:
        if failures:
            raise failures.pop()
        sent.append(lines)

    reports = ServiceManager(health, LOG, send=send)
    health.succeeded()
    reports.report()
    health.failed("the database is away")
    reports.report()
    reports.report()
    health.succeeded()
    reports.report()
    assert sent == [
        "STATUS=not ready: the database is away\nEXTEND_TIMEOUT_USEC=30000000",
        "READY=1\nSTATUS=ready",
    ]


def test_the_reasons_and_warnings_are_one_line_of_bounded_length() -> None:
    health, sent = Health(), list[str]()
    health.report("broker", reasons=["away\nREADY=1", "x" * 5000])
    manager(health, sent, watchdog=None).report()
    (status, _) = sent[0].splitlines()
    assert status.startswith("STATUS=not ready: broker: away\\nREADY=1; broker: xxx")
    assert len(status) < 600


def test_a_reload_is_reported_from_its_begin_to_its_end_however_it_ends() -> None:
    health, sent = Health(), list[str]()
    reports = manager(health, sent, watchdog=None)
    with reports.reloading():
        assert sent == []
    reports.report()
    with suppress(OSError), reports.reloading():
        assert sent[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
        raise OSError
    assert sent[2] == "READY=1"


def test_nothing_is_reported_after_the_stop() -> None:
    sent = list[str]()
    reports = manager(Health(), sent)
    reports.stopping()
    reports.report()
    reports.stopping()
    assert sent == ["STOPPING=1\nSTATUS=stopping"]


def test_the_end_of_a_process_is_reported_at_the_latest_with_its_surroundings(tmp_path: Path) -> None:
    program = (
        "from deploydb.telemetry import open_log\n"
        "from workers.process import process\n"
        "with process(open_log('info', name='tests'), name='tests', host='127.0.0.1', port=None):\n    pass\n"
    )
    with closing(NotifySocket(tmp_path / "notify")) as notified:
        environment = os.environ | {"NOTIFY_SOCKET": str(notified.path)}
        assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0
    assert notified.sent[-1] == ["STOPPING=1", "STATUS=stopping"]


def test_a_look_that_fails_by_a_defect_ends_no_report_and_shows_no_secret() -> None:
    sent = list[str]()
    health = Health(redact=lambda text: redacted(text, ["secret-word"]))
    health.check("database", lambda: {}["secret-word"])
    manager(health, sent).report()
    assert "STATUS=not ready: database: the look at it failed: KeyError('***')" in sent[-1].splitlines()


def test_a_socket_that_is_gone_ends_no_process() -> None:
    def send(_: str) -> None:
        raise RuntimeError("gone")

    assert ServiceManager(Health(), LOG, send=send).report() == 5.0


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({"WATCHDOG_USEC": "8000000"}, 2.0),
        ({"WATCHDOG_USEC": "8000000", "WATCHDOG_PID": str(os.getpid())}, 2.0),
        ({"WATCHDOG_USEC": "8000000", "WATCHDOG_PID": "1"}, 5.0),
        ({}, 5.0),
    ],
)
def test_the_watchdog_is_that_of_the_variables(
    environ: dict[str, str], interval: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ({"NOTIFY_SOCKET": "/nowhere"} | environ).items():
        monkeypatch.setenv(name, value)
    reports = ServiceManager.of_environment(Health(), LOG)
    assert reports.is_there
    assert reports.report() == interval


def test_nothing_is_reported_without_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "8000000")
    assert not ServiceManager.of_environment(Health(), LOG).is_there


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    monkeypatch.setitem(sys.modules, "cysystemd.daemon", None)
    with pytest.raises(Misconfigured, match=r"install deploydb\[systemd\]"):
        ServiceManager.of_environment(Health(), LOG)


def test_no_program_of_a_deployer_reports_in_its_place() -> None:
    others = {"A": "1", "NOTIFY_SOCKET_OF_ANOTHER": "/run/y"}
    assert without_secrets({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"} | others) == others
