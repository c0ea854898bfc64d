"""The Debian package: built, looked at, and installed on a machine."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.missing import missing
from tests.packages.machine import Machine
from tests.packages.wheel import run

pytestmark = pytest.mark.timeout(450)  # the first test of a run builds the package


def test_the_package_has_what_it_should(deb: Path) -> None:
    fields = run("dpkg-deb", "--field", deb, "Package", "Depends")
    assert fields.startswith("Package: deploydb\n")
    assert "python3 (>= 3." in fields
    contents = run("dpkg-deb", "--contents", deb)
    for path in ("lib/systemd/system/deploydb-worker@.service", "lib/systemd/system/deploydb.target"):
        assert f" ./{path}\n" in contents
    assert " ./usr/bin/deploydb -> /opt/deploydb/bin/deploydb\n" in contents
    assert "/pip/" not in contents


def test_lintian_finds_no_error(deb: Path) -> None:
    if shutil.which("lintian") is None:
        missing("lintian is missing: tests/install-servers lintian")
    command = ["lintian", "--allow-root", "--fail-on", "error", deb]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_it_starts_nothing_and_keeps_settings(machine: Machine) -> None:
    assert not any(call.split()[0] in ("enable", "start", "restart") for call in machine.systemctl)
    machine.run("getent", "group", "deploydb")
    assert machine.run("stat", "--format=%a %U", "/etc/deploydb/credentials") == "700 root\n"
    assert machine.run("deploydb", "--version").startswith("deploydb, version ")
    # the command line of the unit, and its extras
    machine.run("/opt/deploydb/bin/python", "-P", "-m", "deploydb.workers", "--help")
    machine.run("/opt/deploydb/bin/python", "-c", "import cel_expr_python, cysystemd, opentelemetry.sdk")
    # an upgrade does not ask for a changed file, and a removal leaves it
    machine.write("/etc/deploydb/deploydb.env", "DEPLOYDB_LOG_LEVEL=debug\n")
    machine.run("dpkg", "--install", machine.run("sh", "-c", "ls /tmp/clone/build/deb/deploydb_*.deb").strip())
    machine.run("mkdir", "-p", "/run/systemd/system")  # as if systemd ran
    machine.run("dpkg", "--remove", "deploydb")
    assert "stop deploydb.target" in machine.systemctl
    assert machine.run("cat", "/etc/deploydb/deploydb.env") == "DEPLOYDB_LOG_LEVEL=debug\n"
    assert machine.run("sh", "-c", "ls -d /opt/deploydb 2>&1 || true").endswith("No such file or directory\n")
