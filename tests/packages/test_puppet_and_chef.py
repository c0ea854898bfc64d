"""deploy/puppet and deploy/chef: they lay down a configuration that `check-config` has read, or leave the old one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cluster import ROOT
from tests.missing import missing
from tests.packages.machine import Machine
from tests.packages.wheel import run

PUPPET = ROOT / "deploy/puppet"
CHEF = ROOT / "deploy/chef"
APPLY = ("puppet", "apply", "--detailed-exitcodes", "--modulepath", "/tmp/puppet")
CLASS = "class { 'deploydb': config => '/tmp/config', settings => { 'DEPLOYDB_LOG_LEVEL' => 'debug' } }"
RELOAD = "reload deploydb-worker@*.service"


def needs(program: str) -> None:
    if shutil.which(program) is None:
        missing(f"{program} is missing: tests/install-servers {program}")


def test_the_manifest_is_clean() -> None:
    for program in ("puppet", "puppet-lint"):
        needs(program)
    run("puppet", "parser", "validate", PUPPET)
    run("puppet-lint", "--fail-on-warnings", "--no-140chars-check", PUPPET)


@pytest.mark.timeout(450)  # the first test of a run builds the package
def test_puppet_takes_a_configuration_without_errors_alone(machine: Machine) -> None:
    needs("puppet")
    machine.run("rm", "-r", "/etc/deploydb/config")  # the page's own, which is the same
    machine.copy(PUPPET)
    machine.copy(ROOT / "config")
    assert _apply(machine) == 2  # changes, none of which failed
    assert machine.run("cat", "/etc/deploydb/deploydb.env") == "DEPLOYDB_LOG_LEVEL=debug\n"
    assert RELOAD in machine.systemctl
    calls = len(machine.systemctl)
    assert _apply(machine) == 0
    machine.write("/tmp/config/services/broken.yml", "nonsense: [")
    assert _apply(machine) == 6  # it is laid down, and not taken
    assert _apply(machine) == 4
    assert len(machine.systemctl) == calls
    machine.run("deploydb", "check-config", "/etc/deploydb/config")
    machine.run("rm", "/tmp/config/services/broken.yml")
    assert _apply(machine) == 2


def _apply(machine: Machine) -> int:
    """The exit code: 2 where something has changed, 4 where something failed."""
    return int(machine.run("sh", "-c", f'{" ".join(APPLY)} --execute "$1" >&2; echo $?', "sh", CLASS))


@pytest.mark.parametrize("path", sorted(CHEF.rglob("*.rb")), ids=lambda path: path.stem)
def test_ruby_reads_the_cookbook(path: Path) -> None:
    needs("ruby")
    assert subprocess.run(["ruby", "-wc", path], capture_output=True, text=True, check=True).stderr == ""


def test_chef_runs_the_commands_of_puppet() -> None:
    """Debian has no Chef to run the recipe: its commands are those that Puppet has run."""
    recipe = (CHEF / "deploydb/recipes/default.rb").read_text(encoding="utf-8").replace("#{", "${")
    manifest = (PUPPET / "deploydb/manifests/init.pp").read_text(encoding="utf-8")
    commands = re.findall(r'"(.*(?:staged|live|systemctl).*)"', recipe)
    assert len(commands) == 8
    assert set(commands) == set(re.findall(r'"(.*(?:staged|live|systemctl).*)"', manifest))
