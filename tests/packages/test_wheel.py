"""The wheel: it brings one package, `deploydb`, with the processes below it, and runs without the checkout."""

import tarfile
import zipfile
from pathlib import Path

from tests.cluster import ROOT
from tests.containers.container import program
from tests.packages.up import up
from tests.packages.wheel import install, run
from tests.servers.process import child_pids


def test_the_wheel_has_one_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"deploydb"}
    assert {"deploydb/workers/__main__.py", "deploydb/query/templates/status.html", "deploydb/py.typed"} <= set(names)
    assert any(name.startswith("deploydb/store/migrations/versions/") for name in names)
    example = {
        f"deploydb/example/config/{file.relative_to(ROOT / 'config')}" for file in (ROOT / "config").rglob("*.yml")
    }
    assert example <= set(names)


def test_the_wheel_has_no_file_in_a_wrong_place(wheel: Path) -> None:
    run(program("check-wheel-contents"), "--config", ROOT / "pyproject.toml", wheel)


def test_the_sdist_has_the_pinned_versions_and_no_tests(wheel: Path) -> None:
    (sdist,) = wheel.parent.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"constraints.txt", "pyproject.toml", "setup.py", "LICENSE", "workers/__main__.py"} <= names
    assert not any(name.startswith(("tests", "build")) for name in names)


def test_all_of_it_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    packages = install(wheel, tmp_path / "venv")
    assert not (packages / "workers").exists()
    with up([tmp_path / "venv/bin/deploydb"], tmp_path) as pid:
        started = [Path(f"/proc/{child}/cmdline").read_text() for child in child_pids(pid)]
        assert len(started) == 7
        assert all("\0deploydb.workers\0" in command for command in started)
