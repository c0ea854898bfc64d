"""deploy/kubernetes as kustomize builds it, and what its objects have."""

import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import ROOT
from tests.containers.container import program
from tests.kubernetes.guide import MAKE_CONFIG

FOLDER = ROOT / "deploy/kubernetes"
OVERLAYS = ("small", "production")
WORKLOADS = ("Deployment", "StatefulSet", "Job")
CONFIGURATION = ROOT / "config"
Object = dict[str, Any]


@cache
def built(folder: Path) -> tuple[Object, ...]:
    """The objects of a kustomization. Raises: AssertionError where kustomize refuses it, or warns."""
    ended = subprocess.run([program("kubectl"), "kustomize", folder], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    return tuple(yaml.safe_load_all(ended.stdout))


def overlay(name: str) -> tuple[Object, ...]:
    return built(FOLDER / "overlays" / name)


def config_maps() -> tuple[Object, ...]:
    """What `make-config` prints of the configuration."""
    path = f"{program('kubectl').parent}:{os.environ['PATH']}"
    command = ["sh", "-ec", MAKE_CONFIG]
    made = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True
    )
    return tuple(each for each in yaml.safe_load_all(made.stdout) if each is not None)


def of_kind(objects: tuple[Object, ...], *kinds: str) -> dict[str, Object]:
    """The objects of some kinds, by name."""
    return {each["metadata"]["name"]: each for each in objects if each["kind"] in kinds}


def pods(objects: tuple[Object, ...]) -> dict[str, Object]:
    """The templates of DeployDB's own pods, by the name of what makes them."""
    return {name: each["spec"]["template"] for name, each in of_kind(objects, *WORKLOADS).items()}


def containers(pod: Object) -> list[Object]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def secret_of(pod: Object) -> str:
    """The Secret that is mounted at /run/secrets/deploydb."""
    (volume,) = [each for each in pod["spec"]["volumes"] if each["name"] == "secrets"]
    return str(volume["secret"]["secretName"])


def matches(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector of Kubernetes selects these labels."""
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        (labels.get(each["key"]) in each["values"]) is (each["operator"] == "In")
        for each in selector.get("matchExpressions", ())
    )


def selected(selector: Object, objects: tuple[Object, ...]) -> set[str]:
    """DeployDB's own pods that it selects."""
    return {name for name, pod in pods(objects).items() if matches(selector, pod["metadata"]["labels"])}


def variables(container: Object) -> Iterator[tuple[str, str]]:
    for each in container.get("env", ()):
        yield each["name"], each["value"]
