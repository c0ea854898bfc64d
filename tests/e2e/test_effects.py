"""Orders by the command line on a real `deploydb up`: a command that ends well has had its effect."""

import os
import subprocess
from collections.abc import Callable

from tests.e2e.up import DEPLOYDB, Up
from tests.e2e.up import started as started
from tests.workers.in_process import published

REASON = ("--reason", "a fair", "--by", "ann")


def _run(up: Up, *arguments: str) -> subprocess.CompletedProcess[str]:
    there = {"DEPLOYDB_URL": up.url, "DEPLOYDB_BROKER_URL": up.broker_url}
    command = [*DEPLOYDB, *arguments]
    return subprocess.run(command, env=os.environ | there, capture_output=True, text=True, timeout=60, check=False)


def test_an_order_is_done_when_the_command_ends(started: Callable[..., Up]) -> None:
    up = started()
    up.ready()
    up.publish(published("1.0"))
    assert up.deploy() == "dev"
    assert up.deploy() == "prod"
    up.until(lambda: up.running() == {"dev": ["1.0"], "prod": ["1.0"]}, "both run it")
    ended = _run(up, "freeze", "prod", *REASON)
    assert (ended.returncode, ended.stderr) == (0, "prod is frozen\n")
    assert [one["kind"] for one in (up._get("/api/holds") or {})["holds"]] == ["freeze"]
    assert _run(up, "retry", "foo", "dev", *REASON).returncode == 0
    assert up.deploy() == "dev"
    gone = ("publish", "hold.lifted", "--kind", "pause", "--service", "foo", "--by", "ann", "--strict")
    ended = _run(up, *gone)
    assert (ended.returncode, "no such pause stood then" in ended.stderr) == (1, True)
    ended = _run(up, "publish", "artifact", "com.example:foo", "1.1", "--strict")
    assert (ended.returncode, ended.stderr.partition(" cli/")[0]) == (0, "published artifact.published")
    ended = _run(up, "rollback", "foo", "prod", *REASON)
    assert (ended.returncode, "nothing is put back" in ended.stderr) == (1, True)
    up.stop()
