"""The alerts and the table of metrics: what they name is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

ROOT = Path(__file__).parents[1]
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())["groups"][0]["rules"]
DOCUMENTED = dict(
    re.findall(
        r"`(deploydb_\w+)(?:\{([\w,]+)\})?`", (ROOT / "docs" / "operations.md").read_text().split("## Metrics")[1]
    )
)


def selected(expression: Any) -> Iterator[Any]:
    """The selectors of vectors in a parsed expression."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    parts = [getattr(expression, name, None) for name in ("expr", "lhs", "rhs", "vector_selector", "vs")]
    for part in [*parts, *getattr(expression, "args", ())]:
        if part is not None:
            yield from selected(part)


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_can_be_read_and_names_documented_metrics_and_labels(rule: dict[str, Any]) -> None:
    selectors = list(selected(promql_parser.parse(rule["expr"])))
    assert selectors
    for selector in selectors:
        assert selector.name in DOCUMENTED
        labels = {matcher.name for matcher in selector.matchers.matchers}
        assert labels <= set(DOCUMENTED[selector.name].split(","))


def test_every_metric_is_documented_and_every_documented_one_is_there() -> None:
    sources = [path.read_text() for root in ("deploydb", "workers") for path in (ROOT / root).rglob("*.py")]
    named = {
        name for text in sources for name in re.findall(r'(?:Counter|Gauge|Histogram)\(\s*f?"(deploydb_.+?)"', text)
    }
    made = {name.replace("{service}", service) for name in named for service in ("query", "gateway")}
    assert made == set(DOCUMENTED)
