"""Prometheus at its work: the scrapes of a running DeployDB, and the alerts of deploy/prometheus that they fire."""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from urllib.request import urlopen

import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploydb.http.metrics import add_readiness
from deploydb.telemetry import open_log
from tests.monitoring.expressions import selections
from tests.monitoring.promtool import PROMETHEUS, promtool
from tests.workers.in_process import Working
from workers.health import HealthServer

Scrape = dict[str, float]
"""By series, such as `deploydb_ready{process="relay"}`."""
BEFORE, AFTER = 20, 80
"""Scrapes, one each 15 s: five minutes as it was, and twenty, longer than any `for`, as it is."""


@contextmanager
def served(workers: Mapping[str, Working]) -> Iterator[dict[str, int]]:
    """The ports at which the workers have their /metrics, by name of process."""
    with ExitStack() as stack:
        ports = {}
        for name, worker in workers.items():
            add_readiness(worker.registry, worker.health)
            log = open_log("error", name=name, stream=io.StringIO())
            server = HealthServer(worker.health, worker.registry, host="127.0.0.1", port=0, log=log)
            ports[name] = stack.enter_context(server).port
        yield ports


def scrape(ports: Mapping[str, int]) -> Scrape:
    """The samples that the rules select, of the processes at these ports, with the labels of their targets."""
    found: Scrape = {}
    for process, port in ports.items():
        target = {"job": "deploydb", "instance": f"127.0.0.1:{port}", "process": process}
        try:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
                text = answer.read().decode()
        except OSError:
            found[_series("up", target)] = 0
            continue
        found[_series("up", target)] = 1
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in _selected():
                    found[_series(sample.name, target | sample.labels)] = sample.value
    return found


def assert_fires(before: Scrape, after: Scrape, *alerts: str, folder: Path) -> None:
    """Prometheus' engine fires these alerts, and no others, where a state is followed by another; none before that."""
    test = {
        "interval": "15s",
        "input_series": [
            {"series": series, "values": f"{_values(before.get(series), BEFORE)} {_values(after.get(series), AFTER)}"}
            for series in sorted(before | after)
        ],
        "promql_expr_test": [_expected("4m30s", ()), _expected("25m", alerts)],
    }
    rules = {"rule_files": [str(PROMETHEUS / "rules.yml")], "evaluation_interval": "15s", "tests": [test]}
    path = folder / "fired.test.yml"
    path.write_text(yaml.safe_dump(rules))
    promtool("test", "rules", path)


def _expected(at: str, alerts: tuple[str, ...]) -> dict[str, object]:
    fired = 'group by (alertname) (max_over_time(ALERTS{alertstate="firing"}[25m]))'
    samples = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in alerts]
    return {"expr": fired, "eval_time": at, "exp_samples": samples}


def _values(value: float | None, number: int) -> str:
    return f"_x{number}" if value is None else f"{value:f}x{number - 1}"


def _series(name: str, labels: Mapping[str, str]) -> str:
    return f"{name}{{{','.join(f'{label}={json.dumps(text)}' for label, text in labels.items())}}}"


@cache
def _selected() -> frozenset[str]:
    rules = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"][0]["rules"]
    return frozenset(name for rule in rules for name, _ in selections(rule["expr"]))
