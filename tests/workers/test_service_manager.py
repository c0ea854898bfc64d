"""Reports to the service manager: they repeat the process's own health, and no text of others adds one."""

import io
import os
import sys
from contextlib import suppress
from datetime import timedelta

import pytest

from deploydb.domain.model.errors import Misconfigured
from deploydb.http.health import Health
from deploydb.telemetry import open_log
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
        "STATUS=not ready: starting: not connected yet\nEXTEND_TIMEOUT_USEC=30000000\nWATCHDOG=1",
        "READY=1\nSTATUS=ready\nWATCHDOG=1",
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
    assert sent == ["STOPPING=1\nSTATUS=stopping"]


def test_a_look_that_fails_by_a_defect_ends_no_report() -> None:
    health, sent = Health(), list[str]()
    health.check("database", lambda: {}["key"])
    manager(health, sent).report()
    assert "STATUS=not ready: the look at it failed: KeyError('key')" in sent[0].splitlines()


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
def test_the_watchdog_is_that_of_the_variables(environ: dict[str, str], interval: float) -> None:
    reports = ServiceManager.of_environment(Health(), LOG, {"NOTIFY_SOCKET": "/nowhere"} | environ)
    assert reports.is_there
    assert reports.report() == interval


def test_nothing_is_reported_without_a_socket() -> None:
    assert not ServiceManager.of_environment(Health(), LOG, {"WATCHDOG_USEC": "8000000"}).is_there


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cysystemd.daemon", None)
    with pytest.raises(Misconfigured, match=r"install deploydb\[systemd\]"):
        ServiceManager.of_environment(Health(), LOG, {"NOTIFY_SOCKET": "/nowhere"})


def test_no_program_of_a_deployer_reports_in_its_place() -> None:
    assert without_secrets({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "A": "1"}) == {
        "A": "1"
    }
