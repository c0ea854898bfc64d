"""deploy/prometheus/rules.yml as a resource of Prometheus' operator: `python -m tests.kubernetes.prometheus_rule`."""

import sys

import yaml

from tests.cluster import ROOT

RULES = ROOT / "deploy/prometheus/rules.yml"


def prometheus_rule() -> dict[str, object]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "deploydb"},
        "spec": yaml.safe_load(RULES.read_text(encoding="utf-8")),
    }


if __name__ == "__main__":
    yaml.safe_dump(prometheus_rule(), sys.stdout, sort_keys=False, width=120)
