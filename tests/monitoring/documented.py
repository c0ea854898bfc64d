"""The series of the metrics that the code declares."""

from docs.hooks.reference import Metric, made
from tests.cluster import ROOT

OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
TARGET = frozenset({"job", "instance", "process"})
"""The labels that Prometheus adds, by deploy/prometheus/prometheus.yml."""


def known_series() -> dict[str, frozenset[str]]:
    """Each series that a process of DeployDB has, and `up`, with its labels."""
    known = {"up": TARGET}
    for metric in made():
        known |= series(metric)
    return known


def series(metric: Metric) -> dict[str, frozenset[str]]:
    """The names of its samples, each with its labels."""
    labels = TARGET | set(metric.labels)
    if metric.kind != "Histogram":
        return {metric.name: labels}
    return {
        f"{metric.name}_sum": labels,
        f"{metric.name}_count": labels,
        f"{metric.name}_bucket": labels | {"le"},
    }
