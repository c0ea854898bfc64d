"""The pods of deploy/kubernetes as containers without a cluster: what a kubelet makes of their manifests."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.containers import dockerfile
from tests.containers.container import Container
from tests.containers.image import Image
from tests.containers.loopback import Loopback
from tests.kubernetes.manifests import Object, of_kind, pods, variables
from tests.kubernetes.operators import text_of
from tests.servers import PostgreSQL

POSTGRESQL = {"PATH": f"{PostgreSQL.programs()}:/usr/bin:/bin"}
"""The environment of the image of PostgreSQL."""


class Node:
    """One pod of each workload. `servers`: where each server of the files is, by its name and port there."""

    def __init__(self, objects: tuple[Object, ...], image: Image, folder: Path, servers: Mapping[str, str]) -> None:
        self.pods = pods(objects)
        self.network = Loopback(self.pods, folder, servers)
        self._sources = {kind: of_kind(objects, kind) for kind in ("ConfigMap", "Secret", "StatefulSet", "Service")}
        self._image = image
        self._folder = folder

    def first(self, pod: str) -> list[Container]:
        """Its init containers, each of which runs to its end before the next one."""
        return [self._container(pod, each) for each in self.pods[pod]["spec"].get("initContainers", ())]

    def main(self, pod: str, *command: str) -> Container:
        """Its one container; with `command` as `kubectl exec` runs it there."""
        (container,) = self.pods[pod]["spec"]["containers"]
        return self._container(pod, container | ({"command": command, "args": ()} if command else {}))

    def probes(self, pod: str) -> list[str]:
        """The paths that a kubelet asks, on the port of the container that has the probe's name."""
        (container,) = self.pods[pod]["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        asked = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
        assert {ports[each["port"]] for each in asked} == {8080}
        return [each["path"] for each in asked]

    def _container(self, pod: str, container: Object) -> Container:
        spec, context = self.pods[pod]["spec"], container["securityContext"]
        assert (context["readOnlyRootFilesystem"], context["capabilities"]) == (True, {"drop": ["ALL"]})
        user = f"{spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}"
        at = {each["mountPath"]: each for each in container["volumeMounts"]}
        mounts, writable = {"/etc/hosts": self.network.hosts}, dict[str, Path]()
        for path, mount in at.items():
            source = self._volume(pod, mount["name"])
            for inner in (Path(each) for each in at if Path(path) in Path(each).parents):
                (source / inner.relative_to(path)).mkdir(exist_ok=True)
            (mounts if mount.get("readOnly") else writable)[path] = source
        ours = not container["image"].startswith("postgres:")
        command = list(container.get("command") or (dockerfile.words("ENTRYPOINT") if ours else ()))
        command += [self.network.text(word, pod) for word in container.get("args", ())]
        given = {name: self._value(value, pod) for name, value in self._environment(container)}
        if not ours:
            return Container(
                command=command, user=user, environment=POSTGRESQL | given, mounts=mounts, writable=writable
            )
        # on loopback a service is asked by its own names alone
        environment = dockerfile.environment() | {"DEPLOYDB_HOSTS": pod} | given
        return self._image.container(
            command=command, user=user, environment=environment, mounts=mounts, writable=writable
        )

    def _environment(self, container: Object) -> Iterator[tuple[str, str]]:
        for source in container.get("envFrom", ()):
            yield from self._sources["ConfigMap"][source["configMapRef"]["name"]]["data"].items()
        yield from variables(container)

    def _value(self, value: str, pod: str) -> str:
        """The value of a variable: a Service is asked on the port of its pod, as nothing stands before that."""
        service = self._sources["Service"].get(value.removeprefix("http://"))
        return f"{value}:8080" if service is not None else self.network.text(value, pod)

    def _volume(self, pod: str, name: str) -> Path:
        """A volume of a pod, made for the first of its containers."""
        folder = self._folder / "pods" / pod / name
        if folder.exists():
            return folder
        folder.mkdir(parents=True)
        volumes = {each["name"]: each for each in self.pods[pod]["spec"]["volumes"]}
        volume = volumes.get(name)
        if volume is None:
            claims = self._sources["StatefulSet"][pod]["spec"]["volumeClaimTemplates"]
            assert name in [claim["metadata"]["name"] for claim in claims]
        elif "secret" in volume:
            secret = self._sources["Secret"][volume["secret"]["secretName"]]
            texts = {key: self.network.text(text_of(secret, key)) for key in secret["data"]}
            self._write(folder, pod, texts, volume["secret"])
        elif "configMap" in volume:
            source = self._sources["ConfigMap"].get(volume["configMap"]["name"])
            assert source is not None or volume["configMap"]["optional"]
            self._write(folder, pod, (source or {}).get("data", {}), volume["configMap"])
        else:
            assert volume.keys() == {"name", "emptyDir"}
        return folder

    def _write(self, folder: Path, pod: str, files: Mapping[str, str], volume: Mapping[str, Any]) -> None:
        """Files of root and of the pod's group."""
        for name, text in files.items():
            path = folder / name
            path.write_text(text)
            path.chmod(volume.get("defaultMode", 0o644))
            os.chown(path, 0, self.pods[pod]["spec"]["securityContext"]["fsGroup"])
