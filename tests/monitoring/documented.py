"""The metrics: as the code makes them, and as docs/operations.md lists them."""

import ast
import re
from collections.abc import Iterator

from msgspec import Struct

from tests.cluster import ROOT

OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SERVICES = ("query", "gateway")
"""Those of requests have their service's name."""
TARGET = frozenset({"job", "instance", "process"})
"""The labels that Prometheus adds, by deploy/prometheus/prometheus.yml."""


class Metric(Struct, frozen=True):
    """`kind`: the class of prometheus_client."""

    name: str
    kind: str
    labels: tuple[str, ...]

    def series(self) -> dict[str, frozenset[str]]:
        """The names of its samples, each with its labels."""
        labels = TARGET | set(self.labels)
        if self.kind != "Histogram":
            return {self.name: labels}
        return {f"{self.name}_sum": labels, f"{self.name}_count": labels, f"{self.name}_bucket": labels | {"le"}}


def made() -> list[Metric]:
    """Every metric that the code makes."""
    paths = [path for root in ("deploydb", "workers") for path in sorted((ROOT / root).rglob("*.py"))]
    return [metric for path in paths for metric in _made_in(path.read_text(encoding="utf-8"))]


def _made_in(source: str) -> Iterator[Metric]:
    for call in ast.walk(ast.parse(source)) if "prometheus_client" in source else ():
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            continue
        if call.func.id not in ("Counter", "Gauge", "Histogram", "GaugeMetricFamily") or not call.args:
            continue
        given = [*call.args[2:3], *(one.value for one in call.keywords if one.arg == "labels")]
        labels = tuple(ast.literal_eval(given[0])) if given else ()
        name = call.args[0]
        if isinstance(name, ast.JoinedStr):
            pattern = ast.unparse(name)[2:-1]
            for service in SERVICES:
                yield Metric(pattern.replace("{service}", service), call.func.id, labels)
        else:
            yield Metric(ast.literal_eval(name), call.func.id, labels)


def documented() -> dict[str, tuple[str, ...]]:
    """The labels of each metric of the table."""
    (table,) = re.findall(r"\n## Metrics\n(.+?)\n## ", OPERATIONS, re.DOTALL)
    rows = re.findall(r"^\| (.+?) \|", table, re.MULTILINE)
    return {
        name: tuple(labels.split(",")) if labels else ()
        for row in rows
        for name, labels in re.findall(r"`(deploydb_\w+)(?:\{([\w,]+)\})?`", row)
    }


def known_series() -> dict[str, frozenset[str]]:
    """Each series that a process of DeployDB has, and `up`, with its labels."""
    known = {"up": TARGET}
    for metric in made():
        known |= metric.series()
    return known
