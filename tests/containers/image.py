"""The image, made on this machine by the steps of deploy/Dockerfile."""

import os
import shutil
import subprocess
import sys
from functools import reduce
from pathlib import Path

import msgspec

from tests.cluster import ROOT
from tests.containers import dockerfile
from tests.containers.container import Container

OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


class Image:
    """`folder`: /opt/deploydb of the image. The packages that it depends on are those of the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def container(self, *arguments: str, **settings: object) -> Container:
        """A container of it. `settings` are those of `Container`, beside what the image gives."""
        given = {
            "command": [*dockerfile.words("ENTRYPOINT"), *arguments],
            "user": dockerfile.user(),
            "environment": dockerfile.environment(),
            "mounts": {},
            "writable": {},
        } | settings
        given["mounts"] = {"/opt/deploydb": self.folder, **given["mounts"]}  # type: ignore[dict-item]
        return Container(**given)  # type: ignore[arg-type]


def build(folder: Path) -> Image:
    """Run the RUN of the first stage, on what it copies. The packages that it installs are there already."""
    source = folder / "src"
    source.mkdir(parents=True)
    for name, arguments in dockerfile.stages()[0]:
        if name == "COPY":
            _copy(arguments.split(), source)
        if name == "RUN":
            places = {"/opt/deploydb": str(folder / "opt"), "/wheels": str(folder / "wheels")}
            script = reduce(lambda text, place: text.replace(*place), places.items(), arguments)
            # after its first command, which makes the environment
            made, _, rest = script.partition(" && ")
            _run(made, source)
            (packages,) = (folder / "opt/lib").glob("python*/site-packages")
            for old in packages.glob("setuptools*"):  # until Python 3.11 an environment has one
                shutil.rmtree(old)
            (packages / "dependencies.pth").write_text(f"{Path(msgspec.__file__).parents[1]}\n")
            _run(rest, source)
    for path in (folder / "opt/bin").glob("deploydb*"):  # its first line has the path of the environment
        path.write_text(path.read_text().replace(str(folder / "opt"), "/opt/deploydb"))
    return Image(folder / "opt")


def _copy(words: list[str], folder: Path) -> None:
    *names, target = words
    for name in names:
        assert f"!{name}" in (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines()
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / target)


def _run(command: str, folder: Path) -> None:
    # the Python of the tests is `python`
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | OFFLINE | {"PATH": path}
    ended = subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=250, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
