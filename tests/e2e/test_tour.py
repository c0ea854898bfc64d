"""`make run ONCE=1`, but for the installation: the tour, in a folder of its own, as a newcomer sees it."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster import ROOT
from tests.servers import until
from tests.servers.ports import free_port


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a newcomer uses of a clone, and `deploydb` as in its environment."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("config", "deploy/example"):
        shutil.copytree(ROOT / name, folder / name)
    program = folder / ".venv/bin/deploydb"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m deploydb "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def toured(clone: Path) -> tuple[str, str]:
    """Address and output of `make run ONCE=1`."""
    address = f"127.0.0.1:{free_port()}"
    ended = subprocess.run(
        ["sh", "-c", _command_of_make("ONCE=1", f"LISTEN={address}")],
        cwd=clone,
        # where another DeployDB might be: the tour asks its own
        env=_environment() | {"DEPLOYDB_URL": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return address, ended.stdout


def test_the_tour_walks_a_release_to_prod_and_leaves_nothing_running(clone: Path, toured: tuple[str, str]) -> None:
    address, answer = toured
    for word in ("artifact.published", "deployment.requested", "soak 5s", "approved by alice", "$ deploydb status"):
        assert word in answer
    row = next(line for line in answer.splitlines() if line.startswith("storefront"))
    assert row.count("SUCCESS") == 3
    running = (clone / "deploydb-data/tour/example/prod/storefront").read_text().strip()
    assert running in row
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) != 0


@pytest.mark.usefixtures("toured")
def test_the_first_tour_of_the_readme_walks_to_prod_after_make_run(clone: Path) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    first_tour = page[page.index("## A first tour") :]
    servers, commands = re.findall(r"^```sh\n(.*?)^```", first_tour, re.MULTILINE | re.DOTALL)[:2]
    address = f"127.0.0.1:{free_port()}"
    environment = _environment() | {"DEPLOYDB_LISTEN": address, "DEPLOYDB_URL": f"http://{address}"}
    environment["PATH"] = f"{clone / '.venv/bin'}:{environment['PATH']}"
    with ExitStack() as running:
        for line in servers.splitlines():
            log = running.enter_context((clone / "log").open("a", encoding="utf-8"))
            server = subprocess.Popen(["sh", "-c", f"exec {line}"], cwd=clone, env=environment, stderr=log)
            running.callback(_stop, server)
            until(lambda: "Ready: " in (clone / "log").read_text(), what="deploydb up to be ready")
        for line in commands.splitlines():
            ended = subprocess.run(
                ["sh", "-c", line], cwd=clone, env=environment, capture_output=True, text=True, timeout=200, check=False
            )
            assert ended.returncode == 0, (line, ended.stdout, ended.stderr)
    assert (clone / "deploydb-data/example/prod/storefront").read_text() == "1.4.0\n"


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(timeout=60)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _command_of_make(*variables: str) -> str:
    """The command of `make run`, without the installation."""
    ended = subprocess.run(
        # beneath `make test` too, where make says which folder it leaves
        ["make", "--no-print-directory", "--dry-run", "run", *variables],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return ended.stdout.splitlines()[-1].strip()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("DEPLOYDB_")}


def test_make_run_passes_address_and_data_on() -> None:
    command = _command_of_make("LISTEN=127.0.0.1:8081")
    assert command.endswith("deploydb tour --service storefront --listen 127.0.0.1:8081")
    environment = {"PATH": os.environ["PATH"]}
    for given, used in ((environment, "deploydb-data/tour"), (environment | {"DEPLOYDB_DATA": "mine"}, "mine")):
        line = command.replace(".venv/bin/deploydb", "sh -c 'echo $DEPLOYDB_DATA'")
        assert subprocess.check_output(["sh", "-c", line], env=given, text=True) == f"{used}\n"


def test_a_tour_whose_deploydb_ends_says_so_at_once(tmp_path: Path) -> None:
    for folder in ("config", "deploy/example"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    with subprocess.Popen(
        [sys.executable, "-m", "deploydb", "tour", "--listen", "127.0.0.1:0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as tour:
        assert tour.stdout is not None
        assert tour.stderr is not None
        for line in tour.stdout:
            if "publish artifact" in line:
                break
        os.kill(int((tmp_path / "deploydb-data/up.lock").read_text()), signal.SIGKILL)
        assert "has ended" in tour.stdout.read() + tour.stderr.read()
        assert tour.wait(timeout=60) == 1
