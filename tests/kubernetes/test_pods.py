"""The containers of deploy/kubernetes as processes: command, user, variables and mounts, until probes answer."""

import shlex
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster import ROOT
from tests.containers.image import Image
from tests.containers.running import Running
from tests.kubernetes.guide import EXEC, IN_IMAGE, IN_TOOLBOX
from tests.kubernetes.manifests import Object, config_maps, of_kind, overlay
from tests.kubernetes.node import Node
from tests.kubernetes.operators import make_cluster, make_topology
from tests.servers import PostgreSQL, RabbitMQ


class Cluster(Running):
    """The pods of an overlay as its manifests start them, on servers with what the operators make."""

    def __init__(self, node: Node, objects: tuple[Object, ...], folder: Path) -> None:
        super().__init__(node.network, folder)
        self.node = node
        self._jobs = of_kind(objects, "Job")

    def up(self) -> None:
        for name in self._jobs:
            for container in (*self.node.first(name), self.node.main(name)):
                self.run(container)
        for name in self.node.pods.keys() - self._jobs.keys():
            for container in self.node.first(name):  # `schema`: the Job has migrated
                self.run(container)
            self.start(name, self.node.main(name))
        for name in self.processes.keys() - {"toolbox"}:
            for path in self.node.probes(name):
                self.until_it_answers(name, path)


@pytest.fixture
def cluster(
    request: pytest.FixtureRequest,
    image: Image,
    secrets: tuple[Object, ...],
    own_rabbitmq: RabbitMQ,
    own_postgresql: PostgreSQL,
    tmp_path: Path,
) -> Cluster:
    objects = (*overlay(request.param), *secrets, *config_maps())
    make_topology(own_rabbitmq, objects, secrets)
    make_cluster(own_postgresql, objects, secrets)
    servers = {
        "rabbitmq:5672": f"127.0.0.1:{own_rabbitmq.port}",
        "postgresql-rw:5432": f"127.0.0.1:{own_postgresql.port}",
    }
    return Cluster(Node(objects, image, tmp_path, servers), objects, tmp_path)


@pytest.mark.timeout(450)  # two servers and ten processes
@pytest.mark.parametrize("cluster", ["small"], indirect=True)
def test_the_pods_of_small_run_and_a_release_reaches_prod_by_the_commands_of_the_guide(cluster: Cluster) -> None:
    with ExitStack() as stack:
        stack.callback(cluster.kill)
        cluster.up()
        printed = [
            cluster.run(cluster.node.main("toolbox", *shlex.split(line.removeprefix(EXEC)))) for line in IN_TOOLBOX
        ]
        assert "prod" in next(each for line, each in zip(IN_TOOLBOX, printed, strict=True) if " history " in line)
        deployed = cluster.node.main("deployer").writable["/var/lib/deploydb"] / "example/prod/storefront"
        assert deployed.read_text() == "1.4.0\n"
        cluster.kill("toolbox")  # sleep has no end of its own
        cluster.stop()


@pytest.mark.timeout(450)  # two servers and eight processes
@pytest.mark.parametrize("cluster", ["production"], indirect=True)
def test_the_pods_of_production_run_until_their_probes_answer(cluster: Cluster) -> None:
    with ExitStack() as stack:
        stack.callback(cluster.kill)
        cluster.up()
        cluster.kill("toolbox")
        cluster.stop()


def test_the_image_writes_the_topology_by_the_command_of_the_guide(image: Image, tmp_path: Path) -> None:
    words = shlex.split(IN_IMAGE.partition(" > ")[0].replace("$PWD", str(ROOT)))
    source, target, _ = words[words.index("--volume") + 1].split(":")
    (name,) = (number for number, word in enumerate(words) if "/deploydb:" in word)
    container = image.container(command=words[name + 1 :], mounts={target: Path(source)}, tmpfs=["/tmp"])
    assert container.run(tmp_path / "root") == (ROOT / "deploy/kubernetes/rabbitmq/topology.yaml").read_text()
