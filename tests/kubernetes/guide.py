"""The command lines of docs/how-to/kubernetes.md: what runs them, and why some are not run."""

import re
import shlex

from tests.cluster import ROOT

PAGE = (ROOT / "docs/how-to/kubernetes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
LINES = list(dict.fromkeys(line for block in BLOCKS for line in block.splitlines()))
EXEC = "kubectl --namespace deploydb exec deploy/toolbox -- "
IN_TOOLBOX = [line for line in LINES if line.startswith(EXEC)]
"""Run in the container of the toolbox, by test_pods.py."""
(IN_IMAGE,) = (line for line in LINES if line.startswith("docker run "))
"""Run in a container of the image, by test_pods.py."""
(MAKE_SECRETS,) = (line for line in LINES if line.startswith("deploy/kubernetes/make-secrets"))
(MAKE_CONFIG,) = {line.partition(" | ")[0] for line in LINES if line.startswith("deploy/kubernetes/make-config")}
"""Run for every test of their objects."""

NOT_RUN = {
    "docker build": "no engine runs here: tests/containers/image.py runs the steps of the Dockerfile",
    "docker push": "there is no registry",
    "kubectl apply": "no cluster runs here: test_manifests.py validates objects, test_pods.py runs their containers",
    "kubectl wait": "no cluster runs here: test_pods.py waits for the Jobs and the probes",
    "kubectl rollout": "no cluster runs here: test_pods.py waits for the probes",
    "kubectl port-forward": "no cluster runs here: test_pods.py asks processes where they listen",
    "kubectl delete": "no cluster runs here, so nothing is there to delete",
    "kubectl set": "no cluster runs here: a pod of another image is a pod",
    "kubectl annotate": "KEDA reads it, in a cluster",
    "kubectl scale": "no cluster runs here: tests/e2e restarts processes under load",
}
"""By program and command. `kubectl` takes each line of it up to the connection: test_guide.py."""


def commands(line: str) -> list[str]:
    """The programs of a line with their commands: `kubectl apply`; a program of the clone alone."""
    return [_command(shlex.split(part)) for part in re.split(r" \| | && ", line)]


def _command(words: list[str]) -> str:
    program, *rest = words
    if program not in ("docker", "kubectl"):
        return program
    return f"{program} {rest[2] if rest[0] == '--namespace' else rest[0]}"
