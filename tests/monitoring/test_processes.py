"""/metrics of every process, as Prometheus reads it."""

from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster import Cluster, write_config
from tests.monitoring.documented import TARGET, known_series
from tests.monitoring.promtool import promtool
from tests.servers import until
from tests.servers.ports import free_ports
from tests.workers.in_process import CONFIG
from workers.__main__ import WORKERS

PROCESSES = (*WORKERS, "web", "deployer")
"""`web` has the metrics of `query` and of `gateway`."""


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The text of /metrics of each process, once it is ready."""
    folder = tmp_path_factory.mktemp("processes")
    ports = dict(zip(PROCESSES, free_ports(len(PROCESSES)), strict=True))
    listens = {"DEPLOYDB_LISTEN": f"127.0.0.1:{ports['web']}"}
    config = write_config(folder / "config", CONFIG)
    with Cluster(f"embedded:{folder}/broker.db", f"sqlite:///{folder}/deploydb.db", config, **listens) as house:
        house.furnish()
        for name in (*WORKERS, "web"):
            house.start(name, port=ports[name])
        house.deployer("true", state=folder / "deployer.db", port=ports["deployer"])
        texts: dict[str, str] = {}

        def is_ready(name: str) -> bool:
            try:
                with urlopen(f"http://127.0.0.1:{ports[name]}/metrics", timeout=60) as answer:
                    texts[name] = answer.read().decode()
            except OSError:
                return False
            return "\ndeploydb_ready 1.0\n" in texts[name]

        for name in PROCESSES:
            until(lambda name=name: is_ready(name), what=f"{name} to be ready")  # type: ignore[misc]
        yield texts


@pytest.mark.parametrize("process", PROCESSES)
def test_promtool_finds_nothing_to_correct(scraped: dict[str, str], process: str) -> None:
    assert promtool("check", "metrics", given=scraped[process]) == ""


def test_the_processes_have_every_metric_that_is_documented(scraped: dict[str, str]) -> None:
    """As far as it shows before the first request: those with labels have no series, and a TYPE."""
    types = {line.split()[2] for text in scraped.values() for line in text.splitlines() if line.startswith("# TYPE ")}
    found = {name.removesuffix("_total") for name in types if name.startswith("deploydb_")}
    expected = {name for name in known_series() if name != "up"}
    bases = {name.removesuffix("_total").removesuffix("_sum").removesuffix("_count") for name in expected}
    assert found <= bases | {f"{base}_created" for base in bases}
    assert {base for base in bases if not base.endswith("_bucket")} <= found


def test_their_samples_have_the_labels_that_are_documented(scraped: dict[str, str]) -> None:
    """Of those that show before the first request."""
    known = known_series()
    families = (family for text in scraped.values() for family in text_string_to_metric_families(text))
    samples = [one for family in families for one in family.samples if one.name.startswith("deploydb_")]
    served = {one.name: TARGET | set(one.labels) for one in samples if not one.name.endswith("_created")}
    assert any(labels > TARGET for labels in served.values())
    assert served == {name: known.get(name) for name in served}
