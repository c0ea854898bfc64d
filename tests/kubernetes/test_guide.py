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
from tests.kubernetes.manifests import FOLDER, built, of_kind, overlay
from tests.servers.ports import free_ports

PAGE = (ROOT / "docs/how-to/kubernetes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
LINES = list(dict.fromkeys(line for block in BLOCKS for line in block.splitlines()))
KINDS = {"deployment": "Deployment", "deploy": "Deployment", "job": "Job", "service": "Service"}


@pytest.mark.parametrize("line", [line for line in LINES if "kubectl" in line and not line.endswith("/secrets")])
def test_kubectl_takes_the_command(line: str, tmp_path: Path) -> None:
    """It fails for one reason alone: no cluster answers."""
    (port,) = free_ports(1)
    (tmp_path / "config").write_text("")
    words = shlex.split(line.rpartition(" | ")[2])
    path = tmp_path / "document.yaml"
    path.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n")
    given = [str(path) if word.startswith("https://") and words[1] == "apply" else word for word in words[1:]]
    ended = subprocess.run(
        [program("kubectl"), f"--server=http://127.0.0.1:{port}", "--request-timeout=5s", *given],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "config")},
        input=path.read_text(),
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
    assert re.findall(r" exec deploy/toolbox -- deploydb (.*)$", walk, re.MULTILINE) == of_compose


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
