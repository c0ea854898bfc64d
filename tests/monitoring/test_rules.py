"""The rules and the configuration of Prometheus: by promtool, and against metrics, runbooks and processes."""

import re
from typing import Any

import pytest
import yaml

from tests.cluster import ROOT
from tests.monitoring.documented import OPERATIONS, known_series
from tests.monitoring.expressions import selections
from tests.monitoring.promtool import PROMETHEUS, promtool
from workers.__main__ import WORKERS

RULES: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"][0]["rules"]
each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


def test_promtool_accepts_the_rules_and_the_configuration_and_passes_its_tests() -> None:
    promtool("check", "rules", "rules.yml")
    promtool("check", "config", "prometheus.yml")
    promtool("test", "rules", "rules.test.yml")


def test_every_alert_has_samples_that_fire_it_and_samples_that_do_not() -> None:
    cases = [
        (one["alertname"], bool(one["exp_alerts"]))
        for test in yaml.safe_load((PROMETHEUS / "rules.test.yml").read_text())["tests"]
        for one in test["alert_rule_test"]
    ]
    assert set(cases) == {(rule["alert"], fires) for rule in RULES for fires in (True, False)}


@each_rule
def test_an_alert_selects_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    found = selections(rule["expr"])
    assert found
    known = known_series()
    for name, labels in found:
        assert name in known
        assert labels <= known[name]


@each_rule
def test_a_fault_of_the_tests_fires_the_alert(rule: dict[str, Any]) -> None:
    faults = [(ROOT / "tests" / "monitoring" / name).read_text() for name in ("test_faults.py", "test_outages.py")]
    assert any(f'"{rule["alert"]}"' in text for text in faults)


@each_rule
def test_an_alert_has_a_severity_and_a_runbook_at_the_anchor_that_it_names(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    page, anchor = rule["annotations"]["runbook_url"].split("#")
    assert (page, anchor) == ("docs/operations.md", rule["alert"].lower())
    assert f"\n### {rule['alert']}\n" in OPERATIONS


def test_there_is_no_runbook_for_an_alert_that_does_not_exist() -> None:
    runbooks = re.findall(r"^### (DeployDB\w+)$", OPERATIONS, re.MULTILINE)
    assert sorted(runbooks) == sorted(rule["alert"] for rule in RULES)


def test_prometheus_scrapes_every_process_at_its_port() -> None:
    (job,) = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    found = {group["labels"]["process"]: group["targets"] for group in job["static_configs"]}
    workers = {name: [f"127.0.0.1:{port}"] for name, (port, _) in WORKERS.items()}
    assert found == workers | {"web": ["127.0.0.1:8080"], "deployer": ["127.0.0.1:9107"]}
