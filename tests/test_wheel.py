"""The wheel: it brings one package, `deploydb`, with the processes below it, and runs without the checkout."""

import os
import re
import subprocess
import threading
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.cluster import ROOT, write_config
from tests.servers import until
from tests.wheel import build, install
from tests.workers.in_process import CONFIG


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_one_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"deploydb"}
    assert {"deploydb/workers/__main__.py", "deploydb/query/templates/status.html", "deploydb/py.typed"} <= set(names)
    assert any(name.startswith("deploydb/store/migrations/versions/") for name in names)
    example = {
        f"deploydb/example/config/{file.relative_to(ROOT / 'config')}" for file in (ROOT / "config").rglob("*.yml")
    }
    assert example <= set(names)


def test_all_of_it_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    packages = install(wheel, tmp_path / "venv")
    assert not (packages / "workers").exists()
    config = write_config(tmp_path / "config", CONFIG)
    command = [tmp_path / "venv/bin/deploydb", "up", "--data", tmp_path / "data", "--config", config]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0"], env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    lines: list[str] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True)
    reader.start()
    try:
        until(lambda: process.poll() is not None or "Ready: " in "".join(lines), what="all parts")
        (url,) = re.findall(r"Ready: (\S+)\.", "".join(lines))
        with urllib.request.urlopen(f"{url}/readyz", timeout=20) as answer:
            assert answer.status == 200
        started = [Path(f"/proc/{pid}/cmdline").read_text() for pid in children(process.pid)]
        assert len(started) == 7
        assert all("\0deploydb.workers\0" in command for command in started)
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        reader.join(5)
        process.stderr.close()


def children(pid: int) -> list[str]:
    """The ids of a process's children."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
