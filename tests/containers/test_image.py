"""deploy/Dockerfile: linted, made by its own steps, and run as it says."""

import subprocess
from pathlib import Path

from deploydb import __version__
from tests.cluster import ROOT
from tests.containers import dockerfile
from tests.containers.container import program
from tests.containers.image import Image


def test_hadolint_finds_nothing() -> None:
    ended = subprocess.run([program("hadolint"), dockerfile.PATH], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_the_image_has_the_version_of_the_package_and_a_user_who_is_a_number() -> None:
    assert dockerfile.labels()["org.opencontainers.image.version"] == __version__
    assert all(int(part) >= 10000 for part in dockerfile.user().split(":"))


def test_both_stages_have_the_same_base_of_one_version() -> None:
    bases = {arguments.split()[0] for stage in dockerfile.stages() for name, arguments in stage if name == "FROM"}
    assert bases == {"python:3.13-slim-trixie"}


def test_the_image_says_what_it_can_do(image: Image, tmp_path: Path) -> None:
    assert "Usage: deploydb" in image.container(*dockerfile.words("CMD")).run(tmp_path / "root")


def test_the_wheel_is_what_runs_and_not_a_checkout(image: Image, tmp_path: Path) -> None:
    code = "import deploydb.workers, cel_expr_python; print(deploydb.__file__)"
    printed = image.container(command=["/opt/deploydb/bin/python", "-P", "-c", code]).run(tmp_path / "root")
    assert printed.startswith("/opt/deploydb/lib/")


def test_a_container_can_write_nothing_and_is_not_root(image: Image, tmp_path: Path) -> None:
    script = "id -u; id -g; grep CapEff /proc/self/status; for f in / /opt/deploydb /etc; do touch $f/x; done; ls /x"
    printed = image.container(command=["sh", "-c", f"{script} || true"]).run(tmp_path / "root")
    assert printed.splitlines()[:3] == ["10001", "10001", "CapEff:\t0000000000000000"]
    assert printed.count("Read-only file system") == 3


def test_what_is_copied_is_all_that_a_build_gets() -> None:
    lines = (ROOT / "deploy/Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "*"
    copied = {word for name, arguments in dockerfile.stages()[0] if name == "COPY" for word in arguments.split()[:-1]}
    assert {line[1:] for line in lines if line.startswith("!")} == copied
