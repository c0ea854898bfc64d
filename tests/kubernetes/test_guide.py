"""docs/how-to/kubernetes.md: kubectl takes its commands, and files and objects that they name are there."""

import os
import re
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from deploydb import __version__
from tests.cluster import ROOT
from tests.containers.container import program
from tests.kubernetes.guide import EXEC, IN_IMAGE, IN_TOOLBOX, LINES, MAKE_CONFIG, MAKE_SECRETS, NOT_RUN, PAGE, commands
from tests.kubernetes.manifests import FOLDER, built, of_kind, overlay
from tests.servers.ports import free_port

KINDS = {"deployment": "Deployment", "deploy": "Deployment", "job": "Job", "service": "Service"}


def test_every_command_is_run_or_there_is_a_reason() -> None:
    run = {MAKE_SECRETS, *IN_TOOLBOX, *commands(MAKE_CONFIG), *commands(IN_IMAGE)}
    not_run = {one for line in LINES if line not in run for one in commands(line) if one not in run}
    assert not_run == NOT_RUN.keys()


@pytest.mark.parametrize("line", [line for line in LINES if "kubectl" in line])
def test_kubectl_takes_the_command(line: str, clone: Path, tmp_path: Path) -> None:
    """It fails for one reason alone: no cluster answers."""
    port = free_port()
    document = tmp_path / "document.yaml"
    document.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n")
    kubectl = tmp_path / "bin/kubectl"
    kubectl.parent.mkdir()
    options = f"--server=http://127.0.0.1:{port} --request-timeout=5s"
    kubectl.write_text(f'#!/bin/sh\nexec {program("kubectl")} {options} "$@"\n')
    kubectl.chmod(0o755)
    (tmp_path / "config").write_text("")
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", re.sub(r"-f https://\S+", f"-f {document}", line)],
        cwd=clone,
        env={
            "PATH": f"{kubectl.parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "KUBECONFIG": str(tmp_path / "config"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert f"127.0.0.1:{port} was refused" in ended.stderr or "connection refused" in ended.stderr, ended.stderr


def test_what_commands_name_is_there() -> None:
    small = overlay("small")
    for line in LINES:
        words = shlex.split(line)
        if words[0].startswith("deploy/"):
            assert os.access(ROOT / words[0], os.X_OK), line
        for flag, name in pairwise(words):
            if flag == "-k" and "secrets" not in name:
                assert built(ROOT / name), line
            if flag in ("-f", "--file") and name.startswith("deploy/"):
                assert (ROOT / name).is_file(), line
        for word in words:
            kind, slash, name = word.partition("/")
            if slash and kind in KINDS and not (ROOT / word).exists():
                assert name in of_kind(small, KINDS[kind]), line


def test_the_walk_is_that_of_the_containers_which_is_run() -> None:
    page = (ROOT / "docs/how-to/compose.md").read_text(encoding="utf-8")
    of_compose = re.findall(r"^docker compose -f deploy/compose.yaml run --rm cli (.*)$", page, re.MULTILINE)
    walk = PAGE[PAGE.index("## Walk a release") : PAGE.index("## Change the configuration")]
    assert re.findall(rf"^{EXEC}deploydb (.*)$", walk, re.MULTILINE) == of_compose


def test_the_image_has_the_version_of_this_deploydb_but_in_an_upgrade() -> None:
    assert set(re.findall(r"/deploydb:([\w.]+)", PAGE)) == {__version__, "NEW"}


def test_bindings_alone_are_pruned() -> None:
    (line,) = [line for line in LINES if "--prune" in line]
    assert "--prune-allowlist=rabbitmq.com/v1beta1/Binding" in line.split()
    assert line.count("--prune-allowlist") == 1


def test_an_upgrade_can_stop_and_start_every_process_that_has_the_database() -> None:
    """But for `toolbox`, which is of the new version then."""
    production = overlay("production")
    processes = set(of_kind(production, "Deployment")) - {"toolbox"}
    (stop, start) = [line.split() for line in LINES if " scale deployment " in line]
    for words in (stop, start):
        assert set(words[words.index("deployment") + 1 : -1]) == processes
    (gone,) = [line for line in LINES if "--for=delete" in line]
    assert set(re.split(", ", gone[gone.index("(") + 1 : gone.index(")")])) == processes


def test_the_table_has_every_folder() -> None:
    named = set(re.findall(r"^\| `([\w/]+)` \|", PAGE, re.MULTILINE))
    assert named == {str(path.parent.relative_to(FOLDER)) for path in FOLDER.rglob("kustomization.yaml")}
