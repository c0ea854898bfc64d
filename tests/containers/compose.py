"""deploy/compose.yaml as Docker Compose reads it, and its services as containers without an engine."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deploydb import __version__
from tests.cluster import ROOT
from tests.containers import dockerfile
from tests.containers.container import Container, program
from tests.containers.image import Image
from tests.containers.loopback import Loopback

FILE = ROOT / "deploy/compose.yaml"
OURS = f"deploydb:{__version__}"


def resolved(*, folder: Path = FILE.parent) -> dict[str, Any]:
    """The file with all of its profiles, as Docker Compose resolves it. Raises: AssertionError where it refuses it."""
    command = [program("docker-compose"), "--file", folder / FILE.name, "--profile", "*"]
    ended = subprocess.run([*command, "config", "--format", "json"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    return dict(json.loads(ended.stdout.replace("$$", "$")))  # `config` writes it as it is to be read again


def in_order(services: Mapping[str, Any]) -> Iterator[str]:
    """The names, each after those that it waits for."""
    given: set[str] = set()
    while len(given) < len(services):
        ready = [name for name in services if name not in given and set(services[name].get("depends_on", ())) <= given]
        assert ready, "a circle of depends_on"
        yield from ready
        given.update(ready)


def copied(folder: Path) -> Path:
    """What the file names, in a folder: the sources of mounts and the program that makes the secrets."""
    for name in ("compose.yaml", "compose", "postgres", "prometheus", "grafana", "rabbitmq", "example"):
        source = ROOT / "deploy" / name
        if source.is_dir():
            shutil.copytree(source, folder / "deploy" / name)
        elif source.exists():
            (folder / "deploy").mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / "deploy")
    shutil.copytree(ROOT / "config", folder / "config")
    return folder / "deploy"


class Machine:
    """What runs the services: their addresses on loopback, and a folder for each volume."""

    def __init__(self, project: dict[str, Any], image: Image, folder: Path, servers: Mapping[str, str]) -> None:
        self.project = project
        self.services: dict[str, Any] = project["services"]
        self.network = Loopback(self.services, folder, servers)
        self._image = image
        self._folder = folder
        for secret in self.project["secrets"].values():
            path = Path(secret["file"])
            path.write_text(self.network.text(path.read_text()))

    def container(self, name: str, *arguments: str, **environment: str) -> Container:
        """A service, with `arguments` in the place of its command."""
        service = self.services[name]
        assert service["read_only"] is True
        mounts, writable = {"/etc/hosts": self.network.hosts}, {}
        for volume in service.get("volumes", ()):
            source = Path(volume["source"])
            if volume["type"] == "volume":
                source = self._folder / "volumes" / source
                source.mkdir(mode=0o700, parents=True, exist_ok=True)
            (mounts if volume.get("read_only") else writable)[volume["target"]] = source
        for secret in service.get("secrets", ()):
            mounts[secret["target"]] = Path(self.project["secrets"][secret["source"]]["file"])
        command = [self.network.text(word, name) for word in [*arguments] or service["command"] or []]
        given = {key: self.network.text(value, name) for key, value in (service.get("environment") or {}).items()}
        tmpfs = [one.partition(":")[0] for one in service["tmpfs"]]
        made = self._image.container(
            *command, user=service["user"], mounts=mounts, writable=writable, tmpfs=tmpfs, folder="/tmp"
        )
        others: dict[str, Any] = {}
        if service["image"] == OURS:
            others["folder"] = "/var/lib/deploydb" if "/var/lib/deploydb" in writable else "/opt"
        if service.get("entrypoint"):
            others["command"] = [*service["entrypoint"], *command]
        if service["image"] != OURS:
            others["environment"] = environment | given
        else:
            # on loopback a service is asked by its own names alone
            others["environment"] = {**made.environment, "DEPLOYDB_HOSTS": name, **given, **environment}
        return Container(**{field: getattr(made, field) for field in made.__struct_fields__} | others)

    def health_check(self, name: str) -> Container:
        """The image's HEALTHCHECK in the service's container."""
        words = [word.replace("127.0.0.1", self.network.addresses[name]) for word in dockerfile.words("HEALTHCHECK")]
        return self._image.container(command=words, tmpfs=["/tmp"])
